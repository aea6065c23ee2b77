// The `consume` workload: pulls from a durable consumer, answers each delivery, and remembers what it got.

#include <algorithm>
#include <numeric>
#include <string>

#include "core/base/json_writer.h"
#include "core/client/client.h"
#include "core/client/jetstream_client.h"
#include "core/env/clock.h"
#include "scenarios/workload_programs.h"

namespace windtunnel::scenarios {
namespace {

using namespace std::chrono_literals;
using Answer = HandlerSpec::Answer;

// For a last request to arrive.
constexpr core::Duration kAskTime = 2ms;

// One life of the application: what a crash takes.
struct Life {
  Life(core::Env& env, const WorkloadSpec& spec, const std::string& domain, std::size_t number)
      : client(env, options(spec, number)), jetstream(client, domain) {}
  // Each has a name, and with it inboxes, of its own.
  static core::ClientOptions options(const WorkloadSpec& spec, std::size_t number) {
    core::ClientOptions out = client_options(spec);
    if (number > 0) out.name += "-" + std::to_string(number + 1);
    return out;
  }
  core::Client client;
  core::JetStreamClient jetstream;
};

class ConsumerProgram final : public sim::Program {
 public:
  ConsumerProgram(core::Env& env, World& world, const WorkloadSpec& spec, Consumption& consumption)
      : env_(env),
        world_(world),
        spec_(spec),
        consume_(std::get<ConsumeSpec>(spec.work)),
        consumption_(consumption),
        node_(world.client_node(spec.name)),
        key_{StreamKey{world.node(consume_.on).process->node(), consume_.stream}, consume_.consumer},
        random_(env.random.child("handler")) {
    const std::vector<std::uint64_t>& weights = consume_.handler.weights;
    weights_sum_ = std::accumulate(weights.begin(), weights.end(), std::uint64_t{0});
    begin_life();
  }

  void run() override {
    connect_or_record(life().client, world_, spec_);
    const core::Instant begin = core::after(kTimeZero, spec_.start);
    env_.tasks.sleep_until(std::max(env_.clock.now(), begin));
    const core::Instant end = consume_.duration ? core::after(begin, *consume_.duration) : core::kForever;
    if (consume_.creates_consumer) {
      const OwnConsumer own{.stream = consume_.stream,
                            .name = consume_.consumer,
                            .ack = consume_.ack,
                            .filter_subject = consume_.filter_subject,
                            .max_ack_pending = 0};
      create_consumer(env_, world_, spec_, life().jetstream, own, end, &consumption_.refusal);
    }
    while (env_.clock.now() < end) fetch(end);
    env_.tasks.park("the end of the run", core::kForever);
  }

 private:
  [[nodiscard]] Life& life() { return *lives_.back(); }

  void begin_life() { lives_.push_back(std::make_unique<Life>(env_, spec_, consume_.domain, lives_.size())); }

  void fetch(core::Instant end) {
    core::FetchOptions options;
    options.batch = static_cast<std::uint32_t>(consume_.batch);
    options.expires = std::min(consume_.expires, end - env_.clock.now());
    const core::Instant asked_at = env_.clock.now();
    const core::Fetched fetched = life().jetstream.fetch(consume_.stream, consume_.consumer, options);
    for (const core::Delivery& delivery : fetched.messages) {
      note(delivery);
      if (consume_.ack == AckPolicy::explicit_ && !handle(delivery)) return;
    }
    if (consume_.ack == AckPolicy::all && !fetched.messages.empty()) acknowledge(fetched.messages.back());
    if (fetched.messages.empty() && fetched.end == core::Fetched::End::expired)
      world_.history().asked_in_vain(key_, spec_.name, asked_at, env_.clock.now());
    const bool was_served = fetched.end == core::Fetched::End::complete || fetched.end == core::Fetched::End::expired;
    if (!was_served) env_.tasks.sleep_until(core::after(env_.clock.now(), kAskAgain));
  }

  void note(const core::Delivery& delivery) {
    ++consumption_.deliveries;
    if (!consumption_.got.insert(delivery.stream_seq).second) ++consumption_.duplicates;
    world_.record(
        node_, core::LogLevel::trace, "consume.got",
        {{"workload", spec_.name}, {"stream", delivery.stream}, {"seq", delivery.stream_seq.value}, {"count", delivery.deliveries}});
  }

