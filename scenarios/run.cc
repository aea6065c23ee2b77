#include "scenarios/run.h"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>

#include "core/base/data_hash.h"
#include "core/base/hash.h"
#include "core/jetstream/consumer.h"
#include "core/jetstream/mirror.h"
#include "core/jetstream/source_header.h"
#include "core/jetstream/source_set.h"
#include "core/nats/headers.h"
#include "scenarios/api_answer.h"
#include "scenarios/copy_status.h"
#include "scenarios/crash_driver.h"
#include "scenarios/evidence_pruner.h"
#include "scenarios/fault_driver.h"
#include "scenarios/judge.h"
#include "scenarios/lag_watcher.h"
#include "scenarios/story.h"
#include "scenarios/surface_watch.h"
#include "scenarios/workload.h"
#include "scenarios/world.h"

namespace windtunnel::scenarios {
namespace {

using namespace std::chrono_literals;

// Once all is quiet, a run without a duration goes on so long at least, for consumers to get what is left.
constexpr core::Duration kRest = 30s;
// After that, and the bound within which all must be level: time for what is still under way (timeouts of publishes) to end.
constexpr core::Duration kSettle = 6s;
// At the end, to start what is down and to read every stream.
constexpr core::Duration kReadBound = 10min;

constexpr int kReadsMax = 5;  // of a stream that changes while it is read

// One world from its beginning to its end.
class Run {
 public:
  Run(const Scenario& scenario, const RunOptions& options, const std::vector<Divergence>* to_tell)
      : scenario_(scenario),
        prune_every_(options.prune_every),
        world_(scenario, options.seed, options.defects),
        crashes_(world_, options.crashes, options.crash_hook) {
    if (options.keep_trace && options.trace_line) {
      writer_ = std::make_unique<TraceWriter>(world_, options.trace_line);
      world_.kernel().trace().add(*writer_);
    }
    if (to_tell != nullptr) {
      teller_ = std::make_unique<StoryTeller>(world_, *to_tell);
      world_.kernel().trace().add(*teller_);
    }
  }

  core::Result<RunResult> run() {
    Workloads workloads{world_};
    if (const core::Status ready = world_.build(); !ready) return ready.error();
    workloads.start();
    consumers_ = named_consumers();
    world_.reach_time_zero();
    FaultDriver faults{world_};
    LagWatcher lags{world_};
    SurfaceWatch surfaces{world_};
    EvidencePruner pruner{world_, prune_every_};
    core::Instant end = kTimeZero;
    for (;;) {
      const std::optional<core::Instant> last_fault = last_fault_of(faults);
      lags.look(last_fault, workloads.publishing_until());
      surfaces.look();
      look_at_floors();
      world_.look_at_disks();
      world_.look_at_leafs();
      pruner.look();
      const std::optional<core::Instant> known_end = end_of(last_fault, workloads, lags);
      if (known_end) end = *known_end;
      if (known_end && world_.kernel().now() >= *known_end) break;
      const core::Instant next = core::after(world_.kernel().now(), kLookEvery);
      world_.kernel().run_until(known_end ? std::min(next, *known_end) : next);
    }
    workloads.end_watching();
    const std::optional<core::Instant> last_fault = last_fault_of(faults);
    const FinalState state = read_everything(end);
    const std::vector<LagSample> samples = lags.samples();
    const Evidence evidence{scenario_,
                            world_.ledger(),
                            world_.history(),
                            world_.removals(),
                            world_.changes(),
                            world_.key_values(),
                            state,
                            samples,
                            world_.readings().all(),
                            &world_.leafs().findings(),
                            &world_.copies().findings(),
                            &world_.reads(),
                            &world_.copies().brought(),
                            &surfaces.findings()};
    const std::vector<Consumption> consumptions = workloads.consumptions();
    std::vector<std::string> missed = faults.missed();
    for (std::string& crash : crashes_.missed()) missed.push_back(std::move(crash));
    const CaseFile file{evidence, consumptions, lags.watches(), missed, workloads.lag_log(), first_fault_of(faults), last_fault};
    if (crashes_.impossible()) return core::error(core::Errc::invalid_argument, scenario_.file + ": " + *crashes_.impossible());
    RunResult result;
    result.scenario = scenario_.name;
    result.seed = world_.kernel().seed();
    result.divergences = judge(file);
    result.notes = summarise(file);
    result.remarks = remark(file);
    if (scenario_.asks_for("sync-makes-progress")) result.catch_ups = lags.catch_ups();
    result.surfacings = surfaces.waits();
    result.virtual_time = end - kTimeZero;
    for (const auto& [key, life] : world_.history().lives()) result.remembered += life.stored.size();
    result.events = world_.kernel().trace().count();
    result.trace_hash = world_.kernel().trace().hash();
    for (Divergence& d : result.divergences) d.at = core::Instant{std::max(core::Duration{0}, d.at - kTimeZero)};
    return result;
  }

