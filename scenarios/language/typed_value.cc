#include "scenarios/language/typed_value.h"

#include <algorithm>

#include "scenarios/language/nearest.h"
#include "scenarios/language/typed_scalar.h"

namespace windtunnel::scenarios {
namespace {

class Checker {
 public:
  explicit Checker(Diagnostics& diagnostics) : diagnostics_(diagnostics) {}

  TypedValue value(const YamlTree& tree, const Shape& shape, std::string_view key) {
    TypedValue out;
    out.shape = &shape;
    out.where = tree.where;
    switch (shape.type) {
      case Type::list: list(tree, key, out); break;
      case Type::map: map(tree, key, out); break;
      case Type::text_map: text_map(tree, key, out); break;
      case Type::object: object(tree, *shape.table, key, out); break;
      default: out.plain = read_plain(tree, shape, key, diagnostics_); break;
    }
    return out;
  }

  void object(const YamlTree& tree, const Table& table, std::string_view key, TypedValue& out) {
    if (tree.kind != YamlTree::Kind::map) return object_from_shorthand(tree, table, key, out);
    const Table* variant = nullptr;
    if (!table.variants.empty()) {
      variant = variant_of(tree, table);
      if (variant == nullptr) return;
      out.variant = variant->mark;
    }
    for (const YamlTree::Entry& entry : tree.entries) {
      const Key* known = key_of(entry.key, table, variant);
      if (known == nullptr) {
        unknown_key(entry, table, variant);
      } else if (!known->refusal.empty()) {
        diagnostics_.add(entry.where, quoted(entry.key) + " " + std::string{known->refusal});
      } else {
        out.members.push_back({.key = entry.key, .where = entry.where, .value = value(entry.value, known->shape, entry.key)});
      }
    }
    check_presence(tree, table);
    if (variant != nullptr) check_presence(tree, *variant);
  }

 private:
  static std::string what_stands_there(const YamlTree& tree) {
    if (tree.kind == YamlTree::Kind::list) return "a list";
    if (tree.kind == YamlTree::Kind::map) return "a map";
    return tree.scalar_kind == ScalarKind::null ? "nothing" : quoted(tree.text);
  }

  void list(const YamlTree& tree, std::string_view key, TypedValue& out) {
    if (tree.kind != YamlTree::Kind::list) return wrong(tree, key, "a list");
    if (!fits(tree.where, tree.items.size(), *out.shape, key)) return;
    for (const YamlTree& item : tree.items) out.items.push_back(value(item, *out.shape->element, key));
  }

  void map(const YamlTree& tree, std::string_view key, TypedValue& out) {
    if (tree.kind != YamlTree::Kind::map) return wrong(tree, key, "a map of names");
    if (!fits(tree.where, tree.entries.size(), *out.shape, key)) return;
    static constexpr Shape kName{.type = Type::name};
    for (const YamlTree::Entry& entry : tree.entries) {
      YamlTree name;
      name.where = entry.where;
      name.text = entry.key;
      name.scalar_kind = ScalarKind::text;
      static_cast<void>(read_plain(name, kName, "a name in " + std::string{key}, diagnostics_));
      YamlTree nothing = entry.value;
      const bool is_bare = nothing.kind == YamlTree::Kind::scalar && nothing.scalar_kind == ScalarKind::null;
      if (is_bare) nothing.kind = YamlTree::Kind::map;  // `hub:` alone is a node that says nothing of itself
      out.members.push_back({.key = entry.key, .where = entry.where, .value = value(nothing, *out.shape->element, entry.key)});
    }
  }

  void text_map(const YamlTree& tree, std::string_view key, TypedValue& out) {
    if (tree.kind != YamlTree::Kind::map) return wrong(tree, key, "a map of texts");
    if (!fits(tree.where, tree.entries.size(), *out.shape, key)) return;
    static constexpr Shape kText{.type = Type::text};
    for (const YamlTree::Entry& entry : tree.entries) {
      out.members.push_back({.key = entry.key, .where = entry.where, .value = value(entry.value, kText, entry.key)});
    }
  }

  void object_from_shorthand(const YamlTree& tree, const Table& table, std::string_view key, TypedValue& out) {
    if (table.shorthand.empty() || (tree.kind == YamlTree::Kind::scalar && tree.scalar_kind == ScalarKind::null)) {
      return not_an_object(tree, table, key);
    }
    const Key* meant = key_of(table.shorthand, table, nullptr);
    WT_ASSERT(meant != nullptr);
    out.members.push_back({.key = std::string{table.shorthand}, .where = tree.where, .value = value(tree, meant->shape, key)});
    for (const Key& other : table.keys) {
      if (other.is_required && other.name != table.shorthand) {
        diagnostics_.add(tree.where, quoted(key) + " needs " + quoted(other.name) + ": write { " + std::string{table.shorthand} +
                                         ": ..., " + std::string{other.name} + ": ... }");
      }
    }
  }

