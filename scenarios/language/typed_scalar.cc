#include "scenarios/language/typed_scalar.h"

#include <charconv>
#include <limits>
#include <optional>

#include "faults/swarm.h"
#include "scenarios/invariants/names.h"
#include "scenarios/language/nearest.h"

namespace windtunnel::scenarios {
namespace {

using Plain = TypedValue::Plain;

std::string described(const YamlTree& tree) {
  if (tree.kind == YamlTree::Kind::list) return "a list";
  if (tree.kind == YamlTree::Kind::map) return "a map";
  if (tree.scalar_kind == ScalarKind::null) return "nothing";
  return quoted(tree.text);
}

class Reader {
 public:
  Reader(const YamlTree& tree, const Shape& shape, std::string_view key, Diagnostics& diagnostics)
      : tree_(tree), shape_(shape), key_(key), diagnostics_(diagnostics) {}

  Plain read() {
    switch (shape_.type) {
      case Type::bound: return read_bound();
      case Type::link_ends: return read_link_ends();
      case Type::loss_bound: return read_loss_bound();
      case Type::duration_bound: return read_duration_bound();
      default: break;
    }
    if (tree_.kind != YamlTree::Kind::scalar || tree_.scalar_kind == ScalarKind::null) return wrong();
    switch (shape_.type) {
      case Type::boolean:
        return tree_.scalar_kind == ScalarKind::boolean && (tree_.text == "true" || tree_.text == "false") ? Plain{tree_.text == "true"}
                                                                                                           : wrong();
      case Type::count: return read_count(0);
      case Type::positive: return read_count(1);
      case Type::integer: return read_integer();
      case Type::nats_duration: return tree_.scalar_kind == ScalarKind::integer ? read_integer() : read_nats_duration();
      case Type::nats_size: return tree_.scalar_kind == ScalarKind::integer ? read_integer() : read_nats_size();
      case Type::retry_count: return read_retry_count();
      case Type::count_range: return read_count_range();
      default: break;
    }
    if (tree_.scalar_kind != ScalarKind::text) return wrong(may_be_quoted() ? "; put it in quotes" : "");
    return read_text();
  }

 private:
  // A plain scalar that YAML takes for a number or a boolean, where text is wanted.
  [[nodiscard]] bool may_be_quoted() const {
    return shape_.type == Type::text || shape_.type == Type::name || shape_.type == Type::stream_name || shape_.type == Type::subject ||
           shape_.type == Type::literal_subject;
  }

  Plain wrong(std::string_view more = "") {
    std::string wanted{info_of(shape_.type).noun};
    if (shape_.type == Type::choice) wanted = listed(shape_.choices, " or ");
    diagnostics_.add(tree_.where, quoted(key_) + " must be " + wanted + ", not " + described(tree_) + std::string{more});
    return {};
  }
  Plain wrong_because(std::string_view detail) {
    diagnostics_.add(tree_.where, quoted(key_) + ": " + quoted(tree_.text) + " " + std::string{detail});
    return {};
  }
  Plain wrong_word(std::string_view what, std::span<const std::string_view> words) {
    diagnostics_.add(tree_.where, quoted(tree_.text) + " is no " + std::string{what} + hint(tree_.text, words));
    return {};
  }
  template <typename T>
  Plain checked(core::Result<T> parsed) {
    if (!parsed) return wrong_because(parsed.error().detail);
    return *std::move(parsed);
  }

