#include "tests/scenarios/language/json_schema.h"

#include <map>
#include <regex>
#include <set>
#include <stdexcept>

namespace windtunnel::scenarios {
namespace {

using nlohmann::json;

bool has_type(const json& value, const std::string& type) {
  if (type == "object") return value.is_object();
  if (type == "array") return value.is_array();
  if (type == "string") return value.is_string();
  if (type == "boolean") return value.is_boolean();
  if (type == "integer") return value.is_number_integer();
  if (type == "null") return value.is_null();
  throw std::runtime_error{"the validator does not know the type " + type};
}

bool matches(const std::string& pattern, const std::string& text) {
  static std::map<std::string, std::regex> compiled;
  const auto [found, is_new] = compiled.try_emplace(pattern);
  if (is_new) found->second = std::regex{pattern, std::regex::ECMAScript};
  return std::regex_search(text, found->second);
}

std::string object_violation(const json& schema, const json& value, const std::string& place) {
  const json properties = schema.value("properties", json::object());
  for (const auto& [name, each] : value.items()) {
    if (schema.contains("propertyNames")) {
      if (std::string why = violation(schema["propertyNames"], name, place + "/" + name); !why.empty()) return why;
    }
    if (properties.contains(name)) {
      if (std::string why = violation(properties[name], each, place + "/" + name); !why.empty()) return why;
    } else if (schema.contains("additionalProperties")) {
      const json& additional = schema["additionalProperties"];
      if (additional.is_boolean()) {
        if (!additional.get<bool>()) return place + ": unknown property " + name;
      } else if (std::string why = violation(additional, each, place + "/" + name); !why.empty()) {
        return why;
      }
    }
  }
  if (value.size() < schema.value("minProperties", std::size_t{0})) return place + ": too few properties";
  if (value.size() > schema.value("maxProperties", ~std::size_t{0})) return place + ": too many properties";
  return {};
}

}  // namespace

std::string violation(const json& schema, const json& value, const std::string& place) {
  static const std::set<std::string> kKnown = {
      "$schema",       "title",         "description",   "type",  "properties", "required", "additionalProperties",
      "propertyNames", "minProperties", "maxProperties", "items", "minItems",   "maxItems", "pattern",
      "minimum",       "enum",          "const",         "anyOf", "oneOf",      "allOf",    "not"};
  for (const auto& [keyword, unused] : schema.items()) {
    if (!kKnown.contains(keyword)) throw std::runtime_error{"the validator does not know the keyword " + keyword};
  }
  if (schema.contains("type") && !has_type(value, schema["type"])) return place + ": no " + schema["type"].get<std::string>();
  if (schema.contains("const") && value != schema["const"]) return place + ": not the constant";
  if (schema.contains("enum")) {
    bool is_one = false;
    for (const json& each : schema["enum"]) is_one = is_one || each == value;
    if (!is_one) return place + ": not in the enumeration";
  }
  if (schema.contains("minimum") && value.is_number_integer() && value.get<std::int64_t>() < schema["minimum"].get<std::int64_t>() &&
      !value.is_number_unsigned()) {
    return place + ": below the minimum";
  }
  if (schema.contains("minimum") && value.is_number_unsigned() && value.get<std::uint64_t>() < schema["minimum"].get<std::uint64_t>())
    return place + ": below the minimum";
  if (schema.contains("pattern") && value.is_string() && !matches(schema["pattern"], value))
    return place + ": does not match " + schema["pattern"].get<std::string>();
  if (schema.contains("required")) {
    for (const json& name : schema["required"]) {
      if (value.is_object() && !value.contains(name.get<std::string>())) return place + ": needs " + name.get<std::string>();
    }
  }
  if (value.is_object()) {
    if (std::string why = object_violation(schema, value, place); !why.empty()) return why;
  }
  if (value.is_array()) {
    if (value.size() < schema.value("minItems", std::size_t{0})) return place + ": too few items";
    if (value.size() > schema.value("maxItems", ~std::size_t{0})) return place + ": too many items";
    for (std::size_t i = 0; schema.contains("items") && i < value.size(); ++i) {
      if (std::string why = violation(schema["items"], value[i], place + "/" + std::to_string(i)); !why.empty()) return why;
    }
  }
  for (const json& each : schema.value("allOf", json::array())) {
    if (std::string why = violation(each, value, place); !why.empty()) return why;
  }
  if (schema.contains("not") && violation(schema["not"], value, place).empty()) return place + ": what must not hold holds";
  for (const std::string keyword : {"anyOf", "oneOf"}) {
    if (!schema.contains(keyword)) continue;
    std::size_t held = 0;
    for (const json& each : schema[keyword]) held += violation(each, value, place).empty() ? 1 : 0;
    if (held == 0 || (keyword == "oneOf" && held != 1))
      return place + ": " + std::to_string(held) + " alternatives of " + keyword + " hold";
  }
  return {};
}

json to_json(const YamlTree& tree) {
  if (tree.kind == YamlTree::Kind::list) {
    json out = json::array();
    for (const YamlTree& item : tree.items) out.push_back(to_json(item));
    return out;
  }
  if (tree.kind == YamlTree::Kind::map) {
    json out = json::object();
    for (const YamlTree::Entry& entry : tree.entries) out[entry.key] = to_json(entry.value);
    return out;
  }
  switch (tree.scalar_kind) {
    case ScalarKind::text: return tree.text;
    case ScalarKind::null: return nullptr;
    case ScalarKind::boolean: return tree.text[0] == 't' || tree.text[0] == 'T';
    case ScalarKind::integer: return json::parse(tree.text[0] == '+' ? tree.text.substr(1) : tree.text, nullptr, false);
    case ScalarKind::number: return 0.5;  // any number that is no integer: the language has none
  }
  return nullptr;
}

}  // namespace windtunnel::scenarios
