#include "faults/op_trigger.h"

#include <doctest/doctest.h>

#include <vector>

namespace windtunnel::faults {
namespace {

TEST_CASE("a trigger is read from the sentence that it prints") {
  const auto trigger = parse_op_trigger("3rd fsync of msgs/2.blk at leaf");
  REQUIRE(trigger);
  CHECK(*trigger == OpTrigger{.op = DiskOp::fsync, .occurrence = 3, .path = "msgs/2.blk", .node = "leaf"});
  for (const std::uint64_t n : {1u, 2u, 3u, 4u, 11u, 12u, 13u, 21u, 22u, 101u, 111u, 1003u}) {
    for (std::size_t op = 0; op < disk_op_names().size(); ++op) {
      const OpTrigger each{.op = static_cast<DiskOp>(op), .occurrence = n, .path = "**/msgs/*.blk", .node = "hub"};
      CHECK(parse_op_trigger(to_text(each)).value() == each);
    }
  }
  const auto odds = parse_op_trigger("after 1/250 write of *.blk at hub");
  REQUIRE(odds);
  CHECK(odds->odds == 250);
  CHECK(odds->moment == Moment::after);
  CHECK(to_text(*odds) == "after 1/250 write of *.blk at hub");
  CHECK(parse_op_trigger("before 3rd fsync of msgs/2.blk at leaf").value() == *trigger);
  CHECK(to_text(OpTrigger{.op = DiskOp::write, .occurrence = 112, .path = "x", .node = "n"}) == "112th write of x at n");
}

TEST_CASE("what is no trigger is refused with the reason") {
  struct Row {
    std::string_view text;
    std::string_view reason;
  };
  for (const Row& row : std::vector<Row>{{"", "is no disk operation"},
                                         {"fsync of a at leaf", "is no disk operation"},
                                         {"3rd fsync of a on leaf", "is no disk operation"},
                                         {"0th fsync of a at leaf", "which one"},
                                         {"third fsync of a at leaf", "which one"},
                                         {"3 fsync of a at leaf", "which one"},
                                         {"1/0 fsync of a at leaf", "which one"},
                                         {"1/ fsync of a at leaf", "which one"},
                                         {"2/3 fsync of a at leaf", "which one"},
                                         {"after fsync of a at leaf", "is no disk operation"},
                                         {"3rd fsnc of a at leaf", "unknown operation `fsnc`"},
                                         {"3rd fsync of a//b at leaf", "empty part"},
                                         {"3rd fsync of a at ", "no node"},
                                         {"3rd fsync of a\"b at leaf", "has a quote"},
                                         {"3rd fsync of a\\b at leaf", "has a quote"},
                                         {"99999999999999999999th fsync of a at leaf", "which one"}}) {
    CAPTURE(row.text);
    const auto trigger = parse_op_trigger(row.text);
    REQUIRE_FALSE(trigger);
    CHECK(trigger.error().detail.find(row.reason) != std::string::npos);
  }
}

TEST_CASE("a glob names the last components of a path") {
  static constexpr std::string_view kBlock = "jetstream/$G/streams/ORDERS/msgs/2.blk";
  struct Row {
    std::string_view glob;
    bool matches;
  };
  for (const Row& row : std::vector<Row>{{"msgs/2.blk", true},
                                         {"2.blk", true},
                                         {"*.blk", true},
                                         {"msgs/*.blk", true},
                                         {"ORDERS/msgs/2.blk", true},
                                         {"ORDERS/**/2.blk", true},
                                         {"**/2.blk", true},
                                         {"**", true},
                                         {"streams/**", true},
                                         {"msgs/12.blk", false},
                                         {"sgs/2.blk", false},
                                         {"msgs/2.bl", false},
                                         {"msgs", false},
                                         {"ORDERS/*", false},
                                         {"ORDERS/*/2.blk", true},
                                         {"a/jetstream/$G/streams/ORDERS/msgs/2.blk", false},
                                         {"OTHER/**", false},
                                         {"*2*b*k", true},
                                         {"*2*b*x", false}}) {
    CAPTURE(row.glob);
    CHECK(path_matches(row.glob, kBlock) == row.matches);
  }
}

}  // namespace
}  // namespace windtunnel::faults
