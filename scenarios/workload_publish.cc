// The `publish` workload: sends messages at its rate.

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "core/env/clock.h"
#include "core/nats/headers.h"
#include "scenarios/ledger_writer.h"
#include "scenarios/workload_programs.h"

namespace windtunnel::scenarios {
namespace {

class Publisher final : public sim::Program {
 public:
  Publisher(core::Env& env, World& world, const WorkloadSpec& spec, std::uint16_t number, core::Instant& progress)
      : env_(env),
        world_(world),
        spec_(spec),
        publish_(std::get<PublishSpec>(spec.work)),
        client_(env, client_options(spec)),
        writer_(env, world, spec, number, client_,
                {.domain = publish_.domain,
                 .timeout = publish_.timeout,
                 .retries = publish_.retries,
                 .msg_id = publish_.msg_id,
                 .size = publish_.size}),
        progress_(progress) {}

  void run() override {
    connect_or_record(client_, world_, spec_);
    const core::Instant begin = core::after(kTimeZero, spec_.start);
    const std::uint64_t messages = publish_.messages();
    for (std::uint64_t i = 0; i < messages; ++i) {
      env_.tasks.sleep_until(std::max(env_.clock.now(), core::after(begin, publish_.rate.due(i))));
      // Who waits for each outcome may fall behind the rate: its time is over all the same.
      if (publish_.is_closed_loop && publish_.duration && env_.clock.now() >= core::after(begin, *publish_.duration)) break;
      publish_one(i);
      if (publish_.is_closed_loop) progress_ = env_.clock.now();
    }
    env_.tasks.park("the end of the run", core::kForever);  // its connection stays, as a real client's would
  }

 private:
  struct Publish {
    std::string subject;
    LedgerWriter::Letter letter;
    std::uint64_t expected = 0;  // with expect_last
  };

  void publish_one(std::uint64_t index) {
    Publish publish{.subject = publish_.subject_of(index), .letter = {}, .expected = 0};
    std::string headers;
    if (publish_.is_rollup(index)) core::append_header(headers, "Nats-Rollup", publish_.rollup == PublishSpec::Rollup::all ? "all" : "sub");
    if (publish_.expect_last != PublishSpec::Expect::nothing) {
      publish.expected = known_[key_of(publish.subject)];
      const bool is_of_stream = publish_.expect_last == PublishSpec::Expect::stream;
      core::append_header(headers, is_of_stream ? "Nats-Expected-Last-Sequence" : "Nats-Expected-Last-Subject-Sequence",
                          std::to_string(publish.expected));
    }
    publish.letter = writer_.write(std::move(headers), publish_.id_of(index));
    if (publish_.via == Via::core) return writer_.publish_plain(publish.subject, publish.letter);
    if (publish_.is_closed_loop) return publish_awaited(publish);
    env_.tasks.spawn("publish", [this, p = std::move(publish)] { publish_awaited(p); });
  }

  void publish_awaited(const Publish& publish) {
    if (publish_.expect_last == PublishSpec::Expect::nothing) {
      static_cast<void>(writer_.publish_awaited(publish.subject, publish.letter));
      return;
    }
    // A write of a register: what its clients are told of it is judged as that of key-value buckets is.
    const std::string key = key_of(publish.subject);
    KeyValueLog::Bucket& log = world_.key_values().bucket(publish_.on, publish_.stream);
    const std::size_t index = log.operations.size();
    KeyValueStep write{.kind = KeyValueStep::Kind::write,
                       .told = KeyValueStep::Told::nothing,
                       .value = spec_.name + "#" + std::to_string(publish.letter.id.index),
                       .expected = publish.expected,
                       .revision = 0};
    log.operations.push_back({.workload = spec_.name, .key = key, .is_void = false, .timed = {std::move(write), env_.clock.now(), {}}});
    const LedgerWriter::Told told = writer_.publish_awaited(publish.subject, publish.letter);
    KeyValueOperation& operation = log.operations[index];
    KeyValueStep& step = operation.timed.operation;
    if (told.is_acked || told.is_refused) {
      step.told = told.is_acked ? KeyValueStep::Told::done : KeyValueStep::Told::refused;
      step.revision = told.seq.value;
      operation.timed.returned = env_.clock.now();
    }
    operation.is_void = !told.is_acked && !told.is_refused && !told.may_be_stored;
    if (told.is_acked || told.seq.value > 0) known_[key] = told.seq.value;
    world_.record(world_.client_node(spec_.name), core::LogLevel::trace, "publish.expected",
                  {{"workload", spec_.name}, {"key", key}, {"stream", publish_.stream}, {"seq", step.revision}, {"what", text_of(step)}});
  }

  // What the expectation is about: a subject, or the stream as a whole.
  [[nodiscard]] std::string key_of(const std::string& subject) const {
    return publish_.expect_last == PublishSpec::Expect::stream ? ">" : subject;
  }

  core::Env& env_;
  World& world_;
  const WorkloadSpec& spec_;
  const PublishSpec& publish_;
  core::Client client_;
  LedgerWriter writer_;
  core::Instant& progress_;
  std::map<std::string, std::uint64_t> known_;  // with expect_last: the last sequences that it knows of
};

}  // namespace

std::unique_ptr<sim::Program> make_publisher(core::Env& env, World& world, const WorkloadSpec& spec, std::uint16_t number,
                                             core::Instant& progress) {
  return std::make_unique<Publisher>(env, world, spec, number, progress);
}

}  // namespace windtunnel::scenarios
