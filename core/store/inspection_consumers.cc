#include <algorithm>

#include "core/env/disk.h"
#include "core/store/inspection.h"
#include "core/store/inspection_scan.h"

namespace windtunnel::core {
namespace {

constexpr Bytes kStateSizeMax{1u << 30};

class ConsumerInspector {
 public:
  ConsumerInspector(Disk& disk, std::string directory, std::string_view stream, std::string name)
      : disk_(disk), directory_(std::move(directory)) {
    report_.meta = inspect_meta(disk, directory_, std::string(stream) + "/" + name);
    report_.name = std::move(name);
    report_.problems = report_.meta.problems;
    for (Problem& problem : report_.problems) problem.consumer = report_.name;
  }

  ConsumerReport run(const std::optional<StreamState>& stream) {
    const std::string path = directory_ + "/o.dat";
    const auto bytes = disk_.read_file(path, kStateSizeMax);
    if (!bytes && bytes.error().code == Errc::not_found) {
      problem(Severity::warning, "missing-consumer-state", path, "o.dat is not there: what was delivered and acknowledged is not known",
              "the consumer starts over, where its deliver policy says");
      return std::move(report_);
    }
    auto state = bytes ? decode_consumer_state(*bytes) : Result<ConsumerState>{bytes.error()};
    if (!state) {
      problem(Severity::damage, "unreadable-consumer-state", path,
              bytes ? "o.dat is damaged: " + state.error().detail : state.error().text(),
              "windtunnel refuses it; nats-server before 2.11.12 and 2.12.4 takes it for empty and delivers everything again");
      return std::move(report_);
    }
    report_.state = *std::move(state);
    check_itself(path);
    if (stream) check_against(*stream, path);
    return std::move(report_);
  }

 private:
  void problem(Severity severity, std::string kind, const std::string& file, std::string what, std::string advice) {
    report_.problems.push_back({severity, std::move(kind), file, std::nullopt, 0, report_.name, std::move(what), std::move(advice)});
  }

  void check_itself(const std::string& path) {
    const ConsumerState& state = *report_.state;
    const bool is_floor_ahead = state.ack_floor.stream > state.delivered.stream || state.ack_floor.consumer > state.delivered.consumer;
    const bool is_pending_outside = std::any_of(state.pending.begin(), state.pending.end(), [&](const auto& entry) {
      return entry.first > state.delivered.stream || entry.first <= state.ack_floor.stream;
    });
    if (is_floor_ahead || is_pending_outside) {
      problem(Severity::warning, "inconsistent-consumer-state", path,
              is_floor_ahead ? "the acknowledgement floor is ahead of what was delivered"
                             : "messages are pending that lie outside of what was delivered and not yet acknowledged",
              "o.dat has no checksum: a damaged one may read like this");
    }
  }

  void check_against(const StreamState& stream, const std::string& path) {
    const Seq delivered = report_.state->delivered.stream;
    const Seq floor = report_.state->ack_floor.stream;
    if (std::max(delivered, floor) <= stream.last_seq) return;
    problem(Severity::warning, "consumer-ahead", path,
            (delivered > stream.last_seq ? "delivered up to sequence " + std::to_string(delivered.value)
                                         : "acknowledged up to sequence " + std::to_string(floor.value)) +
                ", but the stream ends at " + std::to_string(stream.last_seq.value),
            "windtunnel and nats-server 2.14 move it back; older servers deliver nothing to it until the stream has caught up");
  }

  Disk& disk_;
  const std::string directory_;
  ConsumerReport report_;
};

}  // namespace

Result<std::vector<ConsumerReport>> inspect_consumers(Disk& disk, std::string_view directory, std::string_view stream,
                                                      const std::optional<StreamState>& state) {
  std::vector<ConsumerReport> out;
  const std::string above = std::string(directory) + "/obs";
  const auto names = disk.list(above);
  if (!names && names.error().code == Errc::not_found) return out;
  if (!names) return names.error();
  for (const DirectoryEntry& entry : *names) {
    if (entry.is_directory) out.push_back(ConsumerInspector{disk, above + "/" + entry.name, stream, entry.name}.run(state));
  }
  return out;
}

}  // namespace windtunnel::core
