#include "scenarios/hazards/read_scenario.h"

#include <algorithm>
#include <set>

#include "scenarios/hazards/read_config.h"

namespace windtunnel::scenarios {
namespace {

// Of more subjects than this the pattern has to do.
constexpr std::uint64_t kPartsMax = 256;

class Reader {
 public:
  Reader(const Scenario& scenario, const TypedValue& root) : scenario_(scenario), root_(root) {}

  Facts read() {
    read_servers();
    if (const TypedValue* streams = root_.find("streams")) {
      for (const TypedValue& stream : streams->items) facts_.streams.push_back(stream_facts(stream, server(stream.get<std::string>("on"))));
    }
    if (const TypedValue* consumers = root_.find("consumers")) {
      // The scenario has one for each entry, in the same order, with its node found.
      for (std::size_t i = 0; i < consumers->items.size(); ++i) {
        const ConsumerSpec& spec = scenario_.consumers[i];
        facts_.consumers.push_back(consumer_facts(consumers->items[i], stream(spec.on, spec.stream)));
      }
    }
    if (const TypedValue* workloads = root_.find("workloads")) {
      for (std::size_t i = 0; i < workloads->items.size(); ++i) read_workload(scenario_.workloads[i], workloads->items[i]);
    }
    read_faults();
    if (const TypedValue* swarm = root_.find("swarm")) read_swarm(*swarm);
    return std::move(facts_);
  }

 private:
  void read_servers() {
    const TypedValue& nodes = *root_.find("nodes");
    for (std::size_t i = 0; i < scenario_.nodes.size(); ++i) {
      const NodeSpec& node = scenario_.nodes[i];
      ServerFacts server{
          .name = node.name, .where = node.where, .domain = {}, .deny_imports = {}, .deny_exports = {}, .server_name = {}, .gaps = {}};
      const TypedValue* domain = nodes.members[i].value.find("domain");
      server.domain = {node.domain, domain == nullptr ? node.where : domain->where};
      server.deny_imports = texts_of(nodes.members[i].value, "deny_imports");
      server.deny_exports = texts_of(nodes.members[i].value, "deny_exports");
      server.syncs_always = node.sync_interval && node.sync_interval->always;
      if (node.max_payload) server.max_payload = node.max_payload->value;
      server.are_consumers_known = true;
      facts_.servers.push_back(std::move(server));
    }
    for (std::size_t i = 0; i < scenario_.nodes.size(); ++i) {
      if (!scenario_.nodes[i].leaf_of.empty()) facts_.servers[i].hub = server(scenario_.nodes[i].leaf_of);
    }
  }

  // The loader has looked every name up.
  [[nodiscard]] std::size_t server(std::string_view name) const {
    for (std::size_t i = 0; i < scenario_.nodes.size(); ++i) {
      if (scenario_.nodes[i].name == name) return i;
    }
    WT_ASSERT(false);
    return 0;
  }
  [[nodiscard]] std::size_t stream(std::string_view on, std::string_view name) const {
    for (std::size_t i = 0; i < scenario_.streams.size(); ++i) {
      if (scenario_.streams[i].on == on && scenario_.streams[i].name == name) return i;
    }
    WT_ASSERT(false);
    return 0;
  }

  static SourcePosition place_of(const TypedValue& value, std::string_view key) {
    const TypedValue* found = value.find(key);
    return found == nullptr ? value.where : found->where;
  }