  void tell(std::vector<Divergence>& divergences) const { teller_->tell(divergences); }

 private:
  // nullopt while a fault is still to come.
  std::optional<core::Instant> last_fault_of(const FaultDriver& faults) const {
    const std::optional<core::Instant> fault = faults.last_fault();
    const std::optional<core::Instant> start = crashes_.last_start();
    return fault && start ? std::optional{std::max(*fault, *start)} : std::nullopt;
  }

  // nullopt if none has struck.
  std::optional<core::Instant> first_fault_of(const FaultDriver& faults) {
    std::optional<core::Instant> first;
    if (!faults.struck().empty()) first = faults.struck().front().first;
    // Those at a disk operation that were asked for besides the scenario's own.
    if (const std::vector<Crash>& crashes = world_.history().crashes(); !crashes.empty())
      first = std::min(first.value_or(core::kForever), crashes.front().at);
    return first;
  }

  // nullopt while a copy's time cannot be told, for a node on its way has yet to come up.
  std::optional<core::Instant> end_of(std::optional<core::Instant> last_fault, const Workloads& workloads, const LagWatcher& lags) {
    if (scenario_.duration) return core::after(kTimeZero, *scenario_.duration);
    const core::Instant quiet = std::max(workloads.publishing_until(), last_fault.value_or(kTimeZero));
    const core::Instant rested = core::after(quiet, kRest);
    // Nothing is known of the copies before it is quiet; nor if a fault waits for a disk operation that never comes.
    if (!last_fault || world_.kernel().now() < quiet) return core::after(rested, kSettle);
    const std::optional<core::Instant> due = lags.due();
    return due ? std::optional{core::after(std::max(rested, *due), kSettle)} : std::nullopt;
  }

  FinalState read_everything(core::Instant end) {
    FinalState state;
    state.at = end;
    std::vector<World::NodePlace>& nodes = world_.nodes();
    for (World::NodePlace& place : nodes) {
      place.process->disk().heal();  // to be read; what is damaged stays so
      if (place.process->is_paused()) place.process->resume();
      world_.start(place);  // what is down: its disk is read through a server, as an operator would
    }
    world_.run_task("reader", core::after(world_.kernel().now(), kReadBound), [&] {
      const core::Instant limit = core::after(world_.kernel().now(), kStartBound);
      const auto is_up = [this](World::NodePlace& place) { return world_.server(place) != nullptr; };
      while (!std::all_of(nodes.begin(), nodes.end(), is_up) && world_.kernel().now() < limit) {
        world_.kernel().harness().sleep_until(core::after(world_.kernel().now(), kLookEvery));
      }
      for (const StreamSpec& spec : scenario_.streams) state.streams.push_back(read_stream(spec));
      for (const ConsumerKey& key : consumers_) state.consumers.push_back(read_consumer(key));
    });
    world_.read_disks();
    return state;
  }

  // Reads every message through the store's by-sequence look-up. Suspends.
  FinalStream read_stream(const StreamSpec& spec) {
    FinalStream out;
    out.key = StreamKey{world_.node(spec.on).process->node(), spec.name};
    out.node = spec.on;
    out.spec = &spec;
    describe(out);
    core::Stream* stream = world_.stream(spec.on, spec.name);
    if (stream == nullptr) {
      note_removed(spec, out);
      return out;
    }
    out.is_readable = true;
    if (out.limits.has_changed)
      out.limits.max_msgs_per_subject = static_cast<std::uint64_t>(std::max<std::int64_t>(0, stream->config().max_msgs_per_subject));
    const sim::DiskTree& tree = world_.node(spec.on).process->disk().tree();
    for (const std::string& path : tree.files()) {
      if (path.ends_with(".blk") && path.find("/streams/" + spec.name + "/msgs/") != std::string::npos)
        out.block_bytes_max = std::max<std::uint64_t>(out.block_bytes_max, tree.content(path)->size());
    }
    if (stream->mirror() != nullptr) {
      out.mirror_attempts = stream->mirror()->attempts();
      if (stream->mirror()->error()) out.mirror_error = stream->mirror()->error()->description;
    }
    out.copies = copies_of(*stream, spec);
    // What was under way when the clients ended may still change it.
    for (int i = 0; i < kReadsMax; ++i) {
      read_messages(*stream, out);
      const core::StreamState now = stream->store().state();
      if (now.messages == out.state.messages && now.first_seq == out.state.first_seq && now.last_seq == out.state.last_seq) break;
    }
    note_removed(spec, out);
    out.rolled_up = rolled_up(world_.scenario(), world_.ledger(), world_.history(), out);
    return out;
  }

