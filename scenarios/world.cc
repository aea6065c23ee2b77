#include "scenarios/world.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <map>
#include <utility>

#include "core/base/assert.h"
#include "core/env/sync.h"
#include "core/jetstream/mirror.h"
#include "core/jetstream/source_set.h"
#include "core/jetstream/stream.h"
#include "scenarios/api_answer.h"
#include "scenarios/node_program.h"

namespace windtunnel::scenarios {
namespace {

using namespace std::chrono_literals;

// From a client to the node it is connected to: a machine in the same rack.
constexpr sim::DurationRange kClientLatency{50us, 150us};
// Of the prelude: to make what the scenario lists; the rest is for leafs to connect and mirrors to begin.
constexpr core::Duration kCreateBound = 7s;
constexpr core::Duration kAnswerBound = 5s;
constexpr core::Duration kAnswerPoll = 50ms;
constexpr core::Duration kPoll = 1ms;
constexpr core::Duration kEndingPoll = 10ms;

}  // namespace

World::World(const Scenario& scenario, core::Seed seed, core::Defects defects)
    : scenario_(scenario),
      defects_(defects),
      names_{"world"},
      copies_(scenario, history_),
      wants_readings_(scenario.asks_for("recovery-equals-precrash") || scenario.asks_for("index-is-cache")),
      wants_leafs_(scenario.asks_for("interest-matches-subscriptions") || scenario.asks_for("no-forwarding-loop")),
      wants_copies_(scenario.asks_for("mirror-is-prefix") || scenario.asks_for("no-duplicate-in-mirror") ||
                    scenario.asks_for("no-loss-after-offline")),
      kernel_(seed),
      network_(kernel_),
      leafs_(scenario, ledger_, kernel_) {
  kernel_.trace().add(history_);
  if (wants_copies_) kernel_.trace().add(copies_);
  for (const NodeSpec& spec : scenario.nodes) {
    NodePlace place;
    place.spec = &spec;
    const sim::NodeId id = add_name(spec.name);
    copies_.place(spec.name, id);
    place.process = std::make_unique<sim::Process>(kernel_, network_, sim::Process::Setup{spec.name, id, {}});
    sim::SimDisk& disk = place.process->disk();
    disk.set_damage_listener(
        [this, id, &disk](const sim::DiskDamage& damage) { history_.damaged(examine(damage, disk.tree(), id, kernel_.now())); });
    // So that it shows the world's beginning at time 0, not when the prelude began.
    place.process->step_clock(-(kTimeZero - core::Instant{}));
    places_.emplace(place.spec->name, nodes_.size());
    nodes_.push_back(std::move(place));
  }
  if (wants_copies_) copies_.begin();
  for (const LinkSpec& link : scenario.links) {
    sim::LinkTraits traits;
    traits.latency = sim::DurationRange{link.latency.low, link.latency.high};
    if (link.bandwidth) traits.bandwidth = *link.bandwidth;
    network_.link(node(link.between.a).process->host(), node(link.between.b).process->host(), traits);
  }
}

World::~World() {
  clients_.clear();
  nodes_.clear();
}

sim::NodeId World::add_name(std::string name) {
  names_.push_back(std::move(name));
  return static_cast<sim::NodeId>(names_.size() - 1);
}

World::NodePlace& World::node(std::string_view name) {
  const auto place = places_.find(name);
  WT_ASSERT(place != places_.end());  // the loader has checked every name
  return nodes_[place->second];
}

void World::start(NodePlace& place) {
  if (place.process->is_running()) {
    // Not if a crash ends it meanwhile: that has a start of its own.
    if (place.is_ending) {
      kernel_.at(core::after(kernel_.now(), kEndingPoll), [this, &place] {
        if (place.is_ending) start(place);
      });
    }
    return;
  }
  place.is_ending = false;
  const NodeSpec* hub = place.spec->leaf_of.empty() ? nullptr : scenario_.node(place.spec->leaf_of);
  const core::NodeConfig config = node_config(*place.spec, hub);
  disturbances_.over(place.spec->name, place.spec->name, kernel_.now());
  history_.starting(place.process->node(), place.process->disk().tree());
  if (wants_readings_) readings_.starting(reading_place(place), place.process->disk().tree(), kernel_.now());
  core::RouteWatcher* const watcher = wants_leafs_ ? &leafs_.watcher(place.spec->name) : nullptr;
  core::CopyWatcher* const copies = wants_copies_ ? &copies_.watcher(place.spec->name) : nullptr;
  place.process->start(
      [config, watcher, copies](core::Env& env) {
        auto program = std::make_unique<NodeProgram>(env, config);
        program->node().server().watch_routes(watcher);
        program->node().jetstream().watch_copies(copies);
        return program;
      },
      defects_of(place));
}

core::Defects World::defects_of(const NodePlace& place) const {
  core::Defects defects = place.spec->defects;
  defects.add(defects_);
  return defects;
}

RecoveryReadings::Place World::reading_place(const NodePlace& place) const {
  return {place.process->node(), place.spec, &scenario_, defects_of(place)};
}

void World::look_at_disks() {
  if (!wants_readings_) return;
  for (const NodePlace& place : nodes_) readings_.look(reading_place(place), place.process->disk().tree());
}

void World::read_disks() {
  if (!wants_readings_) return;
  for (const NodePlace& place : nodes_) readings_.at_end(reading_place(place), place.process->disk().tree(), kernel_.now());
}

void World::look_at_leafs() {
  if (!wants_leafs_ || !leafs_.is_due()) return;
  std::map<std::string, const core::Server*> servers;
  for (NodePlace& place : nodes_) {
    if (core::Node* node = server(place); node != nullptr) servers.emplace(place.spec->name, &node->server());
  }
  leafs_.look(servers);
}

core::Node* World::server(NodePlace& place) {
  if (!place.process->is_running()) return nullptr;
  core::Node& node = static_cast<NodeProgram*>(place.process->program())->node();
  return node.is_started() ? &node : nullptr;
}

core::Stream* World::stream(std::string_view on, std::string_view name) {
  core::Node* found = server(node(on));
  return found == nullptr ? nullptr : found->jetstream().stream(name);
}

void World::note_power_loss(const std::string& node) {
  // The heartbeats of a consumer meet a reset when the node is back. Where none is read nothing may be sent to it.
  std::map<std::string, bool> are_met;  // origins' nodes
  for (const StreamSpec& spec : scenario_.streams) {
    if (spec.on != node) continue;
    core::Stream* const copy = stream(spec.on, spec.name);
    const auto add = [&](const OriginSpec& from, bool is_reading) {
      const StreamSpec* origin = scenario_.origin(spec, from);
      if (origin == nullptr || origin->on == node) return;
      bool& is_met = are_met[origin->on];
      is_met = is_met || is_reading;
    };
    if (spec.mirror) add(*spec.mirror, copy != nullptr && copy->mirror() != nullptr && copy->mirror()->is_reading());
    const core::SourceSet* sources = copy == nullptr ? nullptr : copy->sources();
    const bool are_as_specified = sources != nullptr && sources->all().size() == spec.sources.size();
    for (std::size_t i = 0; i < spec.sources.size(); ++i) add(spec.sources[i], are_as_specified && sources->all()[i]->is_reading());
  }
  const bool is_met = std::all_of(are_met.begin(), are_met.end(), [](const auto& each) { return each.second; });
  disturbances_.began(is_met ? DisturbanceLog::Told::no : DisturbanceLog::Told::unmet, node, node, kernel_.now());
}

sim::Process& World::add_client(const std::string& name, std::string_view at) {
  const std::string host = "client." + name;
  const sim::NodeId id = add_name(host);
  clients_.push_back(std::make_unique<sim::Process>(kernel_, network_, sim::Process::Setup{host, id, {}}));
  sim::Process& client = *clients_.back();
  client.step_clock(-(kTimeZero - core::Instant{}));
  sim::LinkTraits traits;
  traits.latency = kClientLatency;
  network_.link(client.host(), node(at).process->host(), traits);
  return client;
}

sim::NodeId World::client_node(std::string_view name) const {
  const auto it = std::find(names_.begin(), names_.end(), "client." + std::string(name));
  WT_ASSERT(it != names_.end());
  return static_cast<sim::NodeId>(it - names_.begin());
}

bool World::run_task(std::string_view name, core::Instant limit, std::function<void()> body) {
  bool is_done = false;
  kernel_.harness().spawn(name, [&is_done, run = std::move(body)] {
    run();
    is_done = true;
  });
  while (!is_done && kernel_.now() < limit) kernel_.run_until(std::min(limit, core::after(kernel_.now(), kPoll)));
  return is_done;
}

std::optional<std::string> World::ask(NodePlace& place, const std::string& subject, const std::string& body) {
  core::Node& node = *server(place);
  const std::uint64_t incarnation = place.process->incarnations();
  core::Event answered{kernel_.harness()};
  std::string answer;
  const std::string reply = "_HARNESS." + std::to_string(++questions_);
  const core::SubscriptionId id = node.server().subscribe_reply(reply, [&](const core::MessageView& message, bool) {
    answer = message.payload;
    answered.set();
  });
  node.server().publish(core::MessageView{.subject = subject, .reply = reply, .headers = {}, .payload = body});
  const core::Instant limit = core::after(kernel_.now(), kAnswerBound);
  bool has_answer = false;
  while (!has_answer && kernel_.now() < limit) {
    has_answer = answered.wait("an API's answer", std::min(limit, core::after(kernel_.now(), kAnswerPoll)));
    if (!place.process->is_running() || place.process->incarnations() != incarnation) return std::nullopt;
  }
  node.server().unsubscribe(id);
  if (!has_answer) return std::nullopt;
  return answer;
}

core::Status World::create(std::string_view on, const std::string& subject, const std::string& body, const SourcePosition& where) {
  NodePlace& place = node(on);
  std::optional<std::string> answer;
  // A node that crashes over it is asked again once it is back: the same configuration a second time is no error.
  std::uint64_t incarnation = 0;
  while (!answer && incarnation != place.process->incarnations()) {
    while (server(place) == nullptr) kernel_.harness().sleep_until(core::after(kernel_.now(), kPoll));
    incarnation = place.process->incarnations();
    answer = ask(place, subject, body);
    // Killed just now, and not yet started again.
    while (!answer && !place.process->is_running()) kernel_.harness().sleep_until(core::after(kernel_.now(), kPoll));
  }
  if (!answer) return core::error(core::Errc::timeout, where.text() + ": node `" + std::string(on) + "` did not answer " + subject);
  if (const std::optional<std::string> refused = api_error_text(*answer)) {
    return core::error(core::Errc::invalid_argument, where.text() + ": node `" + std::string(on) + "` refuses it: " + *refused);
  }
  return {};
}

core::Status World::create_streams() {
  for (const StreamSpec& stream : scenario_.streams) {
    WT_CHECK(create(stream.on, "$JS.API.STREAM.CREATE." + stream.name, stream.create_body, stream.where));
  }
  return {};
}

core::Status World::create_consumers() {
  for (const ConsumerSpec& consumer : scenario_.consumers) {
    const std::string subject =
        (consumer.is_durable ? "$JS.API.CONSUMER.DURABLE.CREATE." : "$JS.API.CONSUMER.CREATE.") + consumer.stream + "." + consumer.name;
    WT_CHECK(create(consumer.on, subject, consumer.create_body, consumer.where));
  }
  return {};
}

core::Status World::build() {
  for (NodePlace& place : nodes_) start(place);
  core::Status result;
  const bool is_done = run_task("prelude", core::Instant{kCreateBound}, [this, &result] {
    const auto is_up = [this](NodePlace& place) { return server(place) != nullptr; };
    while (!std::all_of(nodes_.begin(), nodes_.end(), is_up)) kernel_.harness().sleep_until(core::after(kernel_.now(), kPoll));
    result = create_streams();
    if (result) result = create_consumers();
  });
  if (!is_done) return core::error(core::Errc::timeout, scenario_.file + ": the world was not ready in time");
  return result;
}

std::string clock_text(core::Instant at) {
  core::Duration since = at - kTimeZero;
  const bool is_before = since < core::Duration{0};
  if (is_before) since = -since;
  const std::int64_t ms = since.count() / 1'000'000;
  std::array<char, 48> text;
  std::snprintf(text.data(), text.size(), "%s%02lld:%02lld:%02lld.%03lld", is_before ? "-" : "", static_cast<long long>(ms / 3'600'000),
                static_cast<long long>(ms / 60'000 % 60), static_cast<long long>(ms / 1000 % 60), static_cast<long long>(ms % 1000));
  return text.data();
}

}  // namespace windtunnel::scenarios
