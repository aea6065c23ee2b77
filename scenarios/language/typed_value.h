// TypedValue: a YAML tree that has been checked against the tables of the language, its scalars read as what they are.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/base/assert.h"
#include "core/base/defects.h"
#include "faults/disk_fault.h"
#include "faults/op_trigger.h"
#include "faults/units.h"
#include "scenarios/language/diagnostic.h"
#include "scenarios/language/tables.h"
#include "scenarios/language/yaml_tree.h"
#include "scenarios/scenario.h"

namespace windtunnel::scenarios {

struct CountRange {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
};

struct TypedValue {
  struct Member;
  // text, name, subject, choice, nats_time, invariant, op_name, swarm_word: text. boolean: bool. count, positive: unsigned. integer,
  // nats_duration, nats_size: signed. retry_count: RetryPolicy without its wait. The others as their names say.
  using Plain = std::variant<std::monostate, std::string, bool, std::uint64_t, std::int64_t, core::Duration, faults::DurationRange,
                             SyncInterval, core::Bytes, faults::SizeRange, faults::Rate, faults::OpTrigger, Bound, RetryPolicy,
                             core::Defect, faults::LinkEnds, faults::FileChoice, CountRange, LossBound, DurationBound>;

  const Shape* shape = nullptr;
  SourcePosition where;
  Plain plain;
  std::vector<TypedValue> items;  // of a list
  std::vector<Member> members;    // of an object, map or text_map, in the order of the file
  std::string_view variant;       // of an object with variants: the mark of the one it is

  // nullptr if the key is absent.
  [[nodiscard]] const TypedValue* find(std::string_view key) const;
  // Requires: the value is there and of that type (the tables say so).
  template <typename T>
  [[nodiscard]] const T& get(std::string_view key) const {
    const TypedValue* value = find(key);
    WT_ASSERT(value != nullptr);
    return value->as<T>();
  }
  template <typename T>
  [[nodiscard]] T get_or(std::string_view key, T fallback) const {
    const TypedValue* value = find(key);
    return value == nullptr ? std::move(fallback) : value->as<T>();
  }
  template <typename T>
  [[nodiscard]] const T& as() const {
    const T* held = std::get_if<T>(&plain);
    WT_ASSERT(held != nullptr);
    return *held;
  }
};

struct TypedValue::Member {
  std::string key;
  SourcePosition where;  // of the key
  TypedValue value;
};

// Everything that is wrong with the tree by itself goes into `diagnostics`; names are not looked up yet. The result is to
// be used only if nothing was wrong.
[[nodiscard]] TypedValue check_tree(const YamlTree& tree, const Table& table, Diagnostics& diagnostics);

}  // namespace windtunnel::scenarios
