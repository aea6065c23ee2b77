// The `republish_loop` workload: jobs in a work queue. Each is fetched, acknowledged, and published to its subject again, so that
// there is one message a subject all the time (the fourth production story; reference: streams I.4).

#include <algorithm>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/env/clock.h"
#include "scenarios/api_answer.h"
#include "scenarios/ledger_writer.h"
#include "scenarios/workload_programs.h"

namespace windtunnel::scenarios {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kPreloaders = 64;  // publishes under way while the queue is filled
constexpr std::uint64_t kBatchMin = 100;
constexpr int kAckTries = 3;
constexpr core::Duration kPullExpires = 2s;
constexpr core::Duration kPullRetryWait = 250ms;

class Republisher final : public sim::Program {
 public:
  Republisher(core::Env& env, World& world, const WorkloadSpec& spec, std::uint16_t number, core::Instant& progress)
      : env_(env),
        world_(world),
        spec_(spec),
        loop_(std::get<RepublishSpec>(spec.work)),
        node_(world.client_node(spec.name)),
        progress_(progress),
        choices_(env.random.child("choices")),
        filled_(env.tasks),
        client_(env, client_options(spec)),
        jetstream_(client_, loop_.domain),
        writer_(env, world, spec, number, client_,
                {.domain = loop_.domain, .timeout = loop_.timeout, .retries = loop_.retries, .msg_id = loop_.msg_id, .size = loop_.size}) {}

  void run() override {
    connect_or_record(client_, world_, spec_);
    env_.tasks.sleep_until(std::max(env_.clock.now(), core::after(kTimeZero, spec_.start)));
    if (loop_.creates_consumer) {
      const OwnConsumer own{.stream = loop_.stream,
                            .name = loop_.consumer,
                            .ack = AckPolicy::explicit_,
                            .filter_subject = {},
                            .max_ack_pending = loop_.window + std::max(kBatchMin, loop_.window)};
      create_consumer(env_, world_, spec_, jetstream_, own, core::kForever);
    }
    fill();
    for (std::uint64_t done = 0; done < loop_.loops;) {
      refill();
      if (!held_.empty() && work_on_one()) ++done;
    }
    env_.tasks.park("the end of the run", core::kForever);
  }

 private:
  void publish(const std::string& subject) {
    const LedgerWriter::Letter letter = writer_.write();
    if (const std::optional<std::uint64_t> job = loop_.job_of(subject)) world_.ledger().at(letter.id).set_job(*job);
    static_cast<void>(writer_.publish_awaited(subject, letter));
    progress_ = env_.clock.now();
  }

  void fill() {
    const std::uint64_t tasks = std::min(kPreloaders, loop_.messages);
    filling_ = tasks;
    for (std::uint64_t task = 0; task < tasks; ++task) {
      env_.tasks.spawn("fill", [this, task, tasks] {
        for (std::uint64_t i = task; i < loop_.messages; i += tasks) publish(loop_.subject_of(i));
        if (--filling_ == 0) filled_.set();
      });
    }
    while (filling_ > 0) filled_.wait("filling the queue");
  }

  // Holds as many as the window has, while there are any.
  void refill() {
    if (held_.size() >= loop_.window) return;
    core::FetchOptions options;
    options.batch = static_cast<std::uint32_t>(std::min<std::uint64_t>(std::max(kBatchMin, loop_.window), UINT32_MAX));
    options.is_no_wait = !held_.empty();
    options.expires = kPullExpires;
    core::Fetched fetched = jetstream_.fetch(loop_.stream, loop_.consumer, options);
    for (core::Delivery& delivery : fetched.messages) hold(std::move(delivery));
    const bool was_served = fetched.end == core::Fetched::End::complete || fetched.end == core::Fetched::End::expired ||
                            fetched.end == core::Fetched::End::no_messages;
    if (!was_served) env_.tasks.sleep_until(core::after(env_.clock.now(), kPullRetryWait));
  }

