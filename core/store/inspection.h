// Inspection: what a stream's directory holds, and what is wrong with it, without changing it.
//
// Two looks at the same files. Recovery, the very code of the server, runs over a disk whose changes stay in memory: what
// it comes to is what a start would come to. Beside it the raw files are scanned, for what recovery passes over in silence:
// which bytes are damaged, what each block holds, whether index.db is of today.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/base/types.h"
#include "core/store/consumer_store.h"
#include "core/store/message_block.h"
#include "core/store/store_options.h"
#include "core/store/stream_store.h"

namespace windtunnel::core {

class Disk;

enum class Severity : std::uint8_t {
  note,     // worth knowing; as it may be after a crash, or while a server runs
  warning,  // something will not work as expected, or costs more than it must
  damage,   // data is lost, or cannot be read
};
[[nodiscard]] std::string_view name_of(Severity severity);  // "note", "warning", "damage"

struct Problem {
  Severity severity = Severity::note;
  std::string kind;  // "damaged-records", "missing-block", ...: see docs/inspect.md
  std::string file;  // from the disk's root; empty: none in particular
  std::optional<std::uint64_t> offset;
  std::uint64_t size = 0;  // of what lies at `offset`
  std::string consumer;    // empty: it concerns the stream
  std::string what;        // a sentence
  std::string advice;      // what to do about it; may be empty
};

struct BlockReport {
  std::uint32_t index = 0;
  std::string file;
  Bytes size;  // of the file
  bool is_compressed = false;
  Seq first_seq;  // of the messages in the file; 0: none
  Seq last_seq;
  std::uint64_t records = 0;  // messages in the file, live or not
  std::uint64_t live = 0;     // of them, those that recovery keeps
  std::uint64_t erased = 0;   // erased or skipped sequences
  std::uint64_t tombstones = 0;
  std::uint64_t damaged_bytes = 0;
};

struct IndexReport {
  enum class State : std::uint8_t { absent, current, stale, unreadable };
  State state = State::absent;
  std::string why;  // it is stale or unreadable
};
[[nodiscard]] std::string_view name_of(IndexReport::State state);

struct StreamReport {
  std::vector<BlockReport> blocks;
  IndexReport index;
  std::optional<StreamState> state;  // nullopt: recovery failed, see the problems
  std::vector<SeqRange> gaps;        // between first and last, without a live message; at most kGapsListedMax
  bool has_more_gaps = false;
  std::vector<SeqRange> lost;
  std::vector<Problem> problems;
};
inline constexpr std::size_t kGapsListedMax = 256;

class StreamInspection {
 public:
  // Looks at the stream in options.directory of `disk`, which must outlive it. With `at` the limit by age is applied as of
  // then, otherwise not at all. Suspends if the disk does.
  // Errors: unsupported (an encrypted store); io_error, read_only: the directory cannot be listed. Damage is no error.
  static Result<std::unique_ptr<StreamInspection>> open(Disk& disk, StreamStoreOptions options, std::optional<WallTime> at);
  virtual ~StreamInspection() = default;

  [[nodiscard]] virtual const StreamReport& report() const = 0;
  // Live messages in order, one in memory at a time. Messages that cannot be read become problems, given to `unreadable`.
  virtual Status for_each_message(const std::function<void(const StoredMessage& message)>& visit,
                                  const std::function<void(Problem problem)>& unreadable) = 0;
  // Live messages at or after `from` that match one of the filters (none: all). 0 where recovery failed.
  [[nodiscard]] virtual std::uint64_t count_matching(const std::vector<std::string>& filters, Seq from) const = 0;
};

struct MetaReport {
  std::string json;       // the content of meta.inf, whether its sum agrees or not; empty: there is none
  bool is_valid = false;  // a server would take it
  std::vector<Problem> problems;
};
// The meta.inf and meta.sum of a stream or consumer. `key_text`: "<stream>" or "<stream>/<consumer>". Suspends.
MetaReport inspect_meta(Disk& disk, std::string_view directory, std::string_view key_text);

struct ConsumerReport {
  std::string name;
  MetaReport meta;
  std::optional<ConsumerState> state;  // nullopt: it has none (problems say whether it should)
  std::vector<Problem> problems;       // those of meta included
};
// The consumers of the stream in `directory`, in order of name. `state`: what the stream was recovered to, if it was.
// Suspends. Errors: as of Disk::list, but for not_found: then there are none.
Result<std::vector<ConsumerReport>> inspect_consumers(Disk& disk, std::string_view directory, std::string_view stream,
                                                      const std::optional<StreamState>& state);

}  // namespace windtunnel::core