  // What the stream says of itself, and every message. Suspends.
  void read_messages(core::Stream& stream, FinalStream& out) {
    out.state = stream.store().state();
    out.messages.clear();
    out.sourced.clear();
    out.latest.clear();
    out.unreadable.clear();
    std::map<std::string, core::Seq> latest;
    std::map<std::string_view, std::size_t> copies;  // by their keys
    for (std::size_t i = 0; i < out.copies.size(); ++i) copies.emplace(out.copies[i].key, i);
    for (core::Seq seq = out.state.first_seq; seq.value > 0 && seq <= out.state.last_seq; seq = seq.next()) {
      const core::Result<core::StoredMessage> message = stream.store().load(seq);
      if (!message) {
        if (message.error().code != core::Errc::not_found) out.unreadable.insert(seq);
        continue;
      }
      FinalMessage read;
      read.seq = message->seq;
      read.content = core::content_hash(message->headers, message->payload);
      read.subject = core::hash_bytes(message->subject);
      read.time = message->time.unix_ns;
      read.id = world_.ledger().identify(message->payload);
      out.messages.push_back(read);
      note_source(*message, copies, out);
      latest[message->subject] = seq;
    }
    if (!out.unreadable.empty()) return;  // which of them is the last nobody knows
    for (const auto& [subject, seq] : latest) out.latest.push_back({subject, seq, stream.store().last_seq_of(subject)});
  }

  // Of a stream that came back with less than it had, its first sequence no longer says what left it before.
  void note_removed(const StreamSpec& spec, FinalStream& out) {
    const StreamLife* life = world_.history().life(out.key);
    if (life == nullptr) return;
    const bool is_all = spec.retention != Retention::limits || out.has_subject_limit;
    const core::Instant until = is_all ? core::kForever : life->steps_back.empty() ? core::Instant{} : life->steps_back.back().at;
    for (const StreamLife::Removal& removal : life->removed) {
      if (removal.at <= until) out.removed.push_back(removal.seq);
    }
    std::sort(out.removed.begin(), out.removed.end());
  }

  static void note_source(const core::StoredMessage& message, const std::map<std::string_view, std::size_t>& copies, FinalStream& out) {
    if (out.copies.empty() || out.spec->mirror) return;
    const std::optional<std::string_view> header = core::header_value(message.headers, core::kStreamSourceHeader);
    const std::optional<core::SourcedFrom> from = header ? core::parse_source_header(*header) : std::nullopt;
    if (!from) return;
    if (const auto copy = copies.find(from->key); copy != copies.end()) out.sourced.push_back({message.seq, copy->second, from->seq});
  }

  // What its configurations say: that of the scenario, and those that operators gave it.
  void describe(FinalStream& out) {
    std::vector<std::string> bodies = world_.changes().bodies_of(out.key);
    bodies.push_back(out.spec->create_body);
    out.limits = limits_of(out.spec->create_body);
    out.window_min = out.window_max = duplicate_window(out.spec->create_body);
    for (const std::string& body : bodies) {
      const StreamLimits limits = limits_of(body);
      if (!(limits == limits_of(out.spec->create_body))) out.limits.has_changed = true;
      if (limits.max_age != out.limits.max_age) out.limits.max_age = core::Duration{};  // then nobody asks for it
      out.limits.allows_rollup = out.limits.allows_rollup || limits.allows_rollup;
      out.window_min = std::min(out.window_min, duplicate_window(body));
      out.window_max = std::max(out.window_max, duplicate_window(body));
      out.has_stream_limits = out.has_stream_limits || has_stream_limits(body);
      out.has_subject_limit = out.has_subject_limit || has_limit(body, "max_msgs_per_subject");
    }
    out.has_limits = out.spec->retention != Retention::limits || out.has_stream_limits;
  }