  template <typename T>
  [[nodiscard]] static std::optional<T> number(const YamlTree& tree) {
    std::string_view text = tree.text;
    if (tree.kind != YamlTree::Kind::scalar || tree.scalar_kind != ScalarKind::integer) return std::nullopt;
    if (text.starts_with('+')) text.remove_prefix(1);
    T value{};
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (failure != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
  }

  // 1e9, 1.5: NATS takes neither.
  Plain not_whole() {
    return wrong_because(std::string{"is no whole number; write all its digits, or "} +
                         (shape_.type == Type::nats_size ? "a size such as 64KiB" : "a duration such as 2m"));
  }
  Plain read_count(std::uint64_t least) {
    const auto value = number<std::uint64_t>(tree_);
    return value && *value >= least ? Plain{*value} : wrong();
  }
  Plain read_integer() {
    const auto value = number<std::int64_t>(tree_);
    return value ? Plain{*value} : wrong();
  }
  Plain read_nats_duration() {
    if (tree_.scalar_kind == ScalarKind::number) return not_whole();
    const auto value = faults::parse_duration(tree_.text);
    return value ? Plain{value->count()} : wrong_because(value.error().detail);
  }
  Plain read_nats_size() {
    if (tree_.scalar_kind == ScalarKind::number) return not_whole();
    const auto value = faults::parse_size(tree_.text);
    return value ? Plain{static_cast<std::int64_t>(value->value)} : wrong_because(value.error().detail);
  }
  Plain read_retry_count() {
    if (tree_.scalar_kind == ScalarKind::text && tree_.text == "until-acked") return RetryPolicy{.until_acked = true};
    const auto value = number<std::uint64_t>(tree_);
    return value ? Plain{RetryPolicy{.max = *value}} : wrong();
  }

  Plain read_text() {
    const std::string& text = tree_.text;
    switch (shape_.type) {
      case Type::choice:
        for (const std::string_view choice : shape_.choices) {
          if (choice == text) return text;
        }
        return wrong(hint_of_choice());
      case Type::name: return is_name(text) ? Plain{text} : wrong();
      case Type::stream_name: return is_stream_name(text) ? Plain{text} : wrong();
      case Type::subject: return is_subject(text, true) ? Plain{text} : wrong();
      case Type::literal_subject: return is_subject(text, false) ? Plain{text} : wrong();
      case Type::nats_time: return is_time(text) ? Plain{text} : wrong();
      case Type::duration: return checked(faults::parse_duration(text));
      case Type::positive_duration: {
        const auto value = faults::parse_duration(text);
        return value && *value == core::Duration::zero() ? wrong() : checked(value);
      }
      case Type::signed_duration: return checked(faults::parse_signed_duration(text));
      case Type::duration_range: return checked(faults::parse_duration_range(text));
      case Type::sync_interval: return read_sync_interval();
      case Type::size: return checked(faults::parse_size(text));
      case Type::size_range: return checked(faults::parse_size_range(text));
      case Type::bandwidth: return checked(faults::parse_bandwidth(text));
      case Type::rate: return checked(faults::parse_rate(text));
      case Type::op_trigger: return checked(faults::parse_op_trigger(text));
      case Type::file_choice: return read_file_choice();
      case Type::op_name:
        for (const std::string_view name : faults::disk_op_names()) {
          if (name == text) return text;
        }
        return wrong();
      case Type::swarm_word:
        return faults::swarm_kinds(text).empty() ? wrong_word("kind of fault for a swarm", faults::swarm_words()) : Plain{text};
      case Type::defect: return read_defect();
      case Type::invariant: return read_invariant();
      default: return text;
    }
  }

  [[nodiscard]] std::string hint_of_choice() const {
    const std::string_view near = nearest(tree_.text, shape_.choices);
    return near.empty() ? std::string{} : "; did you mean " + quoted(near) + "?";
  }

  Plain read_sync_interval() {
    if (tree_.text == "always") return SyncInterval{.always = true};
    const auto every = faults::parse_duration(tree_.text);
    if (!every) return wrong_because(every.error().detail);
    return *every == core::Duration::zero() ? wrong() : Plain{SyncInterval{.always = false, .every = *every}};
  }
  Plain read_count_range() {
    if (const auto value = number<std::uint64_t>(tree_)) return CountRange{*value, *value};
    const std::size_t dots = tree_.text.find("..");
    if (dots == std::string::npos) return wrong();
    CountRange range;
    const auto parse = [](std::string_view text, std::uint64_t& into) {
      const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), into);
      return failure == std::errc{} && end == text.data() + text.size();
    };
    const std::string_view text = tree_.text;
    if (!parse(text.substr(0, dots), range.low) || !parse(text.substr(dots + 2), range.high)) return wrong();
    if (range.low > range.high) return wrong_because("ends before it begins");
    return range;
  }
  Plain read_file_choice() {
    if (const auto role = faults::parse_file_role(tree_.text)) return *role;
    // What may stand in a trigger may stand here; the trigger's reader knows what that is.
    if (tree_.text.find(' ') != std::string::npos || !faults::parse_op_trigger("1st write of " + tree_.text + " at n")) return wrong();
    faults::FileChoice choice;
    choice.glob = tree_.text;
    return choice;
  }
  Plain read_defect() {
    if (const auto defect = core::defect_named(tree_.text)) return *defect;
    std::vector<std::string_view> names;
    for (const core::DefectInfo& info : core::all_defects()) names.push_back(info.name);
    return wrong_word("defect", names);
  }
  Plain read_invariant() {
    if (invariant_named(tree_.text) != nullptr) return tree_.text;
    std::vector<std::string_view> names;
    for (const InvariantName& name : invariant_names()) names.push_back(name.name);
    return wrong_word("invariant", names);
  }

