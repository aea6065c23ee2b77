// What `windtunnel inspect` says of a store's directory: it finds the streams, looks at one after the other, and hands what
// it found to a writer, text or JSON. Only one stream is in memory at a time, and of its messages only one.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/jetstream/stream_config.h"
#include "core/store/inspection.h"
#include "reports/text.h"

namespace windtunnel::reports {

struct InspectOptions {
  std::optional<core::WallTime> at;  // the limits by age are applied as of then; absent: they are not
  bool with_messages = false;
  bool with_consumers = false;  // what each has pending, one by one
};

struct ConsumerFindings {
  core::ConsumerReport report;
  std::string created;            // RFC 3339, as stored; empty: unknown
  std::string config;             // JSON, without Created and Name; empty: unreadable
  std::uint64_t num_pending = 0;  // messages of the stream still to be delivered
};

struct StreamFindings {
  std::string account;  // empty: not known
  std::string name;
  std::string directory;  // from the disk's root
  std::string created;    // as of a consumer
  std::string config_json;
  std::optional<core::StreamConfig> config;
  std::unique_ptr<core::StreamInspection> inspection;  // null: refused or unreadable, see the problems
  std::vector<ConsumerFindings> consumers;
  std::vector<core::Problem> problems;  // all of them: the stream's, its consumers', the gravest first
};

struct InspectTotals {
  std::uint64_t streams = 0;
  std::uint64_t notes = 0;
  std::uint64_t warnings = 0;
  std::uint64_t damages = 0;
  std::uint64_t encrypted = 0;  // streams that were refused
};

class InspectWriter {
 public:
  virtual ~InspectWriter() = default;
  // `directory`: what all files begin with.
  virtual void begin(std::string_view path, const std::string& directory, std::size_t streams) = 0;
  // May add problems that show only when messages are read; they count.
  virtual void stream(StreamFindings& findings) = 0;
  // `problems`: of no stream.
  virtual void end(const InspectTotals& totals, const std::vector<core::Problem>& problems) = 0;
};

// Whether a stored time is none: 0, or what the zero time of Go overflows to (reference: filestore 2.4).
[[nodiscard]] constexpr bool is_no_time(core::WallTime time) { return time.unix_ns == 0 || time.unix_ns == -6795364578871345152; }

// Takes what is written, piece by piece.
using Sink = std::function<void(std::string_view text)>;
// docs/inspect.md has the format. `version`: of the program.
[[nodiscard]] std::unique_ptr<InspectWriter> inspect_json(Sink sink, const InspectOptions& options, std::string_view version);
[[nodiscard]] std::unique_ptr<InspectWriter> inspect_text(Sink sink, const InspectOptions& options, TextStyle style);

// Looks at `directory` of `disk`: a stream, an account, a directory of accounts, or a store with `jetstream` in it. `shown`:
// what the user calls it. Changes nothing. Errors: not_found (no store; the detail says what is missing), io_error, read_only.
[[nodiscard]] core::Result<InspectTotals> inspect(core::Disk& disk, const std::string& directory, std::string_view shown,
                                                  const InspectOptions& options, InspectWriter& writer);

}  // namespace windtunnel::reports
