// The scenario language as tables: which keys stand where and what their values are.
//
// The one place where a key is named: the loader checks files by these tables, and scenarios/scenario.schema.json is
// written from them (scenarios/language/schema.h), so that the two cannot part.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

namespace windtunnel::scenarios {

enum class Type : std::uint8_t {
  text,
  name,             // of a node, domain, workload, scenario: letters, digits, - and _, a letter or _ first
  stream_name,      // of a stream or consumer, as NATS allows it
  subject,          // with wildcards
  literal_subject,  // without
  boolean,
  count,     // a whole number, 0 or more
  positive,  // a whole number, 1 or more
  // In NATS configuration a bare integer means what NATS means by it; units are allowed.
  integer,        // of 64 bits, signed
  nats_duration,  // nanoseconds
  nats_size,      // bytes, or -1
  nats_time,      // RFC 3339
  // Ours: units are a must.
  duration,
  positive_duration,
  signed_duration,
  duration_range,
  sync_interval,  // a duration, or `always`
  size,
  size_range,
  bandwidth,
  rate,
  op_trigger,      // "3rd fsync of msgs/2.blk at leaf"
  retry_count,     // a count, or `until-acked`
  bound,           // a count, or { at_least, at_most }
  defect,          // the name of a defect
  invariant,       // the name of an invariant
  choice,          // one of Shape::choices
  link_ends,       // [a, b]
  file_choice,     // a glob, or a role such as "first .blk"
  op_name,         // a disk operation: fsync
  count_range,     // 0..12, or one count
  swarm_word,      // a kind of fault, or a group of them
  loss_bound,      // as bound; at_most may be a duration, and there may be reported: true
  duration_bound,  // { at_least, at_most } of durations
  // Composed.
  list,      // of Shape::element
  map,       // names to Shape::element
  text_map,  // any text to text
  object,    // Shape::table
};

struct Table;

struct Shape {
  Type type = Type::text;
  std::span<const std::string_view> choices = {};
  const Shape* element = nullptr;
  const Table* table = nullptr;
  std::size_t entries_max = 1000;  // of a list or map
};

struct Key {
  std::string_view name;
  Shape shape;
  std::string_view about;  // for editors: what it means, its default
  bool is_required = false;
  bool is_ours = false;           // not a field of the NATS configuration around it
  std::string_view refusal = {};  // not empty: known, and refused with these words
};

// The keys of one object. Either its own, or one of several variants, told apart by a key that only that variant has.
struct Table {
  std::string_view name;  // with its article, for messages: "a link"
  std::span<const Key> keys;
  std::string_view shorthand = {};                                     // the key that a value which is no map stands for
  std::string_view mark = {};                                          // as a variant: the key that tells it
  std::span<const Table* const> variants = {};                         // not empty: `keys` are those that all variants share
  std::span<const std::string_view> exactly_one = {};                  // of these keys there is exactly one
  std::span<const std::string_view> at_least_one = {};                 // of these at least one
  std::span<const std::array<std::string_view, 2>> not_together = {};  // of each pair no more than one
};

// The whole file.
[[nodiscard]] const Table& scenario_table();

// How a type reads in a message, and as a pattern in the schema.
struct TypeInfo {
  std::string_view noun;     // "a duration with a unit, such as 5ms or 2m"
  std::string_view pattern;  // an ECMAScript regular expression that its text matches; empty: any text, or no text at all
};
[[nodiscard]] const TypeInfo& info_of(Type type);

}  // namespace windtunnel::scenarios
