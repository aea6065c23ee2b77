#include "faults/fault.h"

#include <doctest/doctest.h>

#include <set>

namespace windtunnel::faults {
namespace {

using namespace std::chrono_literals;

TEST_CASE("a fault prints as the entry of a timeline that a scenario has") {
  const Fault loss{At{{25s, 25s}}, PowerLoss{.node = "hub", .keep = Keep::any}};
  CHECK(to_text(loss) == "{ at: 25s, power_loss: { node: hub, keep: any } }");
  const Fault kill{OpTrigger{.op = DiskOp::fsync, .occurrence = 3, .path = "msgs/2.blk", .node = "leaf"},
                   SendSignal{.node = "leaf", .name = SignalName::kill}};
  CHECK(to_text(kill) == "{ on: \"3rd fsync of msgs/2.blk at leaf\", signal: { node: leaf, name: SIGKILL } }");
  const Fault cut{After{{1s, 2s}}, Cut{.link = {"hub", "leaf"}, .how = CutHow::black_hole, .direction = Direction::a_to_b}};
  CHECK(to_text(cut) == "{ after: 1s..2s, cut: { link: [hub, leaf], how: black_hole, direction: a_to_b } }");
}

TEST_CASE("each kind has a name of its own, a sentence and an example that shows it") {
  std::set<std::string_view> names;
  for (const FaultKind& kind : fault_kinds()) {
    CAPTURE(kind.name);
    CHECK(names.insert(kind.name).second);
    CHECK(kind.summary.ends_with('.'));
    CHECK(kind.example.find(std::string{kind.name} + ": ") != std::string_view::npos);
  }
}

TEST_CASE("the kinds stand in the order of the alternatives") {
  CHECK(kind_of(SendSignal{}).name == "signal");
  CHECK(kind_of(PowerLoss{}).name == "power_loss");
  CHECK(kind_of(Start{}).name == "start");
  CHECK(kind_of(Pause{}).name == "pause");
  CHECK(kind_of(Resume{}).name == "resume");
  CHECK(kind_of(Cut{}).name == "cut");
  CHECK(kind_of(Heal{}).name == "heal");
  CHECK(kind_of(Delay{}).name == "delay");
  CHECK(kind_of(Throttle{}).name == "throttle");
  CHECK(kind_of(ClockStep{}).name == "clock_step");
  CHECK(kind_of(LoseFile{}).name == "lose_file");
  CHECK(kind_of(StaleFile{}).name == "stale_file");
  CHECK(kind_of(TruncateFile{}).name == "truncate_file");
  CHECK(kind_of(ZeroFile{}).name == "zero_file");
  CHECK(kind_of(BitFlip{}).name == "bit_flip");
  CHECK(kind_of(BadSector{}).name == "bad_sector");
  CHECK(kind_of(Misread{}).name == "misread");
  CHECK(kind_of(MisdirectedRead{}).name == "misdirected_read");
  CHECK(kind_of(MisdirectedWrite{}).name == "misdirected_write");
  CHECK(kind_of(ShortWrite{}).name == "short_write");
  CHECK(kind_of(PhantomSync{}).name == "phantom_sync");
  CHECK(kind_of(FailedFsync{}).name == "failed_fsync");
  CHECK(kind_of(DiskError{}).name == "disk_error");
  CHECK(kind_of(DiskFull{}).name == "disk_full");
  CHECK(kind_of(SlowDisk{}).name == "slow_disk");
  CHECK(kind_of(HealDisk{}).name == "heal_disk");
}

TEST_CASE("a fault strikes a node or a link") {
  const Action kill = SendSignal{.node = "hub"};
  const Action cut = Cut{.link = {"hub", "leaf"}};
  REQUIRE(node_of(kill) != nullptr);
  CHECK(*node_of(kill) == "hub");
  CHECK(link_of(kill) == nullptr);
  REQUIRE(link_of(cut) != nullptr);
  CHECK(link_of(cut)->joins_same({"leaf", "hub"}));
  CHECK_FALSE(link_of(cut)->joins_same({"leaf", "other"}));
  CHECK(node_of(cut) == nullptr);
}

TEST_CASE("a report describes a fault in few words") {
  CHECK(describe(SendSignal{.node = "hub", .name = SignalName::abrt}) == "SIGABRT hub");
  CHECK(describe(Cut{.link = {"a", "b"}, .how = CutHow::reset, .direction = Direction::a_to_b}) == "cut a -> b how=reset");
  CHECK(describe(BitFlip{.node = "hub", .file = {.glob = "msgs/*.blk", .stream = "ORDERS", .pick = Pick::first}, .bits = 3}) ==
        "bit_flip hub file=msgs/*.blk of=ORDERS pick=first bits=3");
  CHECK(describe(ClockStep{.node = "hub", .by = -5min}) == "clock_step hub by=-5m");
}

}  // namespace
}  // namespace windtunnel::faults
