// The `read` workload: an application that looks messages up, by subject and by sequence, while others publish and remove them.

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <string>

#include "core/base/base64.h"
#include "core/base/json_writer.h"
#include "core/client/client.h"
#include "core/client/jetstream_client.h"
#include "core/env/clock.h"
#include "core/nats/headers.h"
#include "scenarios/api_answer.h"
#include "scenarios/read_log.h"
#include "scenarios/workload_programs.h"

namespace windtunnel::scenarios {
namespace {

constexpr int kMessageNotFound = 10037;
// Sequences that are asked for lie among the newest so many, or anywhere; half of the time each.
constexpr std::uint64_t kNewest = 20;
constexpr std::uint64_t kBeyond = 3;  // and so far ahead of what was seen

std::uint64_t number_of(std::string_view text) {
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

class Reader final : public sim::Program {
 public:
  Reader(core::Env& env, World& world, const WorkloadSpec& spec)
      : env_(env),
        world_(world),
        spec_(spec),
        read_(std::get<ReadSpec>(spec.work)),
        log_(world.reads().of(read_.on, read_.stream)),
        random_(env.random.child("choices")),
        node_(world.client_node(spec.name)),
        client_(env, client_options(spec)),
        jetstream_(client_, read_.domain) {}

  void run() override {
    connect_or_record(client_, world_, spec_);
    const core::Instant begin = core::after(kTimeZero, spec_.start);
    const core::Instant end = core::after(begin, read_.duration);
    for (std::uint64_t i = 0;; ++i) {
      const core::Instant due = core::after(begin, read_.rate.due(i));
      if (due >= end) break;
      if (due < env_.clock.now()) continue;  // it waited for an answer: no crowd afterwards
      env_.tasks.sleep_until(due);
      look();
    }
    env_.tasks.park("the end of the run", core::kForever);
  }

 private:
  void look() {
    StreamRead read;
    read.workload = spec_.name;
    const std::uint64_t action = random_.below(read_.actions.size());
    read.kind = static_cast<StreamRead::Kind>(read_.actions[action]);
    if (read.kind != StreamRead::Kind::sequence) read.subject = read_.subjects[random_.below(read_.subjects.size())];
    if (read.kind != StreamRead::Kind::last) read.seq = some_sequence();
    read.is_direct = read_.via == ReadSpec::Via::direct || (read_.via == ReadSpec::Via::both && random_.chance({1, 2}));
    read.called = env_.clock.now();
    const std::string body = body_of(read);
    const core::Instant deadline = core::after(read.called, read_.timeout);
    if (read.is_direct) {
      take_direct(jetstream_.api("DIRECT.GET." + read_.stream, body, deadline), read);
    } else {
      take_answer(jetstream_.api("STREAM.MSG.GET." + read_.stream, body, deadline), read);
    }
    read.returned = env_.clock.now();
    highest_ = std::max(highest_, read.found);
    show(read);
    log_.push_back(std::move(read));
  }

  core::Seq some_sequence() {
    const std::uint64_t high = highest_.value + kBeyond;
    const std::uint64_t low = random_.chance({1, 2}) || high <= kNewest ? 1 : high - kNewest;
    return core::Seq{random_.between(low, high)};
  }

  static std::string body_of(const StreamRead& read) {
    core::JsonWriter json;
    json.begin_object();
    if (read.kind == StreamRead::Kind::last) json.field("last_by_subj", read.subject);
    if (read.kind != StreamRead::Kind::last) json.field("seq", read.seq.value);
    if (read.kind == StreamRead::Kind::next) json.field("next_by_subj", read.subject);
    json.end_object();
    return std::string(json.view());
  }

  void take_direct(const core::Reply& reply, StreamRead& read) {
    if (reply.kind != core::Reply::Kind::message) return;
    const core::Message& message = reply.message;
    if (const auto status = core::header_status(message.headers)) {
      if (status->code == 404) read.told = StreamRead::Told::absent;
      return;
    }
    const std::uint64_t seq = number_of(core::header_value(message.headers, "Nats-Sequence").value_or(""));
    found(read, seq, std::string(core::header_value(message.headers, "Nats-Subject").value_or("")), message.payload);
  }

  void take_answer(const core::Reply& reply, StreamRead& read) {
    if (reply.kind != core::Reply::Kind::message) return;
    const nlohmann::json answer = nlohmann::json::parse(reply.message.payload, nullptr, false);
    if (!answer.is_object()) return;
    if (answer.contains("error") && answer["error"].is_object()) {
      if (answer["error"].value("err_code", 0) == kMessageNotFound) read.told = StreamRead::Told::absent;
      return;
    }
    if (!answer.contains("message") || !answer["message"].is_object()) return;
    const nlohmann::json& message = answer["message"];
    found(read, message.value("seq", std::uint64_t{0}), message.value("subject", ""),
          core::from_base64(message.value("data", "")).value_or(""));
  }

  void found(StreamRead& read, std::uint64_t seq, std::string subject, std::string_view payload) {
    const Ledger& ledger = world_.ledger();
    read.told = StreamRead::Told::found;
    read.found = core::Seq{seq};
    read.found_subject = std::move(subject);
    read.id = ledger.identify(payload);
    read.is_intact = read.id && ledger.payload(*read.id, core::Bytes{payload.size()}) == payload;
  }

  void show(const StreamRead& read) {
    world_.record(node_, core::LogLevel::trace, "read.told",
                  {{"workload", spec_.name}, {"stream", read_.stream}, {"seq", read.found.value}, {"what", text_of(read)}});
  }

  core::Env& env_;
  World& world_;
  const WorkloadSpec& spec_;
  const ReadSpec& read_;
  std::vector<StreamRead>& log_;
  core::Random random_;
  const sim::NodeId node_;
  core::Seq highest_;  // that it has seen
  core::Client client_;
  core::JetStreamClient jetstream_;
};

}  // namespace

std::unique_ptr<sim::Program> make_reader(core::Env& env, World& world, const WorkloadSpec& spec) {
  return std::make_unique<Reader>(env, world, spec);
}

}  // namespace windtunnel::scenarios
