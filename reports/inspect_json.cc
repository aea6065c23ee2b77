#include <cstddef>

#include "core/base/hash.h"
#include "core/base/json_writer.h"
#include "reports/inspect.h"

namespace windtunnel::reports {
namespace {

using core::JsonWriter;
using core::Problem;
using core::Seq;
using core::StreamState;

constexpr std::size_t kTextMax = 48;          // payloads of up to so many bytes are shown, if they are text
constexpr std::size_t kPieceMax = 64 * 1024;  // written at once

std::string time_text(core::WallTime time) { return is_no_time(time) ? std::string{core::kZeroTimeText} : core::rfc3339(time); }

std::string hex(const core::Sha256& digest) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  for (const unsigned char byte : digest) {
    out.push_back(kDigits[byte >> 4]);
    out.push_back(kDigits[byte & 15]);
  }
  return out;
}

// Whether the bytes are UTF-8.
bool is_text(std::string_view bytes) {
  static constexpr std::uint32_t kLeast[] = {0, 0x80, 0x800, 0x10000};
  for (std::size_t at = 0; at < bytes.size();) {
    const auto lead = static_cast<unsigned char>(bytes[at++]);
    if (lead < 0x80) continue;
    const std::size_t more = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;
    if (lead < 0xc2 || lead > 0xf4 || more > bytes.size() - at) return false;
    std::uint32_t code = lead & (0x3fu >> more);
    for (std::size_t i = 0; i < more; ++i) {
      const auto next = static_cast<unsigned char>(bytes[at++]);
      if ((next & 0xc0u) != 0x80u) return false;
      code = code << 6 | (next & 0x3fu);
    }
    if (code < kLeast[more] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return false;
  }
  return true;
}

// A path from the directory that was named, instead of from the one above it.
std::string_view below(std::string_view root, std::string_view path) {
  if (path == root) return ".";
  if (!root.empty() && path.starts_with(root) && path.substr(root.size()).starts_with('/')) path.remove_prefix(root.size() + 1);
  return path;
}

void write_problem(JsonWriter& json, std::string_view root, const Problem& problem) {
  json.begin_object();
  json.field("severity", core::name_of(problem.severity));
  json.field("kind", problem.kind);
  if (!problem.file.empty()) json.field("file", below(root, problem.file));
  if (problem.offset) json.field("offset", *problem.offset).field("size", problem.size);
  if (!problem.consumer.empty()) json.field("consumer", problem.consumer);
  json.field("what", problem.what);
  if (!problem.advice.empty()) json.field("advice", problem.advice);
  json.end_object();
}

void write_problems(JsonWriter& json, std::string_view root, const std::vector<Problem>& problems) {
  json.key("problems").begin_array();
  for (const Problem& problem : problems) write_problem(json, root, problem);
  json.end_array();
}

void write_config(JsonWriter& json, const std::string& created, const std::string& config) {
  if (!created.empty()) json.field("created", created);
  json.key("config");
  if (config.empty()) {
    json.null();
  } else {
    json.raw(config);
  }
}

void write_state(JsonWriter& json, const std::optional<StreamState>& state) {
  json.key("state");
  if (!state) {
    json.null();
    return;
  }
  json.begin_object();
  json.field("messages", state->messages).field("bytes", state->bytes.value);
  json.field("first_seq", state->first_seq.value).field("first_ts", time_text(state->first_time));
  json.field("last_seq", state->last_seq.value).field("last_ts", time_text(state->last_time));
  json.field("num_deleted", state->num_deleted).field("num_subjects", state->num_subjects);
  json.end_object();
}

void write_blocks(JsonWriter& json, std::string_view root, const std::vector<core::BlockReport>& blocks) {
  json.key("blocks").begin_array();
  for (const core::BlockReport& block : blocks) {
    json.begin_object();
    json.field("file", below(root, block.file))
        .field("index", block.index)
        .field("size", block.size.value)
        .field("compressed", block.is_compressed);
    json.field("first_seq", block.first_seq.value).field("last_seq", block.last_seq.value);
    json.field("live", block.live).field("deleted", block.records - block.live);
    json.field("erased", block.erased).field("tombstones", block.tombstones).field("damaged_bytes", block.damaged_bytes);
    json.end_object();
  }
  json.end_array();
}

void write_pair(JsonWriter& json, std::string_view name, const core::SequencePair& pair) {
  json.key(name).begin_object();
  json.field("consumer_seq", pair.consumer).field("stream_seq", pair.stream.value);
  json.end_object();
}

void write_consumer(JsonWriter& json, const ConsumerFindings& consumer, bool with_details) {
  json.begin_object();
  json.field("name", consumer.report.name);
  write_config(json, consumer.created, consumer.config);
  const std::optional<core::ConsumerState>& state = consumer.report.state;
  if (!state) {
    json.key("delivered").null().key("ack_floor").null();
    json.end_object();
    return;
  }
  write_pair(json, "delivered", state->delivered);
  write_pair(json, "ack_floor", state->ack_floor);
  json.field("num_ack_pending", state->pending.size()).field("num_redelivered", state->redelivered.size());
  json.field("num_pending", consumer.num_pending);
  if (with_details) {
    json.key("pending").begin_array();
    for (const auto& [seq, delivery] : state->pending) {
      json.begin_object();
      json.field("stream_seq", seq.value).field("consumer_seq", delivery.consumer_seq);
      json.field("delivered_at", core::rfc3339(delivery.delivered_at));
      json.end_object();
    }
    json.end_array().key("redelivered").begin_array();
    for (const auto& [seq, deliveries] : state->redelivered) {
      json.begin_object();
      json.field("stream_seq", seq.value).field("count", deliveries);
      json.end_object();
    }
    json.end_array();
  }
  json.end_object();
}

class JsonInspectWriter final : public InspectWriter {
 public:
  JsonInspectWriter(Sink sink, const InspectOptions& options, std::string_view version)
      : sink_(std::move(sink)), options_(options), version_(version) {}

  void begin(std::string_view path, const std::string& directory, std::size_t) override {
    root_ = directory;
    json_.begin_object();
    json_.field("schema", "windtunnel.inspect").field("version", 1).field("windtunnel", version_).field("path", path);
    if (options_.at) json_.field("at", core::rfc3339(*options_.at));
    json_.key("streams").begin_array();
  }

  void stream(StreamFindings& findings) override {
    json_.begin_object();
    json_.field("name", findings.name);
    if (!findings.account.empty()) json_.field("account", findings.account);
    json_.field("directory", below(root_, findings.directory));
    write_config(json_, findings.created, findings.config_json);
    if (findings.inspection == nullptr) {
      write_state(json_, std::nullopt);
      json_.key("lost").begin_array().end_array();
    } else {
      write_report(findings.inspection->report());
    }
    json_.key("consumers").begin_array();
    for (const ConsumerFindings& consumer : findings.consumers) write_consumer(json_, consumer, options_.with_consumers);
    json_.end_array();
    if (options_.with_messages) write_messages(findings);
    write_problems(json_, root_, findings.problems);
    json_.end_object();
    flush();
  }

  void end(const InspectTotals&, const std::vector<Problem>& problems) override {
    json_.end_array();
    write_problems(json_, root_, problems);
    json_.end_object();
    flush();
    sink_("\n");
  }

 private:
  void write_report(const core::StreamReport& report) {
    write_state(json_, report.state);
    json_.key("index").begin_object().field("state", core::name_of(report.index.state));
    if (!report.index.why.empty()) json_.field("why", report.index.why);
    json_.end_object();
    write_blocks(json_, root_, report.blocks);
    json_.key("gaps").begin_array();
    for (const core::SeqRange& gap : report.gaps)
      json_.begin_object().field("first", gap.first.value).field("last", gap.last.value).end_object();
    json_.end_array();
    if (report.has_more_gaps) json_.field("gaps_truncated", true);
    json_.key("lost").begin_array();
    if (report.state) {
      for (const Seq seq : report.state->lost) json_.number(seq.value);
    }
    json_.end_array();
  }

  void write_messages(StreamFindings& findings) {
    json_.key("messages").begin_array();
    if (findings.inspection != nullptr) {
      const core::Status done =
          findings.inspection->for_each_message([this](const core::StoredMessage& message) { write_message(message); },
                                                [&](Problem problem) { findings.problems.push_back(std::move(problem)); });
      if (!done) {
        findings.problems.push_back(
            {core::Severity::damage, "unreadable-file", findings.directory, std::nullopt, 0, {}, done.error().text(), {}});
      }
    }
    json_.end_array();
  }

  void write_message(const core::StoredMessage& message) {
    json_.begin_object();
    json_.field("seq", message.seq.value).field("subject", message.subject).field("time", core::rfc3339(message.time));
    json_.field("size", message.payload.size()).field("sha256", hex(core::sha256(message.payload)));
    if (!message.headers.empty()) json_.field("hdrs_b64", core::base64(message.headers));
    if (message.payload.size() <= kTextMax && is_text(message.payload)) json_.field("text", message.payload);
    json_.end_object();
    if (json_.view().size() > kPieceMax) flush();
  }

  void flush() { sink_(json_.take()); }

  Sink sink_;
  InspectOptions options_;
  std::string version_;
  std::string root_;
  JsonWriter json_;
};

}  // namespace

std::unique_ptr<InspectWriter> inspect_json(Sink sink, const InspectOptions& options, std::string_view version) {
  return std::make_unique<JsonInspectWriter>(std::move(sink), options, version);
}

}  // namespace windtunnel::reports
