#include "faults/op_trigger.h"

#include <array>
#include <charconv>
#include <vector>

namespace windtunnel::faults {
namespace {

using core::Errc;
using core::Result;

constexpr std::array<std::string_view, 11> kOpNames = {"create", "write",           "fsync", "truncate", "rename", "remove",
                                                       "mkdir",  "fsync-directory", "open",  "read",     "list"};
constexpr std::uint32_t kOddsMax = 1'000'000'000;

core::Error wrong(std::string detail) {
  return core::error(Errc::invalid_argument, std::move(detail) + "; it is written `3rd fsync of msgs/2.blk at leaf`");
}

std::string_view ordinal_suffix(std::uint64_t n) {
  if (n % 100 >= 11 && n % 100 <= 13) return "th";
  switch (n % 10) {
    case 1: return "st";
    case 2: return "nd";
    case 3: return "rd";
    default: return "th";
  }
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t at = text.find(separator);
    parts.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

// `*` within one component. Iterative, so that no pattern costs more than the product of the lengths.
bool component_matches(std::string_view glob, std::string_view name) {
  std::size_t g = 0;
  std::size_t n = 0;
  std::size_t star = std::string_view::npos;
  std::size_t retry = 0;
  while (n < name.size()) {
    if (g < glob.size() && glob[g] == '*') {
      star = g++;
      retry = n;
    } else if (g < glob.size() && glob[g] == name[n]) {
      ++g;
      ++n;
    } else if (star != std::string_view::npos) {
      g = star + 1;
      n = ++retry;
    } else {
      return false;
    }
  }
  while (g < glob.size() && glob[g] == '*') ++g;
  return g == glob.size();
}

// The same with `**` over components.
bool components_match(const std::vector<std::string_view>& glob, const std::vector<std::string_view>& path) {
  std::size_t g = 0;
  std::size_t p = 0;
  std::size_t star = std::string_view::npos;
  std::size_t retry = 0;
  while (p < path.size()) {
    if (g < glob.size() && glob[g] == "**") {
      star = g++;
      retry = p;
    } else if (g < glob.size() && component_matches(glob[g], path[p])) {
      ++g;
      ++p;
    } else if (star != std::string_view::npos) {
      g = star + 1;
      p = ++retry;
    } else {
      return false;
    }
  }
  while (g < glob.size() && glob[g] == "**") ++g;
  return g == glob.size();
}

// "3rd", or "1/100".
bool read_which(std::string_view word, OpTrigger& trigger) {
  const char* const word_end = word.data() + word.size();
  if (word.starts_with("1/")) {
    const auto [end, failure] = std::from_chars(word.data() + 2, word_end, trigger.odds);
    return failure == std::errc{} && end == word_end && trigger.odds > 0 && trigger.odds <= kOddsMax;
  }
  const auto [end, failure] = std::from_chars(word.data(), word_end, trigger.occurrence);
  if (failure != std::errc{} || trigger.occurrence == 0) return false;
  const std::string_view suffix = word.substr(static_cast<std::size_t>(end - word.data()));
  return suffix == "st" || suffix == "nd" || suffix == "rd" || suffix == "th";
}

}  // namespace

std::string_view name_of(DiskOp op) { return kOpNames[static_cast<std::size_t>(op)]; }
std::span<const std::string_view> disk_op_names() { return kOpNames; }

std::string to_text(const OpTrigger& trigger) {
  std::string out = trigger.moment == Moment::after ? "after " : "";
  if (trigger.odds != 0) {
    out += "1/" + std::to_string(trigger.odds);
  } else {
    out += std::to_string(trigger.occurrence);
    out += ordinal_suffix(trigger.occurrence);
  }
  out += ' ';
  out += name_of(trigger.op);
  return out + " of " + trigger.path + " at " + trigger.node;
}

Result<OpTrigger> parse_op_trigger(std::string_view text) {
  std::vector<std::string_view> words = split(text, ' ');
  OpTrigger trigger;
  if (words[0] == "before" || words[0] == "after") {
    trigger.moment = words[0] == "after" ? Moment::after : Moment::before;
    words.erase(words.begin());
  }
  if (words.size() != 6 || words[2] != "of" || words[4] != "at") return wrong("is no disk operation");
  if (!read_which(words[0], trigger)) return wrong("does not begin with which one (1st, 2nd, 3rd, ...) or with odds (1/100)");

  std::size_t op = 0;
  while (op < kOpNames.size() && kOpNames[op] != words[1]) ++op;
  if (op == kOpNames.size()) {
    std::string names;
    for (const std::string_view name : kOpNames) names += (names.empty() ? "" : ", ") + std::string{name};
    return wrong("has the unknown operation `" + std::string{words[1]} + "` (there are " + names + ")");
  }
  trigger.op = static_cast<DiskOp>(op);
  trigger.path = words[3];
  trigger.node = words[5];
  for (const char c : text) {  // so that it can be printed between quotes
    if (c == '"' || c == '\\' || static_cast<unsigned char>(c) < 0x20) return wrong("has a quote, a backslash or a control character");
  }
  for (const std::string_view component : split(trigger.path, '/')) {
    if (component.empty()) return wrong("has a path with an empty part");
  }
  if (trigger.node.empty()) return wrong("names no node");
  return trigger;
}

bool path_matches(std::string_view glob, std::string_view path) {
  const std::vector<std::string_view> pattern = split(glob, '/');
  std::vector<std::string_view> names = split(path, '/');
  const bool has_deep_star =
      glob == "**" || glob.starts_with("**/") || glob.ends_with("/**") || glob.find("/**/") != std::string_view::npos;
  if (!has_deep_star) {
    if (names.size() < pattern.size()) return false;
    names.erase(names.begin(), names.end() - static_cast<std::ptrdiff_t>(pattern.size()));
    return components_match(pattern, names);
  }
  // The tail of the path that the glob names may have any length.
  for (std::size_t skip = 0; skip < names.size(); ++skip) {
    if (components_match(pattern, {names.begin() + static_cast<std::ptrdiff_t>(skip), names.end()})) return true;
  }
  return false;
}

}  // namespace windtunnel::faults