  void not_an_object(const YamlTree& tree, const Table& table, std::string_view key) {
    if (key.empty()) return wrong(tree, key, "a map of keys");
    std::string wanted;
    for (const Key& each : table.keys) {
      if (each.is_required) wanted.append(wanted.empty() ? ": { " : ", ").append(each.name).append(": ...");
    }
    if (!wanted.empty()) wanted += " }";
    if (wanted.empty() && !table.variants.empty()) wanted = " with one of " + listed(marks_of(table));
    diagnostics_.add(tree.where, quoted(key) + ": " + std::string{table.name} + " is a map of keys" + wanted + "; here stands " +
                                     what_stands_there(tree));
  }

  static std::vector<std::string_view> marks_of(const Table& table) {
    std::vector<std::string_view> out;
    for (const Table* variant : table.variants) out.push_back(variant->mark);
    return out;
  }

  // Which variant the marks say; nullptr, with a diagnostic, if none or several.
  const Table* variant_of(const YamlTree& tree, const Table& table) {
    const Table* found = nullptr;
    const std::vector<std::string_view> marks = marks_of(table);
    // In the order of the file, so that a message is about the key that came too many.
    for (const YamlTree::Entry& entry : tree.entries) {
      for (const Table* variant : table.variants) {
        if (variant->mark != entry.key) continue;
        if (found != nullptr) {
          diagnostics_.add(entry.where,
                           std::string{table.name} + " is either " + quoted(found->mark) + " or " + quoted(entry.key) + ", not both");
          return nullptr;
        }
        found = variant;
      }
    }
    if (found != nullptr) return found;
    // The key that is nearest to a mark, if any is; else the marks themselves.
    for (const YamlTree::Entry& entry : tree.entries) {
      if (key_of(entry.key, table, nullptr) != nullptr) continue;
      bool is_of_a_variant = false;
      for (const Table* variant : table.variants) is_of_a_variant = is_of_a_variant || key_of(entry.key, table, variant) != nullptr;
      if (is_of_a_variant) continue;
      diagnostics_.add(entry.where, "unknown key " + quoted(entry.key) + " in " + std::string{table.name} + hint(entry.key, marks));
      return nullptr;
    }
    diagnostics_.add(tree.where, std::string{table.name} + " needs one of " + listed(marks));
    return nullptr;
  }

  static const Key* key_of(std::string_view name, const Table& table, const Table* variant) {
    for (const Key& key : table.keys) {
      if (key.name == name) return &key;
    }
    return variant == nullptr ? nullptr : key_of(name, *variant, nullptr);
  }

  void unknown_key(const YamlTree::Entry& entry, const Table& table, const Table* variant) {
    std::vector<std::string_view> names;
    for (const Table* each : {&table, variant}) {
      if (each == nullptr) continue;
      for (const Key& key : each->keys) {
        if (key.refusal.empty()) names.push_back(key.name);
      }
    }
    const std::string_view where = variant == nullptr ? table.name : variant->name;
    diagnostics_.add(entry.where, "unknown key " + quoted(entry.key) + " in " + std::string{where} +
                                      (diagnostics_.is_full() ? "" : hint(entry.key, names)));
  }

  void check_presence(const YamlTree& tree, const Table& table) {
    const auto has = [&tree](std::string_view name) {
      return std::any_of(tree.entries.begin(), tree.entries.end(), [name](const YamlTree::Entry& entry) { return entry.key == name; });
    };
    const auto count = [&has](std::span<const std::string_view> names) { return std::count_if(names.begin(), names.end(), has); };
    const std::string what{table.name};
    for (const Key& each : table.keys) {
      if (each.is_required && !has(each.name)) diagnostics_.add(tree.where, what + " needs the key " + quoted(each.name));
    }
    if (!table.exactly_one.empty()) {
      const auto present = count(table.exactly_one);
      if (present == 0) diagnostics_.add(tree.where, what + " needs one of " + listed(table.exactly_one));
      if (present > 1) diagnostics_.add(tree.where, what + " has only one of " + listed(table.exactly_one));
    }
    for (const auto& pair : table.not_together) {
      if (has(pair[0]) && has(pair[1]))
        diagnostics_.add(tree.where, what + " has either " + quoted(pair[0]) + " or " + quoted(pair[1]) + ", not both");
    }
    if (!table.at_least_one.empty() && count(table.at_least_one) == 0)
      diagnostics_.add(tree.where, what + " needs at least one of " + listed(table.at_least_one));
  }

  bool fits(const SourcePosition& where, std::size_t entries, const Shape& shape, std::string_view key) {
    if (entries <= shape.entries_max) return true;
    diagnostics_.add(
        where, quoted(key) + " has " + std::to_string(entries) + " entries; up to " + std::to_string(shape.entries_max) + " are supported");
    return false;
  }

  void wrong(const YamlTree& tree, std::string_view key, std::string_view wanted) {
    diagnostics_.add(tree.where, (key.empty() ? std::string{"the file"} : quoted(key)) + " must be " + std::string{wanted} + ", not " +
                                     what_stands_there(tree));
  }

  Diagnostics& diagnostics_;
};

}  // namespace

const TypedValue* TypedValue::find(std::string_view key) const {
  for (const Member& member : members) {
    if (member.key == key) return &member.value;
  }
  return nullptr;
}

TypedValue check_tree(const YamlTree& tree, const Table& table, Diagnostics& diagnostics) {
  TypedValue out;
  out.where = tree.where;
  Checker{diagnostics}.object(tree, table, "", out);
  return out;
}

}  // namespace windtunnel::scenarios
