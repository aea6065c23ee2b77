// Random operations on stores with random historic defects, on a disk that fails, kills and is damaged. What a store then holds
// is for other tests to judge: here it has to stay whole in memory, and to open again. Under ASan this finds what refers to
// blocks that are gone. WT_STORE_SEED as in store_property_test.cc.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>

#include "core/base/random.h"
#include "tests/core/store/store_fixture.h"

using namespace windtunnel::core;
using namespace windtunnel::tests;

namespace {

const std::vector<std::string> kSubjects = {"a", "b", "c.x", "c.y"};
const std::vector<std::string> kFilters = {"", "a", "c.*", ">"};

class Abuse {
 public:
  explicit Abuse(std::uint64_t seed) : random_(Seed{seed}) {
    const bool has_defects = random_.chance({3, 4});
    for (const DefectInfo& info : all_defects()) {
      const bool is_drawn = random_.chance({1, 6});
      if (has_defects && is_drawn && !info.affected.empty()) at_.world.defects.set(info.defect);
    }
    at_.options.block_size = Bytes{random_.between(100, 900)};
    at_.settings.compact_min = Bytes{random_.between(60, 400)};
    at_.settings.sync_always = random_.chance({1, 6});
    if (random_.chance({1, 3})) at_.options.compression = Compression::s2;
    at_.options.limits = draw_limits();
    at_.open();
  }

  void go(int steps) {
    for (int i = 0; i < steps; ++i) {
      if (random_.chance({1, 6})) fail_some();
      if (random_.chance({1, 12})) at_.world.disk->operations_left = static_cast<std::int64_t>(random_.below(10));
      bool was_killed = false;
      try {
        act();
      } catch (const TaskKilled&) {
        was_killed = true;
      }
      at_.world.disk->fails = nullptr;
      at_.world.disk->operations_left = -1;
      if (was_killed) reopen();
      look();
    }
  }

 private:
  StoreLimits draw_limits() {
    StoreLimits limits;
    if (random_.chance({1, 4})) limits.max_msgs = static_cast<std::int64_t>(random_.between(1, 20));
    if (random_.chance({1, 4})) limits.max_bytes = static_cast<std::int64_t>(random_.between(50, 2000));
    if (random_.chance({1, 4})) limits.max_msgs_per_subject = static_cast<std::int64_t>(random_.between(1, 4));
    if (random_.chance({1, 5})) limits.max_age = Duration{static_cast<std::int64_t>(random_.between(1, 60)) * 1000000000};
    return limits;
  }
  // The disk operations of the next step fail now and then.
  void fail_some() {
    const auto of = static_cast<std::uint32_t>(random_.between(2, 12));
    const bool only_syncs = random_.chance({1, 2});
    at_.world.disk->fails = [this, of, only_syncs](std::string_view operation, std::string_view) -> std::optional<Errc> {
      if (only_syncs && operation != "sync") return std::nullopt;
      return random_.chance({1, of}) ? std::optional{Errc::io_error} : std::nullopt;
    };
  }

  void act() {
    StreamStore& store = *at_.store;
    const Seq last = store.state().last_seq;
    const Seq seq{random_.between(1, last.value + 2)};
    const std::string& subject = kSubjects[random_.below(kSubjects.size())];
    const std::string payload(static_cast<std::size_t>(random_.below(random_.chance({1, 10}) ? 700 : 50)), 'p');
    switch (random_.below(24)) {
      case 0: (void)store.remove(seq, true); return;
      case 1:
      case 2:
      case 3: (void)store.remove(seq, false); return;
      case 4: {
        PurgeRequest request;
        request.filter = kFilters[random_.below(kFilters.size())];
        if (random_.chance({1, 2})) request.below = seq;
        if (random_.chance({1, 2})) request.keep = random_.below(3);
        (void)store.purge(request);
        return;
      }
      case 5: (void)store.compact(random_.chance({1, 12}) ? Seq{seq.value + (std::uint64_t{1} << 33)} : seq); return;
      case 6: (void)store.truncate(seq); return;
      case 7: (void)store.skip_through(Seq{last.value + random_.below(4)}, at_.now()); return;
      case 8:
      case 9:
      case 10: (void)store.sync(); return;
      case 11: (void)store.set_limits(at_.options.limits = draw_limits()); return;
      case 12: at_.world.clock.time += Duration{static_cast<std::int64_t>(random_.below(40)) * 1000000000}; return;
      case 13: return run_task();
      case 14: (void)store.stop(); return reopen();
      case 15:
        if (random_.chance({1, 3})) (void)store.destroy();
        return reopen();
      default: (void)store.append({subject, "", payload}, at_.now()); return;
    }
  }
  // One of the store's own tasks, for some time.
  void run_task() {
    auto& spawned = at_.world.tasks.spawned;
    if (spawned.empty()) return;
    if (spawned.size() > 1 && random_.chance({1, 2})) std::swap(spawned[0], spawned[1]);
    at_.run_background(static_cast<int>(random_.below(6)));
  }
  // What a store's files suffer while nobody looks.
  void damage() {
    std::vector<std::string> names;
    for (const auto& [path, content] : at_.world.disk->files()) {
      if (!content.empty()) names.push_back(path);
    }
    if (names.empty()) return;
    const std::string& name = names[random_.below(names.size())];
    std::string& content = at_.world.disk->file(name);
    const std::size_t at = static_cast<std::size_t>(random_.below(content.size()));
    switch (random_.below(4)) {
      case 0: content[at] = static_cast<char>(content[at] ^ 1 << random_.below(8)); return;
      case 1: content.resize(at); return;
      case 2: std::fill(content.begin() + static_cast<std::ptrdiff_t>(at), content.end(), '\0'); return;
      default: at_.world.disk->files().erase(name); return;
    }
  }
  void reopen() {
    at_.world.disk->fails = nullptr;
    at_.world.disk->operations_left = -1;
    if (random_.chance({1, 4})) damage();
    at_.kill();
  }
  void look() {
    StreamStore& store = *at_.store;
    const StreamState state = store.state();
    if (!state.lost.empty()) REQUIRE(std::is_sorted(state.lost.begin(), state.lost.end()));
    (void)store.subject_counts("");
    (void)store.seq_at_time(at_.now());
    Seq from{1};
    for (int i = 0; i < 100; ++i) {
      const auto next = store.load_next({kFilters[random_.below(kFilters.size())]}, from);
      if (next && !*next) break;
      from = next ? (*next)->seq.next() : from.next();
    }
    if (random_.chance({1, 4})) (void)store.load_last(kFilters[random_.below(kFilters.size())]);
    (void)store.count_matching({}, from);
  }

  Random random_;
  StoreFixture at_;
};

}  // namespace

TEST_CASE("whatever its disk does and whichever defects it has, a store goes on and opens again") {
  std::uint64_t first = 1;
  std::uint64_t last = 500;
  if (const char* only = std::getenv("WT_STORE_SEED")) {
    char* end = nullptr;
    first = last = std::strtoull(only, &end, 10);
    if (*end == '-') last = std::strtoull(end + 1, nullptr, 10);
  }
  for (std::uint64_t seed = first; seed <= last; ++seed) {
    CAPTURE(seed);
    Abuse abuse{seed};
    abuse.go(80);
  }
}
