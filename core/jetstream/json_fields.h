// Reading JSON requests: each function leaves `out` alone if the member is absent or null, and says whether what is there
// has the right type. For the .cc files of this folder; it brings in nlohmann-json.
#pragma once

#include <algorithm>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/types.h"

namespace windtunnel::core {

using Json = nlohmann::json;

// nullopt if it is no JSON. Never throws.
inline std::optional<Json> parse_json(std::string_view text) {
  Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) return std::nullopt;
  return json;
}

// The member of this name, as Go finds it: letter for letter if there is one, else in whatever case; null or not.
inline const Json* find_member(const Json& object, std::string_view key) {
  if (const auto it = object.find(key); it != object.end()) return &*it;
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  for (auto it = object.begin(); it != object.end(); ++it) {
    const std::string& name = it.key();
    if (std::equal(name.begin(), name.end(), key.begin(), key.end(), [&](char a, char b) { return lower(a) == b; })) return &*it;
  }
  return nullptr;
}

inline std::string lower_case(std::string_view text) {
  std::string out{text};
  std::transform(out.begin(), out.end(), out.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return out;
}

// Go's encoding/json finds a member whatever its capitals are, unless the exact name is there too. The members of "metadata"
// are the user's. No request has members deeper than `depth`.
inline void lower_case_members(Json& json, int depth = 8) {
  if (depth == 0) return;
  if (json.is_array()) {
    for (Json& item : json) lower_case_members(item, depth - 1);
  }
  if (!json.is_object()) return;
  std::vector<std::string> names;
  for (const auto& [name, value] : json.items()) names.push_back(name);
  for (const std::string& name : names) {
    const std::string lower = lower_case(name);
    if (lower != name && !json.contains(lower)) json[lower] = std::move(json[name]);
    if (lower != name) json.erase(name);
    if (lower != "metadata" && json.contains(lower)) lower_case_members(json[lower], depth - 1);
  }
}

// As a request reads its body: `null` leaves everything as it is. nullopt if it is neither an object nor null.
inline std::optional<Json> parse_request(std::string_view text) {
  std::optional<Json> json = parse_json(text);
  if (json && json->is_null()) return Json::object();
  if (!json || !json->is_object()) return std::nullopt;
  lower_case_members(*json);
  return json;
}

inline const Json* member(const Json& object, const char* key) {
  const Json* found = find_member(object, key);
  return found == nullptr || found->is_null() ? nullptr : found;
}

inline bool read(const Json& object, const char* key, std::string& out) {
  const Json* value = member(object, key);
  if (value == nullptr) return true;
  if (!value->is_string()) return false;
  out = value->get<std::string>();
  return true;
}

inline bool read(const Json& object, const char* key, bool& out) {
  const Json* value = member(object, key);
  if (value == nullptr) return true;
  if (!value->is_boolean()) return false;
  out = value->get<bool>();
  return true;
}

inline bool read(const Json& object, const char* key, std::int64_t& out) {
  const Json* value = member(object, key);
  if (value == nullptr) return true;
  if (!value->is_number_integer()) return false;
  if (value->is_number_unsigned() && value->get<std::uint64_t>() > static_cast<std::uint64_t>(INT64_MAX)) return false;
  out = value->get<std::int64_t>();
  return true;
}

inline bool read(const Json& object, const char* key, std::uint64_t& out) {
  const Json* value = member(object, key);
  if (value == nullptr) return true;
  if (!value->is_number_unsigned()) return false;
  out = value->get<std::uint64_t>();
  return true;
}

inline bool read(const Json& object, const char* key, Seq& out) { return read(object, key, out.value); }

inline bool read(const Json& object, const char* key, Duration& out) {
  std::int64_t ns = out.count();
  if (!read(object, key, ns)) return false;
  out = Duration{ns};
  return true;
}

inline bool read(const Json& object, const char* key, std::vector<std::string>& out) {
  const Json* value = member(object, key);
  if (value == nullptr) return true;
  if (!value->is_array()) return false;
  out.clear();
  for (const Json& item : *value) {
    if (!item.is_string()) return false;
    out.push_back(item.get<std::string>());
  }
  return true;
}

// A word out of a list; `words[i]` means `static_cast<E>(i)`. Here null is no word (as Go hands it to the type).
template <typename E, std::size_t N>
bool read_word(const Json& object, const char* key, const std::string_view (&words)[N], E& out) {
  std::string word;
  const Json* value = find_member(object, key);
  if (value == nullptr) return true;
  if (value->is_null() || !read(object, key, word)) return false;
  for (std::size_t i = 0; i < N; ++i) {
    if (words[i] == word) {
      out = static_cast<E>(i);
      return true;
    }
  }
  return false;
}

}  // namespace windtunnel::core