  void read_workload(const WorkloadSpec& workload, const TypedValue& value) {
    if (const auto* publish = std::get_if<PublishSpec>(&workload.work)) {
      PublisherFacts out;
      out.name = workload.name;
      out.server = server(workload.at);
      out.subject = {publish->subjects > 0 ? publish->subject + ".*" : publish->subject, place_of(value, "publish")};
      if (publish->subjects == 0 || publish->subjects > kPartsMax) {
        out.parts = {out.subject.text};
      } else {
        for (std::uint64_t i = 0; i < publish->subjects; ++i) out.parts.push_back(publish->subject + "." + std::to_string(i));
      }
      out.awaits_ack = publish->via == Via::jetstream;
      out.ack_domain = {publish->domain, place_of(value, "domain")};
      out.has_msg_id = publish->msg_id;
      out.timeout = publish->timeout;
      out.rolls_up = publish->rollup != PublishSpec::Rollup::none;
      out.rollup_where = place_of(value, "rollup");
      out.size_min = publish->size.low.value;
      out.size_max = publish->size.high.value;
      const bool is_each_kept = publish->ids == 0 && publish->rollup == PublishSpec::Rollup::none;
      if (is_each_kept && !publish->is_closed_loop && publish->expect_last == PublishSpec::Expect::nothing)
        out.pace = {.start = workload.start, .rate = publish->rate, .messages = publish->messages()};
      out.size_where = place_of(value, "size");
      add_publisher(std::move(out), publish->retries, value);
    } else if (const auto* loop = std::get_if<RepublishSpec>(&workload.work)) {
      PublisherFacts out;
      out.name = workload.name;
      out.server = server(workload.at);
      out.subject = {loop->subject + ".*", place_of(value, "subject")};
      out.parts = {out.subject.text};
      out.awaits_ack = true;
      out.has_msg_id = loop->msg_id;
      out.timeout = loop->timeout;
      add_publisher(std::move(out), loop->retries, value);
      const std::size_t consumer = consumer_of(loop->on, loop->stream, loop->consumer, AckPolicy::explicit_, "", value);
      facts_.workers.push_back({.name = workload.name, .consumer = consumer, .where = value.where});
    } else if (const auto* consume = std::get_if<ConsumeSpec>(&workload.work)) {
      const std::size_t consumer =
          consumer_of(consume->on, consume->stream, consume->consumer, consume->ack, consume->filter_subject, value);
      const TypedValue* handle = value.find("handle");
      facts_.workers.push_back({.name = workload.name,
                                .consumer = consumer,
                                .where = handle == nullptr ? value.where : place_of(*handle, "work"),
                                .batch = consume->batch,
                                .work_max = consume->handler.work.high,
                                .says_in_progress = handle != nullptr && handle->find("in_progress") != nullptr});
    }
  }

  void add_publisher(PublisherFacts publisher, const RetryPolicy& retries, const TypedValue& value) {
    if (retries.until_acked || retries.max > 0) publisher.retries = retries;
    publisher.retries_where = place_of(value, "retries");
    facts_.publishers.push_back(std::move(publisher));
  }

  // The one of that name, which the workload creates if nobody has.
  std::size_t consumer_of(const std::string& on, const std::string& of, const std::string& name, AckPolicy ack, const std::string& filter,
                          const TypedValue& value) {
    const std::size_t holder = stream(on, of);
    for (std::size_t i = 0; i < facts_.consumers.size(); ++i) {
      if (facts_.consumers[i].stream == holder && facts_.consumers[i].name == name) return i;
    }
    ConsumerFacts out;
    out.stream = holder;
    out.name = name;
    out.where = out.deliver_where = out.ack_wait_where = out.max_ack_pending_where = value.where;
    out.ack_policy = ack;
    out.ack_where = place_of(value, "ack");
    if (!filter.empty()) out.filters.push_back({filter, place_of(value, "filter_subject")});
    facts_.consumers.push_back(std::move(out));
    return facts_.consumers.size() - 1;
  }

  // A time of the timeline: so long after a moment that the seed draws, or an event of the run. Two with the same moment differ by
  // what lies between them and no more.
  struct Time {
    std::size_t moment = 0;
    core::Duration low{};
    core::Duration high{};
    bool is_known = false;     // not before the first moment
    bool is_absolute = false;  // since the start of the run; else since the moment, an event that may come at any time
  };
  struct Begun {
    Time time;
    SourcePosition where;
  };

