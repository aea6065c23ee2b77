#include <algorithm>
#include <vector>

#include "core/base/json_writer.h"
#include "scenarios/language/build.h"
#include "scenarios/language/nearest.h"

namespace windtunnel::scenarios {
namespace {

OriginSpec build_origin(const TypedValue& value, const Scenario& scenario, Diagnostics& diagnostics) {
  OriginSpec origin;
  origin.name = value.get<std::string>("name");
  if (std::string filter = value.get_or<std::string>("filter_subject", ""); !filter.empty()) origin.filters.push_back(std::move(filter));
  if (const TypedValue* transforms = value.find("subject_transforms")) {
    for (const TypedValue& each : transforms->items) {
      const std::string from = each.get_or<std::string>("src", "");
      origin.filters.push_back(from.empty() ? ">" : from);
    }
  }
  const TypedValue* domain = value.find("domain");
  const TypedValue* external = value.find("external");
  if (domain != nullptr && external != nullptr) {
    diagnostics.add(domain->where, "`domain` is short for `external`; give one of them, not both");
    return origin;
  }
  if (domain != nullptr) {
    origin.domain = domain->as<std::string>();
    origin.external_api = "$JS." + origin.domain + ".API";
    expect_domain(origin.domain, domain->where, scenario, diagnostics);
  } else if (external != nullptr) {
    origin.external_api = external->get<std::string>("api");
    origin.domain = domain_of_api(origin.external_api);
  }
  return origin;
}

void refuse_contradictions(const TypedValue& value, Diagnostics& diagnostics) {
  if (value.find("mirror") == nullptr) return;
  // The same that nats-server refuses (10034, 10031, 10143), found before a run.
  for (const std::string_view key : {"subjects", "sources", "first_seq"}) {
    const TypedValue* other = value.find(key);
    if (other == nullptr) continue;
    const bool is_empty = other->shape->type == Type::list ? other->items.empty() : other->as<std::uint64_t>() == 0;
    if (!is_empty) diagnostics.add(other->where, "a mirror has no " + quoted(key) + ": it takes everything from its origin");
  }
}

StreamSpec build_stream(const TypedValue& value, const Scenario& scenario, Diagnostics& diagnostics) {
  StreamSpec stream;
  stream.where = value.where;
  stream.name = value.get<std::string>("name");
  stream.on = value.get<std::string>("on");
  if (const TypedValue* subjects = value.find("subjects")) {
    for (const TypedValue& subject : subjects->items) stream.subjects.push_back(subject.as<std::string>());
  }
  stream.storage = value.get_or<std::string>("storage", "file") == "memory" ? Storage::memory : Storage::file;
  const std::string retention = value.get_or<std::string>("retention", "limits");
  stream.retention = retention == "interest" ? Retention::interest : retention == "workqueue" ? Retention::workqueue : Retention::limits;
  if (const TypedValue* mirror = value.find("mirror")) stream.mirror = build_origin(*mirror, scenario, diagnostics);
  if (const TypedValue* sources = value.find("sources")) {
    for (const TypedValue& source : sources->items) stream.sources.push_back(build_origin(source, scenario, diagnostics));
  }
  refuse_contradictions(value, diagnostics);
  stream.create_body = nats_json(value);
  return stream;
}

// An origin that the scenario itself must have: one on the same node, or in a domain named by `domain`. What `external`
// names is taken as it stands, so that a scenario can be wrong there on purpose.
void expect_origin(const TypedValue& value, const StreamSpec& copy, const OriginSpec& origin, const Scenario& scenario,
                   Diagnostics& diagnostics) {
  if (value.find("external") != nullptr) return;
  if (!origin.domain.empty() && scenario.node_of_domain(origin.domain) == nullptr) return;  // reported already
  const StreamSpec* found = scenario.origin(copy, origin);
  const SourcePosition& where = value.find("name")->where;
  if (found == &copy) {
    diagnostics.add(where,
                    "stream " + quoted(copy.name) + " copies itself" + (origin.domain.empty() ? "; name the origin's `domain`" : ""));
  } else if (found == nullptr) {
    std::vector<std::string_view> names;
    for (const StreamSpec& stream : scenario.streams) {
      const NodeSpec* node = scenario.node(stream.on);
      const bool is_there =
          origin.domain.empty() ? stream.on == copy.on && &stream != &copy : node != nullptr && node->domain == origin.domain;
      if (is_there) names.push_back(stream.name);
    }
    const std::string place = origin.domain.empty() ? " on node " + quoted(copy.on) + " (of another node: name its `domain`)"
                                                    : " in domain " + quoted(origin.domain);
    diagnostics.add(where, "there is no stream " + quoted(origin.name) + place + hint(origin.name, names));
  }
}

}  // namespace

std::string domain_of_api(std::string_view api) {
  if (!api.starts_with("$JS.") || !api.ends_with(".API") || api.size() <= 8) return {};
  const std::string_view domain = api.substr(4, api.size() - 8);
  return domain.find('.') == std::string_view::npos ? std::string{domain} : std::string{};
}

const StreamSpec* expect_stream(std::string_view name, std::string_view on, const SourcePosition& where, bool only_mirrors,
                                const Scenario& scenario, Diagnostics& diagnostics) {
  std::vector<const StreamSpec*> found;
  std::vector<std::string_view> names;
  for (const StreamSpec& stream : scenario.streams) {
    if (only_mirrors && !stream.mirror) continue;
    if (!on.empty() && stream.on != on) continue;
    names.push_back(stream.name);
    if (stream.name == name) found.push_back(&stream);
  }
  if (found.size() == 1) return found.front();
  const std::string kind = only_mirrors ? "mirror " : "stream ";
  if (found.empty()) {
    const std::string place = on.empty() ? "" : " on node " + quoted(on);
    diagnostics.add(where, "there is no " + kind + quoted(name) + place + hint(name, names));
  } else {
    std::vector<std::string_view> nodes;
    for (const StreamSpec* stream : found) nodes.push_back(stream->on);
    diagnostics.add(where, "there is a " + kind + quoted(name) + " on " + listed(nodes) + "; say which with `on`");
  }
  return nullptr;
}

void build_streams(const TypedValue& streams, Scenario& scenario, Diagnostics& diagnostics) {
  std::vector<const TypedValue*> values;  // of scenario.streams, index by index
  for (const TypedValue& value : streams.items) {
    StreamSpec stream = build_stream(value, scenario, diagnostics);
    expect_node(stream.on, value.find("on")->where, scenario, diagnostics);
    if (scenario.stream(stream.on, stream.name) != nullptr) {
      diagnostics.add(value.find("name")->where, "there is already a stream " + quoted(stream.name) + " on node " + quoted(stream.on));
      continue;
    }
    scenario.streams.push_back(std::move(stream));
    values.push_back(&value);
  }
  for (std::size_t i = 0; i < values.size(); ++i) {
    const StreamSpec& stream = scenario.streams[i];
    if (stream.mirror) expect_origin(*values[i]->find("mirror"), stream, *stream.mirror, scenario, diagnostics);
    for (std::size_t s = 0; s < stream.sources.size(); ++s) {
      expect_origin(values[i]->find("sources")->items[s], stream, stream.sources[s], scenario, diagnostics);
    }
  }
}

void build_consumers(const TypedValue& consumers, Scenario& scenario, Diagnostics& diagnostics) {
  for (const TypedValue& value : consumers.items) {
    ConsumerSpec consumer;
    consumer.where = value.where;
    consumer.stream = value.get<std::string>("stream");
    const std::string on = value.get_or<std::string>("on", "");
    if (!on.empty() && !expect_node(on, value.find("on")->where, scenario, diagnostics)) continue;
    const StreamSpec* stream = expect_stream(consumer.stream, on, value.find("stream")->where, false, scenario, diagnostics);
    if (stream == nullptr) continue;
    consumer.on = stream->on;
    const std::string durable = value.get_or<std::string>("durable_name", "");
    consumer.name = value.get_or<std::string>("name", durable);
    consumer.is_durable = !durable.empty();
    if (consumer.is_durable && consumer.name != durable)
      diagnostics.add(value.find("name")->where, "`name` and `durable_name` must be equal if both are given");
    consumer.is_push = !value.get_or<std::string>("deliver_subject", "").empty();
    consumer.is_in_memory = value.get_or<bool>("mem_storage", false);
    const std::string ack = value.get_or<std::string>("ack_policy", "none");
    consumer.ack_policy = ack == "explicit" ? AckPolicy::explicit_ : ack == "all" ? AckPolicy::all : AckPolicy::none;
    consumer.filter_subject = value.get_or<std::string>("filter_subject", "");
    core::JsonWriter body;
    body.begin_object().field("stream_name", consumer.stream).key("config").raw(nats_json(value)).field("action", "").end_object();
    consumer.create_body = body.take();
    const bool is_taken = std::any_of(scenario.consumers.begin(), scenario.consumers.end(), [&consumer](const ConsumerSpec& other) {
      return other.on == consumer.on && other.stream == consumer.stream && other.name == consumer.name;
    });
    if (is_taken) {
      diagnostics.add(value.where, "there is already a consumer " + quoted(consumer.name) + " of stream " + quoted(consumer.stream) +
                                       " on node " + quoted(consumer.on));
    } else {
      scenario.consumers.push_back(std::move(consumer));
    }
  }
}

}  // namespace windtunnel::scenarios
