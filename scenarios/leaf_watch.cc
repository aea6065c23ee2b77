#include "scenarios/leaf_watch.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "core/base/hash.h"
#include "core/nats/subject.h"
#include "core/server/server.h"
#include "scenarios/invariants/leaf_interest.h"

namespace windtunnel::scenarios {
namespace {

constexpr core::Duration kLookEvery = std::chrono::seconds{1};
// How many of the newest messages a node remembers: a message that goes round is back long before so many others.
constexpr std::size_t kRemembered = 8192;
// Of the messages that pass, one in so many is followed to its receivers; the first ones all.
constexpr std::uint64_t kFollowEvery = 8;
constexpr std::uint64_t kFollowFirst = 1000;

std::uint64_t identity(const core::MessageView& message) {
  std::uint64_t hash = core::hash_bytes(message.subject);
  for (const std::string_view part : {message.reply, message.headers, message.payload})
    hash = hash * 1'099'511'628'211u + core::hash_bytes(part);
  return hash;
}

}  // namespace

class LeafWatch::Watcher final : public core::RouteWatcher {
 public:
  Watcher(LeafWatch& watch, std::string node) : watch_(watch), node_(std::move(node)) {}

  bool on_message(const core::MessageView& message, std::uint64_t from_leaf) override {
    newest_leaf_ = std::max(newest_leaf_, from_leaf);
    const std::optional<PublishId> id = watch_.ledger_.identify(message.payload);
    if (id) remember(message, *id, from_leaf);
    return ++count_ <= kFollowFirst || count_ % kFollowEvery == 0;
  }

  void on_routed(const core::MessageView& message, const core::RoutedMessage& routed) override {
    const std::string problem = misrouted(routed);
    if (problem.empty()) return;
    LeafFinding finding;
    finding.kind = LeafFinding::Kind::interest;
    finding.node = node_;
    if (const std::optional<PublishId> id = watch_.ledger_.identify(message.payload)) finding.message = watch_.ledger_.name_of(*id);
    finding.expected =
        "a message to " + std::string{message.subject} + " reaches each subscription that matches it once, and one member of each group";
    finding.actual = problem;
    watch_.find(std::move(finding));
  }

  // A node has started again, and delivers what it had delivered.
  void forget() {
    seen_.clear();
    order_.clear();
    newest_old_ = newest_leaf_;
  }
  // This node has: its connections count from the beginning.
  void begin() {
    forget();
    newest_leaf_ = newest_old_ = 0;
  }

 private:
  void remember(const core::MessageView& message, PublishId id, std::uint64_t from_leaf) {
    const std::uint64_t key = identity(message);
    const auto [place, is_new] = seen_.emplace(key, from_leaf);
    // What came by a connection from before may have waited there, while its sender ended, started and delivered it anew.
    const bool is_anew = place->second > 0 && place->second <= newest_old_ && from_leaf > newest_old_;
    if (!is_new && is_anew) {
      place->second = from_leaf;
      return;
    }
    if (!is_new) {
      LeafFinding finding;
      finding.kind = LeafFinding::Kind::loop;
      finding.node = node_;
      finding.message = watch_.ledger_.name_of(id);
      finding.expected = watch_.ledger_.name_of(id) + ", published to " + std::string{message.subject} + ", passes " + node_ + " once";
      finding.actual = "it came by again";
      return watch_.find(std::move(finding));
    }
    order_.push_back(key);
    if (order_.size() <= kRemembered) return;
    seen_.erase(order_.front());
    order_.pop_front();
  }

  LeafWatch& watch_;
  std::string node_;
  std::uint64_t count_ = 0;
  std::uint64_t newest_leaf_ = 0;                // the highest number of a connection by which a message came
  std::uint64_t newest_old_ = 0;                 // the same when a node last started
  std::map<std::uint64_t, std::uint64_t> seen_;  // by which connection each came; 0: of a client
  std::deque<std::uint64_t> order_;
};

LeafWatch::LeafWatch(const Scenario& scenario, const Ledger& ledger, sim::Kernel& kernel)
    : scenario_(scenario), ledger_(ledger), kernel_(kernel) {}
LeafWatch::~LeafWatch() = default;

core::RouteWatcher& LeafWatch::watcher(const std::string& node) {
  // What a node had delivered and forgotten it delivers anew, the same to the last byte: that is no loop, here and wherever it comes by.
  for (const auto& [name, watcher] : watchers_) watcher->forget();
  std::unique_ptr<Watcher>& place = watchers_[node];
  if (place == nullptr) place = std::make_unique<Watcher>(*this, node);
  place->begin();
  return *place;
}

void LeafWatch::find(LeafFinding finding) {
  const bool is_known = std::any_of(findings_.begin(), findings_.end(),
                                    [&](const LeafFinding& each) { return each.kind == finding.kind && each.node == finding.node; });
  if (is_known) return;
  finding.at = kernel_.now();
  findings_.push_back(std::move(finding));
}

bool LeafWatch::is_due() const { return kernel_.now() - looked_at_ >= kLookEvery; }

void LeafWatch::look(const std::map<std::string, const core::Server*>& servers) {
  looked_at_ = kernel_.now();
  std::map<std::string, core::InterestReading> readings;
  for (const auto& [name, server] : servers) {
    const auto before = readings_.find(name);
    // As it was; what another server said of itself meanwhile is compared with it again.
    if (before != readings_.end() && before->second.version == server->interest_version() && before->second.server_id == server->id()) {
      readings.insert(readings_.extract(before));
      continue;
    }
    const core::InterestReading& reading = readings.emplace(name, server->read_interest()).first->second;
    check_announced(*scenario_.node(name), reading);
  }
  readings_ = std::move(readings);
  check_known(readings_);
}

void LeafWatch::check_announced(const NodeSpec& node, const core::InterestReading& reading) {
  for (const core::InterestReading::Link& link : reading.links) {
    const std::string problem = misannounced(node, reading, link);
    if (problem.empty()) continue;
    LeafFinding finding;
    finding.kind = LeafFinding::Kind::interest;
    finding.node = node.name;
    finding.expected =
        "what " + node.name + " has announced to " + link.remote_name + " is what is subscribed to behind it, as far as it is permitted";
    finding.actual = problem;
    find(std::move(finding));
  }
}

void LeafWatch::check_known(const std::map<std::string, core::InterestReading>& readings) {
  const auto compare = [&](const std::string& from, const core::InterestReading::Link& said, const std::string& to,
                           const core::InterestReading::Link& heard) {
    const std::string problem = misunderstood(*scenario_.node(to), said, heard);
    if (problem.empty()) return;
    LeafFinding finding;
    finding.kind = LeafFinding::Kind::interest;
    finding.node = from;
    finding.expected = to + " knows what " + from + " has announced to it";
    finding.actual = problem;
    find(std::move(finding));
  };
  for (const auto& dialler : readings) {
    for (const core::InterestReading::Link& link : dialler.second.links) {
      const auto peer = readings.find(link.remote_name);
      if (!link.is_solicitor || peer == readings.end()) continue;
      const auto& accepted = peer->second.links;
      const auto other = std::find_if(accepted.begin(), accepted.end(), [&](const core::InterestReading::Link& each) {
        return each.id == link.remote_id && each.remote_name == dialler.first && !each.is_solicitor;
      });
      if (other == accepted.end()) continue;
      compare(dialler.first, link, peer->first, *other);
      compare(peer->first, *other, dialler.first, link);
    }
  }
}

}  // namespace windtunnel::scenarios