  Plain read_bound() {
    if (tree_.kind != YamlTree::Kind::map) {
      const auto value = number<std::uint64_t>(tree_);
      return value ? Plain{Bound{.at_least = *value, .at_most = *value}} : wrong();
    }
    static constexpr std::array<std::string_view, 2> kKeys = {"at_least", "at_most"};
    Bound bound;
    bool is_good = true;
    for (const YamlTree::Entry& entry : tree_.entries) {
      const auto value = number<std::uint64_t>(entry.value);
      if (entry.key != kKeys[0] && entry.key != kKeys[1]) {
        diagnostics_.add(entry.where, "unknown key " + quoted(entry.key) + " in a bound" + hint(entry.key, kKeys));
        is_good = false;
      } else if (!value) {
        diagnostics_.add(entry.value.where, quoted(entry.key) + " must be a whole number, 0 or more, not " + described(entry.value));
        is_good = false;
      } else {
        (entry.key == kKeys[0] ? bound.at_least : bound.at_most) = *value;
      }
    }
    if (!is_good) return {};
    if (tree_.entries.empty()) return wrong();
    if (bound.at_least && bound.at_most && *bound.at_least > *bound.at_most) {
      diagnostics_.add(tree_.where, quoted(key_) + ": `at_least` is more than `at_most`, which nothing can satisfy");
      return {};
    }
    return bound;
  }

  Plain read_duration_bound() {
    if (tree_.kind != YamlTree::Kind::map || tree_.entries.empty()) return wrong();
    static constexpr std::array<std::string_view, 2> kKeys = {"at_least", "at_most"};
    static constexpr Shape kEnd{.type = Type::duration};
    DurationBound bound;
    for (const YamlTree::Entry& entry : tree_.entries) {
      if (entry.key != kKeys[0] && entry.key != kKeys[1]) {
        diagnostics_.add(entry.where, "unknown key " + quoted(entry.key) + " in a bound" + hint(entry.key, kKeys));
        return {};
      }
      const Plain end = Reader{entry.value, kEnd, entry.key, diagnostics_}.read();
      const auto* duration = std::get_if<core::Duration>(&end);
      if (duration == nullptr) return {};
      (entry.key == kKeys[0] ? bound.at_least : bound.at_most) = *duration;
    }
    if (bound.at_least && bound.at_most && *bound.at_least > *bound.at_most) {
      diagnostics_.add(tree_.where, quoted(key_) + ": `at_least` is more than `at_most`, which nothing can satisfy");
      return {};
    }
    return bound;
  }

