#include "scenarios/hazards/graph.h"

#include <algorithm>
#include <array>
#include <map>

#include "core/base/hash.h"
#include "core/nats/subject.h"
#include "scenarios/hazards/patterns.h"

namespace windtunnel::scenarios {
namespace {

// More patterns than this say nothing to a reader; the set is then taken for everything.
constexpr std::size_t kPatternsMax = 200;
// So many times is the whole looked at; a stream that still changes then is taken for one that holds everything.
constexpr unsigned kRoundsMax = 20;

void add_pattern(std::vector<std::string>& set, std::string pattern) {
  for (const std::string& each : set) {
    if (core::is_subset(pattern, each)) return;
  }
  set.push_back(std::move(pattern));
  if (set.size() > kPatternsMax) set.assign(1, ">");
}

// What becomes of the pattern in this stream.
void add_stored(const StreamFacts& stream, std::string pattern, std::vector<std::string>& out) {
  if (stream.stored_as.empty() || !core::collide(pattern, stream.stored_from)) return add_pattern(out, std::move(pattern));
  if (!core::is_subset(pattern, stream.stored_from)) add_pattern(out, std::move(pattern));
  add_pattern(out, stream.stored_as);
}

// What every server keeps to itself, on any link (reference: wire 14.2).
const std::array<PlacedText, 2> kNeverCross = {PlacedText{"$KV.>", {}}, PlacedText{"$OBJ.>", {}}};

}  // namespace

const SourcePosition& StreamFacts::at(std::string_view key) const {
  const auto found = keys.find(key);
  return found == keys.end() ? where : found->second;
}

std::uint64_t Pace::due_before(core::Duration end) const {
  if (end <= start) return 0;
  // Those with due(i) < end - start: the first at once, and so rounded up, in 128 bits.
  using Wide = core::Uint128;
  const auto per = static_cast<Wide>(static_cast<std::uint64_t>(rate.per.count()));
  const Wide due = (static_cast<Wide>(static_cast<std::uint64_t>((end - start).count())) * rate.count + per - 1) / per;
  return due < messages ? static_cast<std::uint64_t>(due) : messages;
}

bool StreamFacts::captures(std::string_view pattern) const {
  return std::any_of(subjects.begin(), subjects.end(), [&pattern](const PlacedText& each) { return core::collide(each.text, pattern); });
}

core::Duration StreamFacts::window() const {
  if (is_mirror() && !duplicate_window) return core::Duration{0};
  core::Duration out = duplicate_window && duplicate_window->count() > 0 ? *duplicate_window : core::Duration{std::chrono::minutes{2}};
  if (max_age.count() > 0) out = std::min(out, max_age);
  return out;
}

Graph::Graph(const Facts& facts)
    : facts_(facts),
      component_(facts.servers.size()),
      has_accounts_(facts.servers.size()),
      into_(facts.streams.size()),
      out_of_(facts.streams.size()),
      republishes_of_(facts.streams.size()) {
  for (std::size_t i = 0; i < facts.streams.size(); ++i) by_name_.emplace(facts.streams[i].name.text, i);
  std::map<std::size_t, std::string_view> accounts;
  for (const StreamFacts& stream : facts.streams) {
    if (!stream.account.empty() && accounts.emplace(stream.server, stream.account).first->second != stream.account)
      has_accounts_[stream.server] = true;
  }
  join_servers();
  resolve_origins();
  resolve_republishes();
  find_contents();
}

void Graph::join_servers() {
  for (std::size_t i = 0; i < component_.size(); ++i) {
    // The topology is a tree: the loaders refuse circles. Its top names the component.
    std::size_t top = i;
    while (facts_.servers[top].hub != kNowhere) top = facts_.servers[top].hub;
    component_[i] = top;
  }
}

void Graph::resolve_origins() {
  for (std::size_t s = 0; s < facts_.streams.size(); ++s) {
    for (const CopyFacts& copy : facts_.streams[s].copies) {
      std::size_t origin = 0;
      if (find_origin(s, copy, origin) != OriginFound::found) continue;
      into_[s].push_back(edges_.size());
      out_of_[origin].push_back(edges_.size());
      edges_.push_back({.copier = s, .origin = origin, .copy = &copy});
    }
  }
}

bool Graph::are_of_one_account(const StreamFacts& a, const StreamFacts& b) const {
  if (a.account == b.account || a.account.empty() || b.account.empty()) return true;
  return a.server != b.server && !has_accounts_[a.server] && !has_accounts_[b.server];
}

void Graph::resolve_republishes() {
  for (std::size_t s = 0; s < facts_.streams.size(); ++s) {
    const StreamFacts& from = facts_.streams[s];
    if (from.republish_as.empty()) continue;
    for (std::size_t t = 0; t < facts_.streams.size(); ++t) {
      const StreamFacts& to = facts_.streams[t];
      if (t == s || !are_of_one_account(from, to) || !reaches(from.server, to.server, from.republish_as)) continue;
      if (!to.captures(from.republish_as)) continue;
      republishes_of_[s].push_back(republishes_.size());
      republishes_.push_back({s, t});
    }
  }
}

OriginFound Graph::find_origin(std::size_t stream, const CopyFacts& copy, std::size_t& origin) const {
  const std::size_t own = facts_.streams[stream].server;
  std::size_t server = own;
  if (copy.is_external) {
    if (copy.domain.text.empty()) return OriginFound::unknown;
    server = kNowhere;
    // A server's own domain comes first: a request for it never leaves.
    if (facts_.servers[own].domain.text == copy.domain.text) server = own;
    for (std::size_t i = 0; i < facts_.servers.size() && server == kNowhere; ++i) {
      if (facts_.servers[i].domain.text == copy.domain.text && are_joined(i, own)) server = i;
    }
    if (server == kNowhere) {
      for (const ServerFacts& each : facts_.servers) {
        if (!each.are_streams_known && each.domain.text.empty()) return OriginFound::unknown;
      }
      return facts_.are_servers_known ? OriginFound::no_server : OriginFound::unknown;
    }
  }
  const auto [begin, end] = by_name_.equal_range(copy.origin.text);
  for (auto each = begin; each != end; ++each) {
    const StreamFacts& candidate = facts_.streams[each->second];
    if (candidate.server != server || !are_of_one_account(candidate, facts_.streams[stream])) continue;
    origin = each->second;
    return OriginFound::found;
  }
  for (auto each = begin; each != end && !copy.is_external; ++each) {
    if (facts_.streams[each->second].server == server) continue;  // of another account
    origin = each->second;
    return OriginFound::no_domain;
  }
  return facts_.servers[server].are_streams_known ? OriginFound::no_stream : OriginFound::unknown;
}

bool Graph::are_neighbours(std::size_t a, std::size_t b) const { return facts_.servers[a].hub == b || facts_.servers[b].hub == a; }

bool Graph::is_below(std::size_t leaf, std::size_t hub) const {
  std::size_t at = facts_.servers[leaf].hub;
  while (at != kNowhere && at != hub) at = facts_.servers[at].hub;
  return at == hub;
}

std::vector<std::size_t> Graph::way(std::size_t a, std::size_t b) const {
  std::vector<std::size_t> up;
  for (std::size_t at = a; at != kNowhere; at = facts_.servers[at].hub) up.push_back(at);
  std::vector<std::size_t> down;
  for (std::size_t at = b; at != kNowhere; at = facts_.servers[at].hub) down.push_back(at);
  // What both have in common is above the place where they meet.
  while (up.size() > 1 && down.size() > 1 && up[up.size() - 2] == down[down.size() - 2] && up.back() == down.back()) {
    up.pop_back();
    down.pop_back();
  }
  if (!up.empty() && !down.empty() && up.back() == down.back()) down.pop_back();
  up.insert(up.end(), down.rbegin(), down.rend());
  return up;
}

bool Graph::passes(std::size_t a, std::size_t b, std::size_t server) const {
  if (!are_joined(a, b)) return false;
  const std::vector<std::size_t> stops = way(a, b);
  return std::find(stops.begin(), stops.end(), server) != stops.end();
}

bool Graph::passes(std::size_t a, std::size_t b, std::size_t link_a, std::size_t link_b) const {
  if (!are_joined(a, b)) return false;
  const std::vector<std::size_t> stops = way(a, b);
  for (std::size_t i = 1; i < stops.size(); ++i) {
    if ((stops[i - 1] == link_a && stops[i] == link_b) || (stops[i - 1] == link_b && stops[i] == link_a)) return true;
  }
  return false;
}

const PlacedText* Graph::denial(std::size_t from, std::size_t to, std::string_view pattern, Denied how) const {
  if (from == to || !are_joined(from, to)) return nullptr;
  const std::vector<std::size_t> stops = way(from, to);
  for (std::size_t i = 1; i < stops.size(); ++i) {
    const ServerFacts& before = facts_.servers[stops[i - 1]];
    const bool is_up = before.hub == stops[i];
    for (const PlacedText& rule : is_up ? before.deny_exports : facts_.servers[stops[i]].deny_imports) {
      if (how == Denied::all ? core::is_subset(pattern, rule.text) : core::collide(pattern, rule.text)) return &rule;
    }
  }
  for (const PlacedText& rule : kNeverCross) {
    if (core::is_subset(pattern, rule.text)) return &rule;
  }
  return nullptr;
}

std::vector<std::string> Graph::through(const CopyFacts& copy, const std::vector<std::string>& subjects) {
  if (copy.filters.empty()) return subjects;
  std::vector<std::string> out;
  for (const std::string& subject : subjects) {
    for (std::size_t i = 0; i < copy.filters.size(); ++i) {
      std::optional<std::string> common = intersection(subject, copy.filters[i].text);
      if (!common) continue;
      add_pattern(out, i < copy.destinations.size() && !copy.destinations[i].empty() ? copy.destinations[i] : *std::move(common));
    }
  }
  return out;
}

std::vector<std::string> Graph::through(const RepublishEdge& edge, const std::vector<std::string>& subjects) const {
  const StreamFacts& from = facts_.streams[edge.from];
  std::vector<std::string> out;
  const bool is_any = std::any_of(subjects.begin(), subjects.end(),
                                  [&from](const std::string& each) { return core::collide(each, from.republish_from.text); });
  if (!is_any) return out;
  for (const PlacedText& subject : facts_.streams[edge.to].subjects) {
    if (std::optional<std::string> common = intersection(from.republish_as, subject.text))
      add_stored(facts_.streams[edge.to], *std::move(common), out);
  }
  return out;
}

bool Graph::are_copied(std::size_t copier, std::size_t origin, const std::string& subjects) const {
  std::vector<std::pair<std::size_t, std::vector<std::string>>> reached{{origin, {}}};
  add_stored(facts_.streams[origin], subjects, reached.front().second);
  for (std::size_t i = 0; i < reached.size(); ++i) {
    for (const std::size_t out : out_of_[reached[i].first]) {
      const CopyEdge& edge = edges_[out];
      std::vector<std::string> carried = through(*edge.copy, reached[i].second);
      if (carried.empty()) continue;
      if (edge.copier == copier) return true;
      const bool is_seen = std::any_of(reached.begin(), reached.end(), [&edge](const auto& each) { return each.first == edge.copier; });
      if (!is_seen) reached.emplace_back(edge.copier, std::move(carried));
    }
  }
  return false;
}

void Graph::find_contents() {
  contents_.assign(facts_.streams.size(), {});
  // To a fixed point, forwards and backwards in turn: most files have their origins before their copies, or behind them.
  bool has_changed = true;
  for (unsigned round = 0; has_changed; ++round) {
    has_changed = false;
    for (std::size_t i = 0; i < facts_.streams.size(); ++i) {
      const std::size_t s = round % 2 == 0 ? i : facts_.streams.size() - 1 - i;
      std::vector<std::string> next = contents_of(s);
      if (next == contents_[s]) continue;
      // Transforms in a circle may go on for ever.
      if (round >= kRoundsMax) next.assign(1, ">");
      has_changed = has_changed || next != contents_[s];
      contents_[s] = std::move(next);
    }
  }
}

std::vector<std::string> Graph::contents_of(std::size_t stream) const {
  const StreamFacts& facts = facts_.streams[stream];
  // An origin that nobody here knows may bring anything.
  if (contents_[stream] == std::vector<std::string>{">"} || into_[stream].size() < facts.copies.size()) return {">"};
  std::vector<std::string> out;
  for (const PlacedText& subject : facts.subjects) add_stored(facts, subject.text, out);
  for (const std::size_t edge : into_[stream]) {
    for (std::string& pattern : through(*edges_[edge].copy, contents_[edges_[edge].origin])) add_stored(facts, std::move(pattern), out);
  }
  return out;
}

}  // namespace windtunnel::scenarios