  // What is delivered once more while we hold it is the same job.
  void hold(core::Delivery delivery) {
    world_.record(
        node_, core::LogLevel::trace, "consume.got",
        {{"workload", spec_.name}, {"stream", delivery.stream}, {"seq", delivery.stream_seq.value}, {"count", delivery.deliveries}});
    // Also under the count 1, if a crash made the consumer forget that it had delivered it.
    if (held_seqs_.insert(delivery.stream_seq).second) {
      held_.push_back(std::make_unique<core::Delivery>(std::move(delivery)));
      return;
    }
    const auto same = [&](const std::unique_ptr<core::Delivery>& other) { return other->stream_seq == delivery.stream_seq; };
    **std::find_if(held_.begin(), held_.end(), same) = std::move(delivery);
  }

  void let_go(std::size_t at) {
    held_seqs_.erase(held_[at]->stream_seq);
    begun_.reset();
    found_there_ = 0;
    progress_ = env_.clock.now();
    held_.erase(held_.begin() + static_cast<std::ptrdiff_t>(at));
  }

  // One of the oldest: acknowledged, and published again. False if nobody knows yet whether its ack got through.
  bool work_on_one() {
    // What was begun is finished first.
    const std::uint64_t at = begun_ ? *begun_ : choices_.below(std::min<std::uint64_t>(loop_.window, held_.size()));
    begun_ = at;
    const core::Delivery& delivery = *held_[at];
    if (loop_.confirms_acks) {
      const core::AckOutcome outcome = jetstream_.ack_confirmed(delivery, loop_.timeout);
      if (outcome == core::AckOutcome::confirmed) {
        world_.record(node_, core::LogLevel::trace, "consume.confirmed",
                      {{"workload", spec_.name}, {"on", loop_.on}, {"stream", loop_.stream}, {"seq", delivery.stream_seq.value}});
      } else if (!is_gone(at)) {
        return false;
      }
    } else if (!jetstream_.ack(delivery)) {
      return false;
    }
    const std::string subject = delivery.message.subject;
    let_go(at);
    publish(subject);
    return true;
  }

  // After an ack without an answer. If it had its effect the message has left the stream, and the job has to go back. If the
  // message is there the ack is tried again, for it may still be on its way. A consumer that a crash made forget the delivery never
  // answers; it delivers the message again, so in the end the job is let go here.
  bool is_gone(std::size_t at) {
    const std::uint64_t seq = held_[at]->stream_seq.value;
    world_.record(node_, core::LogLevel::trace, "republish.ack_unconfirmed", {{"workload", spec_.name}, {"seq", seq}});
    env_.tasks.sleep_until(core::after(env_.clock.now(), loop_.retries.wait));
    const core::Reply reply = jetstream_.api("STREAM.MSG.GET." + loop_.stream, "{\"seq\":" + std::to_string(seq) + "}",
                                             core::after(env_.clock.now(), loop_.timeout));
    if (reply.kind != core::Reply::Kind::message) return false;
    const std::optional<std::string> refused = api_error_text(reply.message.payload);
    if (refused) return refused->find("no message found") != std::string::npos;
    if (++found_there_ >= kAckTries) let_go(at);
    return false;
  }

  core::Env& env_;
  World& world_;
  const WorkloadSpec& spec_;
  const RepublishSpec& loop_;
  const sim::NodeId node_;
  core::Instant& progress_;
  core::Random choices_;
  std::uint64_t filling_ = 0;
  core::Event filled_;
  std::vector<std::unique_ptr<core::Delivery>> held_;  // in order of arrival
  std::set<core::Seq> held_seqs_;
  std::optional<std::uint64_t> begun_;  // which of them has an ack without an answer
  int found_there_ = 0;                 // how often its message was in the stream after such an ack
  core::Client client_;
  core::JetStreamClient jetstream_;
  LedgerWriter writer_;
};

}  // namespace

std::unique_ptr<sim::Program> make_republisher(core::Env& env, World& world, const WorkloadSpec& spec, std::uint16_t number,
                                               core::Instant& progress) {
  return std::make_unique<Republisher>(env, world, spec, number, progress);
}

}  // namespace windtunnel::scenarios