  [[nodiscard]] Answer draw() {
    if (weights_sum_ == 0) return Answer::ack;
    std::uint64_t at = random_.below(weights_sum_);
    std::size_t answer = 0;
    for (; at >= consume_.handler.weights[answer]; ++answer) at -= consume_.handler.weights[answer];
    return static_cast<Answer>(answer);
  }

  void work() {
    const faults::DurationRange& time = consume_.handler.work;
    if (time.high.count() == 0) return;
    env_.tasks.sleep_until(core::after(env_.clock.now(), random_.between(time.low, time.high)));
  }

  // False if the application died of it.
  bool handle(const core::Delivery& delivery) {
    if (consume_.handler.is_plain()) {
      acknowledge(delivery);
      return true;
    }
    const Answer answer = draw();
    work();
    world_.record(node_, core::LogLevel::trace, "consume.answered",
                  {{"workload", spec_.name}, {"seq", delivery.stream_seq.value}, {"answer", name_of(answer)}});
    note_answer();
    core::Status sent;
    switch (answer) {
      case Answer::ack: acknowledge(delivery); break;
      case Answer::nak: sent = life().jetstream.nak(delivery); break;
      case Answer::nak_later: sent = life().jetstream.nak(delivery, consume_.handler.nak_delay); break;
      case Answer::term: sent = life().jetstream.term(delivery, "not wanted"); break;
      case Answer::in_progress:
        sent = life().jetstream.in_progress(delivery);
        work();
        acknowledge(delivery);
        break;
      case Answer::ignore: break;
      case Answer::crash: crash(); return false;
    }
    // An answer that could not be sent is one that did not arrive: the ack wait runs out.
    if (!sent)
      world_.record(node_, core::LogLevel::trace, "consume.unsent", {{"workload", spec_.name}, {"seq", delivery.stream_seq.value}});
    return true;
  }

  void note_answer() { world_.history().answered(key_, spec_.name, env_.clock.now()); }

  void acknowledge(const core::Delivery& delivery) {
    note_answer();
    if (life().jetstream.ack_confirmed(delivery, consume_.timeout) != core::AckOutcome::confirmed) return;
    ++consumption_.acks_confirmed;
    world_.record(node_, core::LogLevel::trace, "consume.confirmed",
                  {{"workload", spec_.name}, {"on", consume_.on}, {"stream", consume_.stream}, {"seq", delivery.stream_seq.value}});
  }

  // Applications ask for the next messages while they work: the request is at the server when they die, and nobody is there to be
  // served.
  void ask_for_more() {
    const std::string inbox = life().client.new_inbox();
    abandoned_.push_back(life().client.subscribe(inbox));
    const std::string api = consume_.domain.empty() ? "$JS.API" : "$JS." + consume_.domain + ".API";
    const std::string subject = api + ".CONSUMER.MSG.NEXT." + consume_.stream + "." + consume_.consumer;
    core::JsonWriter json;
    json.begin_object().field("batch", consume_.batch).field("expires", consume_.expires.count()).end_object();
    const core::Status sent = life().client.publish({.subject = subject, .reply = inbox, .headers = {}, .payload = json.view()});
    if (sent) env_.tasks.sleep_until(core::after(env_.clock.now(), kAskTime));
  }

  // Its connection ends and what it held is forgotten; another one takes its place. The old one stays in memory: the tasks of
  // its client may still refer to it.
  void crash() {
    ask_for_more();
    life().client.close();
    env_.tasks.sleep_until(core::after(env_.clock.now(), consume_.handler.restart_after));
    begin_life();
    connect_or_record(life().client, world_, spec_);
  }

  core::Env& env_;
  World& world_;
  const WorkloadSpec& spec_;
  const ConsumeSpec& consume_;
  Consumption& consumption_;
  sim::NodeId node_;
  const ConsumerKey key_;
  core::Random random_;
  std::uint64_t weights_sum_ = 0;
  std::vector<std::unique_ptr<Life>> lives_;  // the last one lives
  std::vector<core::Result<std::unique_ptr<core::ClientSubscription>>> abandoned_;
};

}  // namespace

std::unique_ptr<sim::Program> make_consumer(core::Env& env, World& world, const WorkloadSpec& spec, Consumption& consumption) {
  return std::make_unique<ConsumerProgram>(env, world, spec, consumption);
}

}  // namespace windtunnel::scenarios