  void read_faults() {
    Time now;
    std::map<std::size_t, Begun> down;                         // servers
    std::map<std::pair<std::size_t, std::size_t>, Begun> cut;  // links, smaller server first
    for (std::size_t i = 0; i < scenario_.faults.size(); ++i) {
      const FaultSpec& spec = scenario_.faults[i];
      advance(now, spec.fault, i);
      const faults::Action& action = spec.fault.action;
      if (const auto* loss = std::get_if<faults::PowerLoss>(&action)) {
        facts_.power_losses.push_back({server(loss->node), spec.where});
        down.try_emplace(server(loss->node), Begun{now, spec.where});
      } else if (const auto* signal = std::get_if<faults::SendSignal>(&action)) {
        down.try_emplace(server(signal->node), Begun{now, spec.where});
      } else if (const auto* pause = std::get_if<faults::Pause>(&action)) {
        down.try_emplace(server(pause->node), Begun{now, spec.where});
      } else if (const auto* start = std::get_if<faults::Start>(&action)) {
        end_outage(down, server(start->node), server(start->node), kNowhere, now);
      } else if (const auto* resume = std::get_if<faults::Resume>(&action)) {
        end_outage(down, server(resume->node), server(resume->node), kNowhere, now);
      } else if (const auto* broken = std::get_if<faults::Cut>(&action)) {
        cut.try_emplace(ends_of(broken->link), Begun{now, spec.where});
      } else if (const auto* heal = std::get_if<faults::Heal>(&action)) {
        const auto ends = ends_of(heal->link);
        end_outage(cut, ends, ends.first, ends.second, now);
      }
    }
  }

  static void advance(Time& now, const faults::Fault& fault, std::size_t index) {
    if (fault.trigger() != nullptr) {
      now = {.moment = index, .low = {}, .high = {}, .is_known = true, .is_absolute = false};
    } else if (const auto* at = std::get_if<faults::At>(&fault.when)) {
      now = {.moment = index, .low = at->time.low, .high = at->time.high, .is_known = true, .is_absolute = true};
    } else if (const auto* after = std::get_if<faults::After>(&fault.when)) {
      now.low = sum(now.low, after->delay.low);
      now.high = sum(now.high, after->delay.high);
    }
  }

  [[nodiscard]] std::pair<std::size_t, std::size_t> ends_of(const faults::LinkEnds& link) const {
    const std::size_t a = server(link.a);
    const std::size_t b = server(link.b);
    return {std::min(a, b), std::max(a, b)};
  }

  template <typename Key>
  void end_outage(std::map<Key, Begun>& open, const Key& key, std::size_t a, std::size_t b, const Time& end) {
    const auto found = open.find(key);
    if (found == open.end()) return;
    const Begun begun = found->second;
    open.erase(found);
    if (!begun.time.is_known || !end.is_known) return;
    const bool is_same_moment = begun.time.moment == end.moment;
    if (!is_same_moment && (!begun.time.is_absolute || !end.is_absolute)) return;
    const core::Duration begin = is_same_moment ? begun.time.high : begun.time.low;
    if (end.high <= begin) return;
    facts_.outages.push_back({a, b, end.high - begin, begun.where, end.is_absolute ? std::optional{begin} : std::nullopt});
  }

  void read_swarm(const TypedValue& value) {
    const faults::SwarmSpec& swarm = *scenario_.swarm;
    const auto has = [&swarm](std::initializer_list<faults::SwarmKind> kinds) {
      return std::any_of(kinds.begin(), kinds.end(), [&swarm](faults::SwarmKind kind) {
        return std::find(swarm.kinds.begin(), swarm.kinds.end(), kind) != swarm.kinds.end();
      });
    };
    const SourcePosition where = value.where;
    if (has({faults::SwarmKind::power_loss})) {
      for (const std::string& node : swarm.nodes) facts_.power_losses.push_back({server(node), where});
    }
    if (has({faults::SwarmKind::power_loss, faults::SwarmKind::kill, faults::SwarmKind::stop, faults::SwarmKind::pause})) {
      for (const std::string& node : swarm.nodes) facts_.outages.push_back({server(node), kNowhere, swarm.down_for.high, where, {}});
    }
    if (has({faults::SwarmKind::cut})) {
      for (const faults::LinkEnds& link : swarm.links) {
        const auto ends = ends_of(link);
        facts_.outages.push_back({ends.first, ends.second, swarm.down_for.high, where, {}});
      }
    }
  }

  const Scenario& scenario_;
  const TypedValue& root_;
  Facts facts_;
};

}  // namespace

Facts facts_of(const Scenario& scenario, const TypedValue& root) { return Reader{scenario, root}.read(); }

}  // namespace windtunnel::scenarios
