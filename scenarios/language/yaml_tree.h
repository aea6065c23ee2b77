// YamlTree: the subset of YAML that a scenario is written in, as a tree with positions.
//
// The subset: one document of maps, lists and scalars. Anchors, aliases, tags, merge keys and several documents are refused
// by name: a scenario needs none of them, and an alias may blow a small file up to any size. So are files that are no
// text, larger than kFileMax or nested deeper than kDepthMax.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/types.h"
#include "scenarios/language/diagnostic.h"

namespace windtunnel::scenarios {

inline constexpr core::Bytes kFileMax{1u << 20};
inline constexpr std::size_t kDepthMax = 32;

// What a scalar is by YAML's core schema. A quoted one is always text.
enum class ScalarKind : std::uint8_t { text, integer, number, boolean, null };

struct YamlTree {
  enum class Kind : std::uint8_t { scalar, list, map };
  struct Entry;

  Kind kind = Kind::scalar;
  SourcePosition where;
  std::string text;  // of a scalar
  ScalarKind scalar_kind = ScalarKind::null;
  std::vector<YamlTree> items;  // of a list
  std::vector<Entry> entries;   // of a map, in the order of the file; keys are unique
};

struct YamlTree::Entry {
  std::string key;
  SourcePosition where;  // of the key
  YamlTree value;
};

// nullopt if the text is no such document; `diagnostics` then says why.
[[nodiscard]] std::optional<YamlTree> parse_yaml(std::string_view text, const std::string& file, Diagnostics& diagnostics);

// What a plain (unquoted) scalar is.
[[nodiscard]] ScalarKind plain_kind(std::string_view text);

}  // namespace windtunnel::scenarios
