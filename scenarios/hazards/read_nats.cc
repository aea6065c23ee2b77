#include "scenarios/hazards/read_nats.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "scenarios/hazards/read_config.h"
#include "scenarios/language/nearest.h"
#include "scenarios/language/tables_nats.h"

namespace windtunnel::scenarios {
namespace {

using Kind = YamlTree::Kind;

const YamlTree* find(const YamlTree& tree, std::string_view key) {
  if (tree.kind != Kind::map) return nullptr;
  for (const YamlTree::Entry& entry : tree.entries) {
    if (entry.key == key) return &entry.value;
  }
  return nullptr;
}

const YamlTree* find(const YamlTree& tree, std::string_view key, Kind kind) {
  const YamlTree* found = find(tree, key);
  return found != nullptr && found->kind == kind ? found : nullptr;
}

// A text that is not empty; nullptr if there is none.
const YamlTree* find_text(const YamlTree& tree, std::string_view key) {
  const YamlTree* found = find(tree, key, Kind::scalar);
  return found != nullptr && found->scalar_kind == ScalarKind::text && !found->text.empty() ? found : nullptr;
}

std::optional<std::uint64_t> count_of(const YamlTree* tree) {
  if (tree == nullptr || tree->kind != Kind::scalar || tree->scalar_kind != ScalarKind::integer) return std::nullopt;
  std::uint64_t value = 0;
  const auto [end, failure] = std::from_chars(tree->text.data(), tree->text.data() + tree->text.size(), value);
  if (failure != std::errc{} || end != tree->text.data() + tree->text.size()) return std::nullopt;
  return value;
}

bool is_nothing(const YamlTree& tree) {
  return tree.kind == Kind::scalar && (tree.scalar_kind == ScalarKind::null || (tree.scalar_kind == ScalarKind::text && tree.text.empty()));
}

// What the table knows of the object. Servers write null and "" for what is not set, and newer ones more keys than there are here.
YamlTree known_part(const YamlTree& tree, const Table& table) {
  if (tree.kind != Kind::map) return tree;
  YamlTree out;
  out.kind = Kind::map;
  out.where = tree.where;
  for (const YamlTree::Entry& entry : tree.entries) {
    const auto key = std::find_if(table.keys.begin(), table.keys.end(), [&entry](const Key& each) { return each.name == entry.key; });
    if (key == table.keys.end() || key->is_ours || !key->refusal.empty() || is_nothing(entry.value)) continue;
    YamlTree::Entry kept{.key = entry.key, .where = entry.where, .value = {}};
    const Shape& shape = key->shape;
    if (shape.type == Type::object) {
      kept.value = known_part(entry.value, *shape.table);
    } else if (shape.type == Type::list && shape.element->type == Type::object && entry.value.kind == Kind::list) {
      kept.value.kind = Kind::list;
      kept.value.where = entry.value.where;
      for (const YamlTree& item : entry.value.items) kept.value.items.push_back(known_part(item, *shape.element->table));
    } else {
      kept.value = entry.value;
    }
    out.entries.push_back(std::move(kept));
  }
  return out;
}

// Everything that stands there, whatever its place and the order of its keys.
std::string text_of(const YamlTree& tree) {
  if (tree.kind == Kind::scalar) return quoted(tree.text);
  std::vector<std::string> parts;
  for (const YamlTree& item : tree.items) parts.push_back(text_of(item));
  for (const YamlTree::Entry& entry : tree.entries) parts.push_back(quoted(entry.key) + ":" + text_of(entry.value));
  if (tree.kind == Kind::map) std::sort(parts.begin(), parts.end());
  std::string out = tree.kind == Kind::map ? "{" : "[";
  for (const std::string& part : parts) out.append(part).append(",");
  return out;
}

constexpr std::size_t kGapsMax = 100;  // of a server

constexpr std::string_view kPageWanted = "/jsz?streams=1&consumers=1&config=1";

// A page of /jsz that counts streams and shows none, for nobody asked it to. (One on which there are none is complete.)
bool is_bare_page(const YamlTree& tree) {
  if (find_text(tree, "server_id") == nullptr || count_of(find(tree, "streams")).value_or(0) == 0) return false;
  const YamlTree* accounts = find(tree, "account_details", Kind::list);
  return accounts == nullptr || std::none_of(accounts->items.begin(), accounts->items.end(),
                                             [](const YamlTree& account) { return find(account, "stream_detail", Kind::list) != nullptr; });
}

// As if the text had it: a key that our language wants and NATS has elsewhere.
void add_text(YamlTree& object, std::string_view key, std::string text, const SourcePosition& where) {
  YamlTree value;
  value.where = where;
  value.text = std::move(text);
  value.scalar_kind = ScalarKind::text;
  object.entries.push_back({.key = std::string{key}, .where = where, .value = std::move(value)});
}

}  // namespace

void NatsReader::read(const std::vector<YamlTree>& values, std::size_t server) {
  for (const YamlTree& value : values) read_value(value, server, false);
}

void NatsReader::read_value(const YamlTree& tree, std::size_t server, bool is_listed) {
  if (diagnostics_.is_full()) return;
  if (tree.kind == Kind::list && !is_listed) return read_list(tree, server, nullptr);
  if (tree.kind == Kind::scalar && tree.scalar_kind == ScalarKind::text) {
    diagnostics_.add(tree.where,
                     "a mere name stands here: " + quoted(tree.text) + "; give what `nats stream info " + "NAME --json` prints");
    return;
  }
  if (tree.kind != Kind::map) {
    diagnostics_.add(tree.where, "a stream should stand here, as `nats stream info --json` prints it");
    return;
  }
  if (const YamlTree* error = find(tree, "error", Kind::map)) {
    const YamlTree* description = find_text(*error, "description");
    diagnostics_.add(error->where, "the server answered with an error" + (description == nullptr ? "" : ": " + quoted(description->text)));
    return;
  }
  // What a server answers on the system account: its page, and whose it is.
  if (const YamlTree* data = find(tree, "data", Kind::map); data != nullptr && find(tree, "server", Kind::map) != nullptr)
    return read_value(*data, server, is_listed);
  if (is_bare_page(tree)) {
    diagnostics_.add(tree.where, "this monitoring page has no streams; ask for " + std::string{kPageWanted});
    return;
  }
  if (const YamlTree* accounts = find(tree, "account_details", Kind::list)) return read_monitoring(tree, *accounts, server);
  if (const YamlTree* streams = find(tree, "streams", Kind::list)) {
    read_missing(tree, true, server);
    return read_list(*streams, server, find(tree, "total"));
  }
  if (const YamlTree* consumers = find(tree, "consumers", Kind::list)) return read_consumers(tree, *consumers, server);
  if (const YamlTree* config = find(tree, "config", Kind::map)) {
    if (find_text(tree, "stream_name") != nullptr) return read_consumer(tree, server);
    return read_stream(*config, &tree, server);
  }
  if (find(tree, "stream_name") == nullptr && find(tree, "ack_policy") == nullptr && find_text(tree, "name") != nullptr)
    return read_stream(tree, nullptr, server);
  // An empty page of a list, whose streams or consumers are null.
  const YamlTree* type = find_text(tree, "type");
  if (type != nullptr && type->text.ends_with("_list_response")) {
    const bool is_of_streams = type->text.find("stream_list") != std::string::npos;
    read_missing(tree, is_of_streams, server);
    if (is_of_streams) add_page(stream_pages_[server], find(tree, "total"), 0);
    return;
  }
  diagnostics_.add(tree.where,
                   find(tree, "ack_policy") != nullptr
                       ? "this is a consumer's configuration, which does not say its stream; give what `nats consumer info --json` prints"
                       : "this is no stream, no consumer and no list of them: it has neither `config` nor `name`");
}

void NatsReader::read_list(const YamlTree& list, std::size_t server, const YamlTree* total) {
  for (const YamlTree& item : list.items) read_value(item, server, true);
  // A page of a longer list says so; the others may follow.
  Pages& pages = stream_pages_[server];
  add_page(pages, total, list.items.size());
  if (pages.total <= pages.shown) facts_.servers[server].are_streams_known = true;
}

void NatsReader::add_page(Pages& pages, const YamlTree* total, std::size_t shown) {
  pages.shown += shown;
  const std::uint64_t count = count_of(total).value_or(0);
  if (count <= pages.total) return;
  pages.total = count;
  pages.where = total->where;
}

void NatsReader::tell_gap(const Pages& pages, const std::string& what, std::size_t server) {
  if (pages.total <= pages.shown) return;
  facts_.servers[server].gaps.push_back({"there are " + std::to_string(pages.total) + " " + what + ", and " + std::to_string(pages.shown) +
                                             (pages.shown == 1 ? " is" : " are") + " given: what the others are nobody has looked at",
                                         pages.where});
}

void NatsReader::read_missing(const YamlTree& answer, bool is_of_streams, std::size_t server) {
  const YamlTree* missing = find(answer, "missing", Kind::list);
  if (missing == nullptr) return;
  for (const YamlTree& item : missing->items) {
    if (item.kind == Kind::scalar) missing_.push_back({server, is_of_streams, {item.text, item.where}});
  }
}

void NatsReader::tell_missing() {
  std::set<std::pair<std::size_t, std::string_view>> streams;
  for (const StreamFacts& stream : facts_.streams) streams.emplace(stream.server, stream.name.text);
  std::set<std::pair<std::size_t, std::string_view>> consumers;
  for (const ConsumerFacts& consumer : facts_.consumers) consumers.emplace(facts_.streams[consumer.stream].server, consumer.name);
  for (const Missing& each : missing_) {
    // Its info may stand elsewhere.
    if ((each.is_stream ? streams : consumers).contains({each.server, each.name.text})) continue;
    if (each.is_stream) ++stream_pages_[each.server].shown;
    if (facts_.servers[each.server].gaps.size() >= kGapsMax) continue;  // more say nothing that these do not
    facts_.servers[each.server].gaps.push_back(
        {"the server could not tell of the " + std::string{each.is_stream ? "stream " : "consumer "} + quoted(each.name.text) + " on " +
             quoted(facts_.servers[each.server].name) + " when it was asked: nobody has looked at it",
         each.name.where});
  }
}

void NatsReader::read_consumers(const YamlTree& answer, const YamlTree& list, std::size_t server) {
  read_missing(answer, false, server);
  for (const YamlTree& consumer : list.items) read_value(consumer, server, true);
  // A list is of one stream, and only its consumers say of which.
  if (list.items.empty()) return;
  const YamlTree* stream = find_text(list.items.front(), "stream_name");
  if (stream != nullptr) add_page(consumer_pages_[{server, account_, stream->text}], find(answer, "total"), list.items.size());
}

void NatsReader::read_domain(const YamlTree& told, std::size_t server) {
  const YamlTree* domain = find_text(told, "domain");
  if (domain == nullptr) return;
  PlacedText& known = facts_.servers[server].domain;
  if (known.text.empty()) known = {domain->text, domain->where};
  if (known.text == domain->text) return;
  diagnostics_.add(domain->where, "this server's domain is " + quoted(domain->text) + ", and " + known.where.text() + " says " +
                                      quoted(known.text) + " of " + quoted(facts_.servers[server].name));
}

void NatsReader::read_monitoring(const YamlTree& page, const YamlTree& accounts, std::size_t server) {
  if (const YamlTree* config = find(page, "config", Kind::map)) {
    read_domain(*config, server);
    const YamlTree* always = find(*config, "sync_always", Kind::scalar);
    if (always != nullptr && always->text == "true") facts_.servers[server].syncs_always = true;
  }
  std::size_t streams_shown = 0;
  for (const YamlTree& account : accounts.items) {
    const YamlTree* name = find_text(account, "name");
    account_ = name == nullptr ? std::string{} : name->text;
    const YamlTree* streams = find(account, "stream_detail", Kind::list);
    if (streams == nullptr) continue;
    streams_shown += streams->items.size();
    for (const YamlTree& stream : streams->items) {
      if (find(stream, "config", Kind::map) == nullptr) {
        diagnostics_.add(stream.where, "this stream has no `config`; ask for " + std::string{kPageWanted});
        continue;
      }
      read_value(stream, server, true);
      const YamlTree* consumers = find(stream, "consumer_detail", Kind::list);
      if (consumers == nullptr) continue;
      for (const YamlTree& consumer : consumers->items) {
        if (find(consumer, "config", Kind::map) != nullptr) read_value(consumer, server, true);
      }
    }
  }
  account_.clear();
  const std::size_t accounts_shown = accounts.items.size();
  // With fewer accounts than there are it was asked for one of them, and the others are nothing to it.
  const bool has_all_accounts = count_of(find(page, "accounts")).value_or(accounts_shown) <= accounts_shown;
  if (has_all_accounts) {
    Pages pages;
    add_page(pages, find(page, "streams"), streams_shown);
    tell_gap(pages, "streams on " + quoted(facts_.servers[server].name), server);
    if (pages.total > pages.shown) return;
  }
  // One of a cluster has only those streams of which it holds a replica.
  if (find(page, "meta_cluster", Kind::map) == nullptr) facts_.servers[server].are_streams_known = true;
}

void NatsReader::read_stream(const YamlTree& config, const YamlTree* info, std::size_t server) {
  YamlTree known = known_part(config, stream_table());
  add_text(known, "on", facts_.servers[server].name, config.where);
  const std::size_t before = diagnostics_.count();
  const TypedValue value = check_tree(known, stream_table(), diagnostics_);
  if (diagnostics_.count() != before) return;
  StreamFacts stream = stream_facts(value, server);
  stream.account = account_;
  const auto [seen, is_new] = configs_.emplace(std::tuple{server, account_, stream.name.text}, text_of(config));
  if (!is_new) {
    // The servers of a cluster, or two pages of a list, may show the same stream.
    if (seen->second != text_of(config))
      diagnostics_.add(stream.name.where, "there is already a stream " + quoted(stream.name.text) + " on " +
                                              quoted(facts_.servers[server].name) + ", with another configuration");
    return;
  }
  if (info != nullptr) {
    read_domain(*info, server);
    if (const YamlTree* state = find(*info, "state", Kind::map)) stream.consumer_count = count_of(find(*state, "consumer_count"));
    const YamlTree* cluster = find(*info, "cluster", Kind::map);
    const YamlTree* leader = cluster == nullptr ? nullptr : find_text(*cluster, "leader");
    PlacedText& server_name = facts_.servers[server].server_name;
    // Of a clustered stream the leader is one of several servers.
    if (leader != nullptr && server_name.text.empty() && find(*cluster, "replicas") == nullptr) server_name = {leader->text, leader->where};
  }
  facts_.streams.push_back(std::move(stream));
}

void NatsReader::read_consumer(const YamlTree& info, std::size_t server) {
  const YamlTree& config = *find(info, "config", Kind::map);
  // The server's own, of mirrors and sources, in releases that show them.
  const YamlTree* policy = find_text(config, "ack_policy");
  if (policy != nullptr && policy->text == "flow_control") return;
  const YamlTree& stream = *find_text(info, "stream_name");
  YamlTree known = known_part(config, consumer_table());
  add_text(known, "stream", stream.text, stream.where);
  const YamlTree* name = find_text(info, "name");
  if (name != nullptr && find(known, "name") == nullptr) add_text(known, "name", name->text, name->where);
  const std::size_t before = diagnostics_.count();
  TypedValue value = check_tree(known, consumer_table(), diagnostics_);
  if (diagnostics_.count() != before || value.get_or("direct", false)) return;
  consumers_.push_back({.server = server, .account = account_, .stream = {stream.text, stream.where}, .config = std::move(value)});
}

void NatsReader::finish() {
  std::map<std::tuple<std::size_t, std::string_view, std::string_view>, std::size_t> streams;
  for (std::size_t s = 0; s < facts_.streams.size(); ++s)
    streams.emplace(
        std::tuple{facts_.streams[s].server, std::string_view{facts_.streams[s].account}, std::string_view{facts_.streams[s].name.text}},
        s);
  std::set<std::pair<std::size_t, std::string>> seen;  // a stream, and the name of its consumer
  for (const Consumer& consumer : consumers_) {
    const auto found = streams.find({consumer.server, consumer.account, consumer.stream.text});
    if (found == streams.end()) {
      diagnostics_.add(consumer.stream.where, "the stream " + quoted(consumer.stream.text) + " of this consumer is not among those of " +
                                                  quoted(facts_.servers[consumer.server].name) + "; give its info as well");
      continue;
    }
    ConsumerFacts facts = consumer_facts(consumer.config, found->second);
    // The servers of a cluster may show the same one.
    if (!facts.name.empty() && !seen.emplace(found->second, facts.name).second) continue;
    facts_.consumers.push_back(std::move(facts));
  }
  consumers_.clear();
  // A stream may stand on several pages, and elsewhere: what is told is what is not there at all.
  for (auto& [server, pages] : stream_pages_) pages.shown = 0;
  for (const StreamFacts& stream : facts_.streams) {
    if (const auto pages = stream_pages_.find(stream.server); pages != stream_pages_.end()) ++pages->second.shown;
  }
  tell_missing();
  for (const auto& [server, pages] : stream_pages_) tell_gap(pages, "streams on " + quoted(facts_.servers[server].name), server);
  for (const auto& [key, pages] : consumer_pages_) {
    const auto& [server, account, stream] = key;
    tell_gap(pages, "consumers of the stream " + quoted(stream) + " on " + quoted(facts_.servers[server].name), server);
  }
}

}  // namespace windtunnel::scenarios
