#include "scenarios/language/schema.h"

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/base/defects.h"
#include "faults/swarm.h"
#include "scenarios/invariants/names.h"
#include "scenarios/language/tables.h"

namespace windtunnel::scenarios {
namespace {

using Json = nlohmann::ordered_json;

template <typename Names>
Json words(const Names& names) {
  Json out = Json::array();
  for (const auto& name : names) out.push_back(std::string{name});
  return out;
}

Json count(std::uint64_t least) { return {{"type", "integer"}, {"minimum", least}}; }
Json text_of(Type type) {
  Json out = {{"type", "string"}};
  if (!info_of(type).pattern.empty()) out["pattern"] = std::string{info_of(type).pattern};
  return out;
}
Json either(Json a, Json b) { return {{"anyOf", Json::array({std::move(a), std::move(b)})}}; }

Json bound_schema() {
  Json bounds = {{"type", "object"},
                 {"properties", {{"at_least", count(0)}, {"at_most", count(0)}}},
                 {"additionalProperties", false},
                 {"minProperties", 1}};
  return either(count(0), std::move(bounds));
}

Json loss_bound_schema() {
  Json bounds = {
      {"type", "object"},
      {"properties", {{"at_least", count(0)}, {"at_most", either(count(0), text_of(Type::duration))}, {"reported", {{"type", "boolean"}}}}},
      {"additionalProperties", false},
      {"minProperties", 1}};
  return either(count(0), std::move(bounds));
}

Json duration_bound_schema() {
  return {{"type", "object"},
          {"properties", {{"at_least", text_of(Type::duration)}, {"at_most", text_of(Type::duration)}}},
          {"additionalProperties", false},
          {"minProperties", 1}};
}

Json link_ends_schema() { return {{"type", "array"}, {"items", text_of(Type::name)}, {"minItems", 2}, {"maxItems", 2}}; }

Json schema_of(const Shape& shape);

// The keys of `table` and `more`, which is one of its variants or nullptr.
Json keys_schema(const Table& table, const Table* more) {
  Json out = {{"type", "object"}};
  Json properties = Json::object();
  std::vector<std::string_view> required;
  Json all_of = Json::array();
  for (const Table* each : {more, &table}) {
    if (each == nullptr) continue;
    for (const Key& key : each->keys) {
      if (!key.refusal.empty()) continue;
      Json property = schema_of(key.shape);
      if (!key.about.empty()) property["description"] = std::string{key.about};
      properties[std::string{key.name}] = std::move(property);
      if (key.is_required) required.push_back(key.name);
    }
    const auto one_of = [](std::string_view word, std::span<const std::string_view> names) {
      Json alternatives = Json::array();
      for (const std::string_view name : names) alternatives.push_back({{"required", words(std::vector{name})}});
      return Json{{std::string{word}, std::move(alternatives)}};
    };
    if (!each->exactly_one.empty()) all_of.push_back(one_of("oneOf", each->exactly_one));
    for (const auto& pair : each->not_together) all_of.push_back(Json{{"not", {{"required", words(pair)}}}});
    if (!each->at_least_one.empty()) all_of.push_back(one_of("anyOf", each->at_least_one));
  }
  out["properties"] = std::move(properties);
  if (!required.empty()) out["required"] = words(required);
  out["additionalProperties"] = false;
  if (!all_of.empty()) out["allOf"] = std::move(all_of);
  return out;
}

Json table_schema(const Table& table) {
  if (!table.variants.empty()) {
    Json variants = Json::array();
    for (const Table* variant : table.variants) variants.push_back(keys_schema(table, variant));
    return {{"oneOf", std::move(variants)}};
  }
  Json keys = keys_schema(table, nullptr);
  if (table.shorthand.empty()) return keys;
  bool needs_more = false;  // a shorthand can only stand for an object whose other keys may be left out
  const Key* meant = nullptr;
  for (const Key& key : table.keys) {
    if (key.name == table.shorthand) meant = &key;
    needs_more = needs_more || (key.is_required && key.name != table.shorthand);
  }
  return needs_more || meant == nullptr ? keys : either(schema_of(meant->shape), std::move(keys));
}

Json schema_of(const Shape& shape) {
  switch (shape.type) {
    case Type::boolean: return {{"type", "boolean"}};
    case Type::count: return count(0);
    case Type::positive: return count(1);
    case Type::integer: return {{"type", "integer"}};
    case Type::nats_duration:
    case Type::nats_size: return either({{"type", "integer"}}, text_of(shape.type));
    case Type::count_range: return either(count(0), text_of(shape.type));
    case Type::swarm_word: return {{"enum", words(faults::swarm_words())}};
    case Type::retry_count: return either(count(0), {{"const", "until-acked"}});
    case Type::bound: return bound_schema();
    case Type::loss_bound: return loss_bound_schema();
    case Type::duration_bound: return duration_bound_schema();
    case Type::link_ends: return link_ends_schema();
    case Type::choice: return {{"enum", words(shape.choices)}};
    case Type::defect: {
      Json names = Json::array();
      for (const core::DefectInfo& info : core::all_defects()) names.push_back(std::string{info.name});
      return {{"enum", std::move(names)}};
    }
    case Type::invariant: {
      Json names = Json::array();
      for (const InvariantName& name : invariant_names()) names.push_back(std::string{name.name});
      return {{"enum", std::move(names)}};
    }
    case Type::list: return {{"type", "array"}, {"items", schema_of(*shape.element)}, {"maxItems", shape.entries_max}};
    case Type::map:
      return {{"type", "object"},
              {"propertyNames", {{"pattern", std::string{info_of(Type::name).pattern}}}},
              {"additionalProperties", either({{"type", "null"}}, schema_of(*shape.element))},
              {"maxProperties", shape.entries_max}};
    case Type::text_map: return {{"type", "object"}, {"additionalProperties", {{"type", "string"}}}, {"maxProperties", shape.entries_max}};
    case Type::object: return table_schema(*shape.table);
    default: return text_of(shape.type);
  }
}

}  // namespace

std::string json_schema() {
  Json out = {
      {"$schema", "https://json-schema.org/draft/2020-12/schema"},
      {"title", "windtunnel scenario"},
      {"description", "Written from the loader's own tables. Names that a scenario gives to things are looked up by the loader alone."}};
  out.update(table_schema(scenario_table()));
  return out.dump(1) + "\n";
}

}  // namespace windtunnel::scenarios