  // A bound whose at_most may be a duration, and which may say that a loss must be reported.
  Plain read_loss_bound() {
    LossBound out;
    YamlTree bounds = tree_;
    if (tree_.kind == YamlTree::Kind::map) {
      bounds.entries.clear();
      for (const YamlTree::Entry& entry : tree_.entries) {
        const bool is_scalar = entry.value.kind == YamlTree::Kind::scalar;
        if (entry.key == "reported") {
          if (!is_scalar || (entry.value.text != "true" && entry.value.text != "false")) {
            diagnostics_.add(entry.value.where, "`reported` must be true or false, not " + described(entry.value));
            return {};
          }
          out.is_reported = entry.value.text == "true";
        } else if (const auto window = faults::parse_duration(is_scalar ? entry.value.text : ""); entry.key == "at_most" && window) {
          out.within = *window;
        } else {
          bounds.entries.push_back(entry);
        }
      }
      if (bounds.entries.empty()) return out.within || out.is_reported ? Plain{out} : wrong();
    }
    const Plain count = Reader{bounds, shape_, key_, diagnostics_}.read_bound();
    if (const Bound* bound = std::get_if<Bound>(&count)) {
      out.count = *bound;
      return out;
    }
    return {};
  }

  Plain read_link_ends() {
    if (tree_.kind != YamlTree::Kind::list || tree_.items.size() != 2) return wrong();
    for (const YamlTree& end : tree_.items) {
      const bool is_text = end.kind == YamlTree::Kind::scalar && end.scalar_kind == ScalarKind::text;
      if (!is_text || !is_name(end.text)) {
        diagnostics_.add(end.where, "an end of " + quoted(key_) + " must be the name of a node, not " + described(end));
        return {};
      }
    }
    return faults::LinkEnds{.a = tree_.items[0].text, .b = tree_.items[1].text};
  }

  // A name never looks like a number, a boolean or null, so that it can be written and printed without quotes.
  static bool is_name(std::string_view text) {
    if (text.empty() || text.size() > 64 || (text[0] >= '0' && text[0] <= '9') || text[0] == '-') return false;
    if (plain_kind(text) != ScalarKind::text) return false;
    for (const char c : text) {
      const bool is_good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
      if (!is_good) return false;
    }
    return true;
  }
  static bool is_stream_name(std::string_view text) {
    return !text.empty() && text.size() <= 255 && text.find_first_of(std::string_view{" \t\r\n\f.*>/\\"}) == std::string_view::npos;
  }
  // Reference: jetstream-api 4.2. Tokens are separated by dots and not empty; `*` and `>` only as whole tokens, `>` last.
  static bool is_subject(std::string_view text, bool may_be_wild) {
    while (true) {
      const std::size_t dot = text.find('.');
      const std::string_view token = text.substr(0, dot);
      if (token.empty() || token.find_first_of(std::string_view{" \t\r\n\f"}) != std::string_view::npos) return false;
      const bool is_wild = token == "*" || token == ">";
      if (!is_wild && token.find_first_of("*>") != std::string_view::npos) return false;
      if (is_wild && !may_be_wild) return false;
      if (token == ">" && dot != std::string_view::npos) return false;
      if (dot == std::string_view::npos) return true;
      text.remove_prefix(dot + 1);
    }
  }
  // The shape of RFC 3339; what the numbers mean is the server's to judge, as with a real one.
  static bool is_time(std::string_view text) {
    static constexpr std::string_view kShape = "dddd-dd-ddTdd:dd:dd";
    if (text.size() <= kShape.size()) return false;
    const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    const auto has_shape = [&](std::string_view part, std::string_view shape) {
      for (std::size_t i = 0; i < shape.size(); ++i) {
        if (shape[i] == 'd' ? !is_digit(part[i]) : part[i] != shape[i]) return false;
      }
      return true;
    };
    if (!has_shape(text, kShape)) return false;
    text.remove_prefix(kShape.size());
    if (text.starts_with('.')) {
      std::size_t digits = 1;
      while (digits < text.size() && is_digit(text[digits])) ++digits;
      if (digits == 1 || digits > 10) return false;
      text.remove_prefix(digits);
    }
    if (text == "Z") return true;
    return text.size() == 6 && (text[0] == '+' || text[0] == '-') && has_shape(text.substr(1), "dd:dd");
  }

  const YamlTree& tree_;
  const Shape& shape_;
  std::string_view key_;
  Diagnostics& diagnostics_;
};

}  // namespace

TypedValue::Plain read_plain(const YamlTree& tree, const Shape& shape, std::string_view key, Diagnostics& diagnostics) {
  return Reader{tree, shape, key, diagnostics}.read();
}

}  // namespace windtunnel::scenarios
