// OpTrigger: a place in a run that is named by what a node does to its disk instead of by a time, as in
// "3rd fsync of msgs/2.blk at leaf". It stays the same place when code elsewhere changes its timing. With odds instead of
// a number, "1/100 write of *.blk at leaf", it is each of these operations that the seed picks.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "core/base/result.h"

namespace windtunnel::faults {

enum class DiskOp : std::uint8_t { create, write, fsync, truncate, rename, remove, mkdir, fsync_directory, open, read, list };
enum class Moment : std::uint8_t {
  before,  // nothing of the operation has happened
  after,   // it has taken effect, and its caller does not know yet
};

struct OpTrigger {
  DiskOp op = DiskOp::write;
  std::uint64_t occurrence = 1;  // 1 is the first since the start of the run, or since the time that is given beside it
  std::string path;              // a glob; see path_matches
  std::string node;
  Moment moment = Moment::before;
  std::uint32_t odds = 0;  // not 0: no occurrence, but each with a chance of 1/odds
  friend bool operator==(const OpTrigger&, const OpTrigger&) = default;
};

[[nodiscard]] std::string_view name_of(DiskOp op);  // the word in a trigger: "fsync", "fsync-directory"
[[nodiscard]] std::span<const std::string_view> disk_op_names();

// "3rd fsync of msgs/2.blk at leaf", "after 1/100 write of *.blk at hub"; parse_op_trigger reads it back.
[[nodiscard]] std::string to_text(const OpTrigger& trigger);
// Errors: invalid_argument, with what is wrong and the shape that is expected. Whether the node exists is not its business.
[[nodiscard]] core::Result<OpTrigger> parse_op_trigger(std::string_view text);

// Whether `path` (relative to the node's root) is what `glob` names. The glob matches the path's last components, as many
// as it has itself: "msgs/2.blk" names that file in every stream. `*` stands for any characters within one component,
// `**` as a whole component for any number of components. A rename counts under its new name.
[[nodiscard]] bool path_matches(std::string_view glob, std::string_view path);

}  // namespace windtunnel::faults
