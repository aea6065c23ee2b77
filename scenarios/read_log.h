// ReadLog: what clients asked streams for, message by message, and were told.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/types.h"
#include "scenarios/ledger.h"

namespace windtunnel::scenarios {

struct StreamRead {
  enum class Kind : std::uint8_t {
    last,      // the last message of `subject`
    sequence,  // the one of `seq`
    next,      // the first of `subject` at or after `seq`
  };
  enum class Told : std::uint8_t { nothing, absent, found };
  std::string workload;
  Kind kind = Kind::last;
  std::string subject;
  core::Seq seq;
  bool is_direct = false;  // asked of the stream and not of the API
  core::Instant called;
  core::Instant returned;  // of an answer
  Told told = Told::nothing;
  // Of what was found.
  core::Seq found;
  std::string found_subject;
  std::optional<PublishId> id;  // whose message it is, by its payload
  bool is_intact = true;        // and the payload is the one that was published
};

// "last of orders.1: not found", "sequence 17: careful#3 under 17"
[[nodiscard]] inline std::string text_of(const StreamRead& read) {
  std::string out = read.kind == StreamRead::Kind::last       ? "last of " + read.subject
                    : read.kind == StreamRead::Kind::sequence ? "sequence " + std::to_string(read.seq.value)
                                                              : "next of " + read.subject + " from " + std::to_string(read.seq.value);
  if (read.is_direct) out += ", directly";
  if (read.told == StreamRead::Told::found) return out + ": sequence " + std::to_string(read.found.value);
  return out + (read.told == StreamRead::Told::absent ? ": not found" : ": no answer");
}

class ReadLog {
 public:
  using Place = std::pair<std::string, std::string>;  // node and stream

  // Grows while others read too: an index stays good, a reference does not.
  [[nodiscard]] std::vector<StreamRead>& of(const std::string& node, const std::string& stream) { return reads_[{node, stream}]; }
  // nullptr: nobody read there.
  [[nodiscard]] const std::vector<StreamRead>* find(const std::string& node, const std::string& stream) const {
    const auto found = reads_.find({node, stream});
    return found == reads_.end() ? nullptr : &found->second;
  }

 private:
  std::map<Place, std::vector<StreamRead>> reads_;
};

}  // namespace windtunnel::scenarios