  // Those that the scenario names, or lets its workloads create.
  std::set<ConsumerKey> named_consumers() {
    std::set<ConsumerKey> out;
    const auto key = [this](const std::string& on, const std::string& stream, const std::string& name) {
      return ConsumerKey{StreamKey{world_.node(on).process->node(), stream}, name};
    };
    for (const ConsumerSpec& spec : scenario_.consumers) out.insert(key(spec.on, spec.stream, spec.name));
    for (const WorkloadSpec& spec : scenario_.workloads) {
      if (const auto* consume = std::get_if<ConsumeSpec>(&spec.work)) out.insert(key(consume->on, consume->stream, consume->consumer));
      if (const auto* loop = std::get_if<RepublishSpec>(&spec.work)) out.insert(key(loop->on, loop->stream, loop->consumer));
    }
    return out;
  }

  // Suspends.
  FinalConsumer read_consumer(const ConsumerKey& key) {
    FinalConsumer out;
    out.stream = key.stream;
    out.node = world_.name_of(key.stream.node);
    out.name = key.consumer;
    describe(out);
    if (const auto floor = floors_.find(key); floor != floors_.end()) out.floor_steps_back = floor->second.steps_back;
    World::NodePlace& place = world_.node(out.node);
    if (world_.server(place) == nullptr) return out;
    const std::optional<std::string> answer = world_.ask(place, "$JS.API.CONSUMER.INFO." + key.stream.stream + "." + key.consumer, "");
    if (answer) read_consumer_info(*answer, out);
    return out;
  }

  // What the scenario says of it.
  void describe(FinalConsumer& consumer) const {
    for (const ConsumerSpec& spec : scenario_.consumers) {
      if (spec.on != consumer.node || spec.stream != consumer.stream.stream || spec.name != consumer.name) continue;
      consumer.is_listed = true;
      consumer.is_durable = spec.is_durable;
      consumer.is_in_memory = spec.is_in_memory;
    }
    for (const WorkloadSpec& spec : scenario_.workloads) {
      const auto* consume = std::get_if<ConsumeSpec>(&spec.work);
      if (consume == nullptr || consume->on != consumer.node || consume->stream != consumer.stream.stream ||
          consume->consumer != consumer.name)
        continue;
      consumer.is_durable = true;
      consumer.is_asked_to_the_end = consumer.is_asked_to_the_end || (!consume->duration && consume->handler.is_plain());
    }
  }

  // Notes how the ack floors of the consumers go, now and then.
  void look_at_floors() {
    for (const ConsumerKey& key : consumers_) {
      core::Stream* stream = world_.stream(world_.name_of(key.stream.node), key.stream.stream);
      const core::Consumer* consumer = stream == nullptr ? nullptr : stream->consumer(key.consumer);
      if (consumer == nullptr) continue;
      Floor& floor = floors_[key];
      const core::Seq now = consumer->ack_floor();
      if (now < floor.seq) floor.steps_back.push_back({floor.at, world_.kernel().now(), floor.seq, now});
      floor.seq = now;
      floor.at = world_.kernel().now();
    }
  }

  struct Floor {
    core::Seq seq;
    core::Instant at;
    std::vector<FinalConsumer::FloorStep> steps_back;
  };

  const Scenario& scenario_;
  const std::uint64_t prune_every_;
  std::set<ConsumerKey> consumers_;
  std::map<ConsumerKey, Floor> floors_;
  std::unique_ptr<TraceWriter> writer_;
  std::unique_ptr<StoryTeller> teller_;
  World world_;  // after its observers, so that it ends before them
  CrashDriver crashes_;
};

}  // namespace

core::Result<RunResult> run_scenario(const Scenario& given, const RunOptions& options) {
  const Scenario scenario = given.drawn(options.seed);
  core::Result<RunResult> result = Run{scenario, options, nullptr}.run();
  if (!result) return result;
  for (std::size_t i = given.faults.size(); i < scenario.faults.size(); ++i)
    result->timeline.push_back(faults::to_text(scenario.faults[i].fault));
  if (result->passed() || !options.tells_stories) return result;
  // The same run once more, this time for the story of what went wrong. One world at a time: the first has ended.
  RunOptions again = options;
  again.keep_trace = false;
  Run retold{scenario, again, &result->divergences};
  if (const core::Result<RunResult> second = retold.run(); second && second->trace_hash == result->trace_hash)
    retold.tell(result->divergences);
  return result;
}

}  // namespace windtunnel::scenarios
