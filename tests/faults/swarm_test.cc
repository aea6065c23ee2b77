#include "faults/swarm.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>

namespace windtunnel::faults {
namespace {

using namespace std::chrono_literals;
using core::Random;
using core::Seed;

SwarmSpec everything() {
  SwarmSpec spec;
  for (std::size_t i = 0; i < static_cast<std::size_t>(SwarmKind::count_); ++i) spec.kinds.push_back(static_cast<SwarmKind>(i));
  spec.faults_max = 20;
  spec.nodes = {"hub", "leaf"};
  spec.links = {{"hub", "leaf"}};
  return spec;
}

std::vector<Fault> drawn(const SwarmSpec& spec, std::uint64_t seed) { return draw_swarm(spec, Random{Seed{seed}}.child("swarm")); }
core::Duration time_of(const Fault& fault) { return std::get<At>(fault.when).time.low; }
std::vector<std::string> texts(const std::vector<Fault>& faults) {
  std::vector<std::string> out;
  for (const Fault& fault : faults) out.push_back(to_text(fault));
  return out;
}

TEST_CASE("the same seed draws the same faults, and other seeds other ones, from none to many") {
  std::set<std::vector<std::string>> different;
  std::set<std::size_t> sizes;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    const std::vector<Fault> faults = drawn(everything(), seed);
    CHECK(faults == drawn(everything(), seed));
    different.insert(texts(faults));
    sizes.insert(faults.size());
  }
  CHECK(different.size() > 180);
  CHECK(sizes.contains(0));
  CHECK(*sizes.rbegin() > 20);
}

TEST_CASE("every kind is on in some runs and off in others") {
  std::map<std::string_view, int> runs;
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    std::set<std::string_view> kinds;
    for (const Fault& fault : drawn(everything(), seed)) kinds.insert(kind_of(fault.action).name);
    for (const std::string_view kind : kinds) ++runs[kind];
  }
  for (const FaultKind& kind : fault_kinds()) {
    CAPTURE(kind.name);
    CHECK(runs[kind.name] > 0);
    CHECK(runs[kind.name] < 300);
  }
}

TEST_CASE("faults strike in the window, and nothing is broken any more when it must be healed") {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    CAPTURE(seed);
    const SwarmSpec spec = everything();
    std::map<std::string, bool> is_down;
    std::map<std::string, bool> is_paused;
    std::map<std::string, core::Duration> clock;
    std::set<std::string> ill_disks;
    int broken_links = 0;
    core::Duration last{};
    for (const Fault& fault : drawn(spec, seed)) {
      CHECK(time_of(fault) >= last);
      last = time_of(fault);
      CHECK(last >= spec.window.low);
      CHECK(last <= spec.heal_by);
      const std::string_view kind = kind_of(fault.action).name;
      const std::string* node = node_of(fault.action);
      if (kind == "signal" || kind == "power_loss") CHECK_FALSE(std::exchange(is_down[*node], true));
      if (kind == "start") CHECK(std::exchange(is_down[*node], false));
      if (kind == "pause") CHECK_FALSE(std::exchange(is_paused[*node], true));
      if (kind == "resume") CHECK(std::exchange(is_paused[*node], false));
      if (kind == "clock_step") clock[*node] += std::get<ClockStep>(fault.action).by;
      if (kind == "heal_disk") ill_disks.erase(*node);
      if (kind == "phantom_sync" || kind == "disk_full" || kind == "disk_error" || kind == "slow_disk" || kind == "short_write")
        ill_disks.insert(*node);
      if (kind == "heal") --broken_links;
      if (kind == "cut" || kind == "delay" || kind == "throttle") CHECK(++broken_links == 1);
      if (kind == "lose_file" || kind == "truncate_file") CHECK(is_down[*node]);
    }
    for (const auto& [node, down] : is_down) CHECK_FALSE(down);
    for (const auto& [node, paused] : is_paused) CHECK_FALSE(paused);
    for (const auto& [node, by] : clock) CHECK(by == 0s);
    CHECK(ill_disks.empty());
    CHECK(broken_links == 0);
  }
}

TEST_CASE("a kind that is added takes some faults over and moves no other") {
  SwarmSpec few = everything();
  few.kinds = {SwarmKind::misread, SwarmKind::failed_fsync};  // nothing that keeps others from striking
  SwarmSpec more = few;
  more.kinds = {SwarmKind::misread, SwarmKind::misdirected_read, SwarmKind::failed_fsync};
  std::size_t kept = 0;
  std::size_t taken = 0;
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    CAPTURE(seed);
    const std::vector<std::string> before = texts(drawn(few, seed));
    for (const Fault& fault : drawn(more, seed)) {
      const std::string_view kind = kind_of(fault.action).name;
      if (kind == "heal_disk") continue;
      const bool was_there = std::find(before.begin(), before.end(), to_text(fault)) != before.end();
      // A kind that alone is on may take what nobody had.
      if (kind != "misdirected_read") CHECK(was_there);
      ++(kind == "misdirected_read" ? taken : kept);
    }
  }
  CHECK(kept > 100);
  CHECK(taken > 100);
}

TEST_CASE("without links no fault of a link is drawn, and a swarm of them alone draws none") {
  SwarmSpec spec = everything();
  spec.links.clear();
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    for (const Fault& fault : drawn(spec, seed)) CHECK(link_of(fault.action) == nullptr);
  }
  spec.kinds = {SwarmKind::cut};
  CHECK(drawn(spec, 1).empty());
}

TEST_CASE("a group's word stands for its kinds, and each kind belongs to one") {
  std::vector<SwarmKind> all;
  for (const char* group : {"process", "link", "clock", "disk"}) {
    const std::vector<SwarmKind> kinds = swarm_kinds(group);
    CHECK_FALSE(kinds.empty());
    all.insert(all.end(), kinds.begin(), kinds.end());
  }
  std::sort(all.begin(), all.end());
  CHECK(all == everything().kinds);
  CHECK(swarm_kinds("kill") == std::vector<SwarmKind>{SwarmKind::kill});
  CHECK(swarm_kinds("nothing").empty());
}

}  // namespace
}  // namespace windtunnel::faults
