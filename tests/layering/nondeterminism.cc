#include "tests/layering/nondeterminism.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>
#include <set>
#include <string>

namespace windtunnel::tests {
namespace {

// Matched as whole words; "(" at the end also matches after blanks. Names that are likely for functions of our own (time,
// sleep, random) are left to the symbols, see tests/lint.
constexpr std::array<std::string_view, 53> kRealWorld = {
    // clocks
    "steady_clock", "system_clock", "high_resolution_clock", "clock_gettime", "gettimeofday", "std::time", "std::clock", "localtime",
    "gmtime", "strftime", "__DATE__", "__TIME__", "this_fiber::sleep_for", "this_fiber::sleep_until", "this_thread", "nanosleep", "usleep",
    // chance
    "random_device", "rand(", "srand(", "drand48", "getrandom", "getentropy", "arc4random", "mt19937", "mt19937_64", "minstd_rand",
    "default_random_engine", "uniform_int_distribution", "uniform_real_distribution", "normal_distribution", "exponential_distribution",
    "bernoulli_distribution", "discrete_distribution", "std::shuffle", "std::sample", "random_shuffle",
    // threads
    "std::thread", "std::jthread", "std::async", "thread_local", "std::execution", "pthread_create", "std::mutex",
    "std::condition_variable",
    // the process and its surroundings
    "getenv", "getpid", "gethostname", "setlocale", "std::locale",
    // hashes that are the library's own business, addresses
    "std::hash", "uintptr_t", "%p"};

constexpr std::array<std::string_view, 4> kWorldFolders = {"core", "sim", "faults", "scenarios"};

bool is_world_code(const SourceFile& file) {
  return file.is_cpp() && !file.is_in("core/posix") &&
         std::any_of(kWorldFolders.begin(), kWorldFolders.end(), [&](std::string_view folder) { return file.is_in(folder); });
}

bool is_word_character(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

// Position of the next use of `word` at or after `from`.
std::size_t find_word(std::string_view code, std::string_view word, std::size_t from) {
  const bool is_call = word.ends_with("(");
  const std::string_view name = is_call ? word.substr(0, word.size() - 1) : word;
  for (std::size_t at = code.find(name, from); at != std::string_view::npos; at = code.find(name, at + 1)) {
    const std::size_t end = at + name.size();
    if (is_word_character(name.front()) && at > 0 && is_word_character(code[at - 1])) continue;
    if (is_word_character(name.back()) && end < code.size() && is_word_character(code[end])) continue;
    if (!is_call) return at;
    const std::size_t next = code.find_first_not_of(" \t\n", end);
    if (next != std::string_view::npos && code[next] == '(') return at;
  }
  return std::string_view::npos;
}

// Where the bracket that opens at `open` closes; npos if it does not.
std::size_t closing(std::string_view code, std::size_t open, char left, char right) {
  int depth = 0;
  for (std::size_t at = open; at < code.size(); ++at) {
    if (code[at] == left) ++depth;
    if (code[at] == right && --depth == 0) return at;
  }
  return std::string_view::npos;
}

// std::map and std::set whose first template argument is a pointer.
std::vector<std::size_t> find_pointer_keys(std::string_view code) {
  std::vector<std::size_t> found;
  for (const std::string_view container : {"std::map<", "std::set<", "std::multimap<", "std::multiset<"}) {
    for (std::size_t at = code.find(container); at != std::string_view::npos; at = code.find(container, at + 1)) {
      std::size_t end = at + container.size();
      for (int depth = 0; end < code.size() && !(depth == 0 && (code[end] == ',' || code[end] == '>')); ++end) {
        if (code[end] == '<') ++depth;
        if (code[end] == '>') --depth;
      }
      const std::size_t last = code.find_last_not_of(" \t\n", end - 1);
      if (last != std::string_view::npos && code[last] == '*') found.push_back(at);
    }
  }
  return found;
}

// Names of variables and members that `code` declares as std::unordered_ containers.
std::set<std::string> unordered_names(std::string_view code) {
  std::set<std::string> names;
  for (std::size_t at = code.find("unordered_"); at != std::string_view::npos; at = code.find("unordered_", at + 1)) {
    const std::size_t open = code.find_first_of("<;", at);
    if (open == std::string_view::npos || code[open] == ';') continue;
    const std::size_t close = closing(code, open, '<', '>');
    if (close == std::string_view::npos) continue;
    const std::size_t begin = code.find_first_not_of(" \t\n&", close + 1);
    if (begin == std::string_view::npos) continue;
    std::size_t end = begin;
    while (end < code.size() && is_word_character(code[end])) ++end;
    if (end > begin) names.emplace(code.substr(begin, end - begin));
  }
  return names;
}

bool iterates(std::string_view code, std::size_t at, std::size_t end) {
  for (const std::string_view call : {".begin(", ".cbegin(", "->begin("}) {
    if (code.substr(end).starts_with(call)) return true;
  }
  // for (x : name) or for (x : object.name)
  std::size_t before = at;
  while (before > 0 &&
         (is_word_character(code[before - 1]) || code[before - 1] == '.' || code[before - 1] == '>' || code[before - 1] == '-')) {
    --before;
  }
  const std::size_t colon = before == 0 ? std::string_view::npos : code.find_last_not_of(" \t\n", before - 1);
  if (colon == std::string_view::npos || colon == 0 || code[colon] != ':' || code[colon - 1] == ':') return false;
  const std::size_t next = code.find_first_not_of(" \t\n", end);
  return next != std::string_view::npos && code[next] == ')';
}

std::string stem(const std::string& path) { return path.substr(0, path.rfind('.')); }

// Written in pieces, or this file would be the first to break the rule.
const std::vector<std::string>& stray_words() {
  static const std::vector<std::string> words = {
      std::string{"/wo"} + "rk/",        std::string{"/ro"} + "ot/",          std::string{"/ho"} + "me/",
      std::string{"../sh"} + "ared",     std::string{"sub"} + "agent",        std::string{"AI "} + "agent",
      std::string{"AI "} + "model",      std::string{"language "} + "model",  std::string{"this ses"} + "sion",
      std::string{"session "} + "limit", std::string{"previous ses"} + "sion"};
  return words;
}

}  // namespace

std::vector<Violation> find_real_world_words(const SourceTree& tree, const std::vector<Exception>& exceptions) {
  std::vector<Violation> violations;
  std::set<const Exception*> used;
  const auto excepted = [&](const std::string& path, std::string_view word) {
    const auto found = std::find_if(exceptions.begin(), exceptions.end(),
                                    [&](const Exception& exception) { return exception.path == path && exception.word == word; });
    if (found == exceptions.end()) return false;
    used.insert(&*found);
    return true;
  };
  for (const SourceFile& file : tree) {
    if (!is_world_code(file)) continue;
    const std::string code = code_only(file.text);
    for (const std::string_view word : kRealWorld) {
      const std::string_view where = word == "%p" ? std::string_view{file.text} : std::string_view{code};  // stands in strings
      for (std::size_t at = find_word(where, word, 0); at != std::string_view::npos; at = find_word(where, word, at + 1)) {
        if (!excepted(file.path, word)) violations.push_back({file.path, line_of(code, at), std::string{word}});
      }
    }
    for (const std::size_t at : find_pointer_keys(code)) {
      if (!excepted(file.path, "pointer key")) violations.push_back({file.path, line_of(code, at), "a container ordered by addresses"});
    }
  }
  for (const Exception& exception : exceptions) {
    if (!used.contains(&exception)) {
      violations.push_back({std::string{exception.path}, 0, "the exception for " + std::string{exception.word} + " is not needed"});
    }
  }
  return violations;
}

std::vector<Violation> find_unordered_iteration(const SourceTree& tree) {
  std::vector<Violation> violations;
  for (const SourceFile& file : tree) {
    if (!is_world_code(file)) continue;
    const std::string code = code_only(file.text);
    std::set<std::string> names = unordered_names(code);
    for (const SourceFile& other : tree) {
      if (other.is_header() && other.path != file.path && stem(other.path) == stem(file.path))
        names.merge(unordered_names(code_only(other.text)));
    }
    for (const std::string& name : names) {
      for (std::size_t at = find_word(code, name, 0); at != std::string::npos; at = find_word(code, name, at + 1)) {
        if (iterates(code, at, at + name.size()))
          violations.push_back({file.path, line_of(code, at), "iterates over the unordered " + name});
      }
    }
  }
  return violations;
}

std::vector<Violation> find_swallowed_kills(const SourceTree& tree) {
  std::vector<Violation> violations;
  for (const SourceFile& file : tree) {
    if (!is_world_code(file)) continue;
    const std::string code = code_only(file.text);
    for (std::size_t at = find_word(code, "catch", 0); at != std::string::npos; at = find_word(code, "catch", at + 1)) {
      const std::size_t open = code.find('(', at);
      const std::size_t close = open == std::string::npos ? open : code.find(')', open);
      if (close == std::string::npos || code.substr(open, close - open).find("...") == std::string::npos) continue;
      const std::size_t body = code.find('{', close);
      const std::size_t end = body == std::string::npos ? body : closing(code, body, '{', '}');
      const std::string block = end == std::string::npos ? "" : code.substr(body, end - body);
      const auto has = [&](const char* what) { return block.find(what) != std::string::npos; };
      if (!has("throw;") && !has("current_exception") && !has("std::terminate") && !has("assertion_failed")) {
        violations.push_back({file.path, line_of(code, at), "catch (...) swallows the kill of a task"});
      }
    }
  }
  return violations;
}

std::vector<Violation> find_stray_words(const SourceTree& tree) {
  std::vector<Violation> violations;
  for (const SourceFile& file : tree) {
    for (const std::string& word : stray_words()) {
      for (std::size_t at = file.text.find(word); at != std::string::npos; at = file.text.find(word, at + 1)) {
        // Only where a path begins: not inside a URL.
        if (word.starts_with("/") && at > 0 && is_word_character(file.text[at - 1])) continue;
        violations.push_back({file.path, line_of(file.text, at), word});
      }
    }
  }
  return violations;
}

}  // namespace windtunnel::tests
