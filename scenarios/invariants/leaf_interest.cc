#include "scenarios/invariants/leaf_interest.h"

#include <algorithm>
#include <map>
#include <set>
#include <string_view>
#include <vector>

#include "core/nats/subject.h"

namespace windtunnel::scenarios {
namespace {

using Candidate = core::RoutedMessage::Candidate;
using Reading = core::InterestReading;

// The rules that keep the JetStreams of two nodes apart (wire 14.2).
constexpr std::string_view kApart[] = {"$JS.API.>", "$KV.>", "$OBJ.>"};

bool is_exempt(std::string_view subject) {
  return subject.starts_with("$LDS.") || subject.starts_with("_R_.") || subject.starts_with("_GR_.");
}

bool is_any(std::string_view subject, const std::vector<std::string>& patterns) {
  return std::any_of(patterns.begin(), patterns.end(), [&](const std::string& pattern) { return core::matches(subject, pattern); });
}

bool is_apart(std::string_view subject) {
  return std::any_of(std::begin(kApart), std::end(kApart), [&](std::string_view pattern) { return core::matches(subject, pattern); });
}

// Whether interest in it is kept back.
bool is_kept_back(const NodeSpec& node, const Reading::Link& link, std::string_view subject) {
  if (is_exempt(subject)) return false;
  return is_apart(subject) || (link.is_solicitor && is_any(subject, node.deny_imports));
}

// Whether a side passes over such interest of the other: it may not send it there.
bool is_passed_over(const NodeSpec& node, const Reading::Link& link, std::string_view subject) {
  if (is_exempt(subject) || core::has_wildcard(subject)) return false;
  const std::string own = "$JS." + node.domain + ".API.>";
  return is_apart(subject) || (!node.domain.empty() && core::matches(subject, own)) ||
         (link.is_solicitor && is_any(subject, node.deny_exports));
}

std::string text_of(const std::string& subject, const std::string& queue) {
  return queue.empty() ? subject : subject + " (group " + queue + ")";
}

using Interest = std::map<std::pair<std::string, std::string>, std::int64_t>;  // by subject and queue

// The first difference, in words.
std::string difference(const Interest& wanted, const Interest& found, std::string_view missing, std::string_view extra) {
  for (const auto& [key, count] : wanted) {
    const auto it = found.find(key);
    if (it == found.end()) return text_of(key.first, key.second) + std::string{missing};
    if (it->second != count)
      return text_of(key.first, key.second) + " has the weight " + std::to_string(it->second) + ", not " + std::to_string(count);
  }
  for (const auto& [key, count] : found) {
    if (!wanted.contains(key)) return text_of(key.first, key.second) + std::string{extra};
  }
  return {};
}

std::string times(std::uint64_t count) { return count == 1 ? "once" : std::to_string(count) + " times"; }

}  // namespace

std::string misrouted(const core::RoutedMessage& routed) {
  const auto sent_to = [&](std::uint64_t leaf) {
    return std::count_if(routed.sent.begin(), routed.sent.end(), [&](const auto& sent) { return sent.leaf == leaf; });
  };
  if (routed.from_leaf != 0 && sent_to(routed.from_leaf) > 0) return "it went back over the leaf connection that it came from";
  std::map<std::uint64_t, bool> leafs;  // that want it for a plain subscription; whether one of these stayed
  struct Group {
    bool has_taker = false;  // that could take it, and stayed
    std::uint64_t taken = 0;
  };
  std::map<std::string, Group> groups;
  for (const Candidate& each : routed.candidates) {
    const bool can_take = !each.is_sender && each.is_permitted;
    if (!each.queue.empty()) {
      Group& group = groups[each.queue];
      group.has_taker = group.has_taker || (can_take && !each.is_gone);
      group.taken += each.taken;
    } else if (each.leaf != 0) {
      if (can_take) leafs[each.leaf] = leafs[each.leaf] || !each.is_gone;
    } else {
      const bool is_missed = can_take && !each.is_gone && each.taken == 0;
      if (is_missed) return "a subscription of this node did not get it";
      if (each.taken > 1) return "a subscription of this node got it " + times(each.taken);
    }
  }
  for (const auto& [leaf, has_stayed] : leafs) {
    if (has_stayed && sent_to(leaf) == 0) return "a leaf connection with a subscription did not get it";
  }
  std::set<std::uint64_t> receivers;
  for (const core::RoutedMessage::Sent& sent : routed.sent) {
    if (!receivers.insert(sent.leaf).second) return "a leaf connection got it twice";
    for (const std::string& queue : sent.queues) ++groups[queue].taken;
  }
  for (const auto& [queue, group] : groups) {
    const bool is_named = std::find(routed.queues.begin(), routed.queues.end(), queue) != routed.queues.end();
    const bool is_wanted = routed.from_leaf == 0 || is_named || (routed.queues.empty() && routed.is_mapped);
    if (group.taken > (is_wanted ? 1u : 0u)) return "group " + queue + " got it " + times(group.taken) + (is_wanted ? "" : ", unasked");
    if (is_wanted && group.has_taker && group.taken == 0) return "no member of group " + queue + " got it";
  }
  return {};
}

std::string misannounced(const NodeSpec& node, const Reading& reading, const Reading::Link& link) {
  const auto link_of = [&](std::uint64_t id) {
    return std::find_if(reading.links.begin(), reading.links.end(), [&](const Reading::Link& each) { return each.id == id; });
  };
  Interest wanted;
  for (const Reading::Held& held : reading.held) {
    if (held.leaf == link.id || is_kept_back(node, link, held.subject)) continue;
    if (held.told && std::find(held.told->begin(), held.told->end(), link.id) == held.told->end()) continue;
    if (held.leaf != 0) {
      const auto from = link_of(held.leaf);
      if (from == reading.links.end()) return held.subject + " is still there, though the leaf connection that announced it is not";
      if (!from->remote_cluster.empty() && from->remote_cluster == link.remote_cluster) continue;
      // Never what another hub wants; loops are to be found everywhere.
      if (link.is_spoke && from->is_spoke && !held.subject.starts_with("$LDS.")) continue;
    }
    std::int64_t& count = wanted[{held.subject, held.queue}];
    count = held.queue.empty() ? 1 : count + held.count;
  }
  wanted[{reading.loop_subject, ""}] = 1;
  for (const std::string& mapped : reading.mapped) {
    if (!link.is_spoke || !is_kept_back(node, link, mapped)) wanted[{mapped, ""}] = 1;
  }
  if (!link.is_spoke) wanted[{"$JS.API.>", ""}] = 1;
  Interest announced;
  for (const Reading::Entry& entry : link.announced) announced[{entry.subject, entry.queue}] = entry.count;
  return difference(wanted, announced, " is not announced", " is announced, and nobody is subscribed to it");
}

std::string misunderstood(const NodeSpec& receiver, const Reading::Link& from, const Reading::Link& to) {
  if (from.said != to.heard) return {};  // the rest is on its way
  Interest wanted;
  for (const Reading::Entry& entry : from.announced) {
    if (!is_passed_over(receiver, to, entry.subject)) wanted[{entry.subject, entry.queue}] = entry.count;
  }
  Interest known;
  for (const Reading::Entry& entry : to.known) known[{entry.subject, entry.queue}] = entry.count;
  return difference(wanted, known, " is announced, and not known there", " is known there, and not announced");
}

}  // namespace windtunnel::scenarios
