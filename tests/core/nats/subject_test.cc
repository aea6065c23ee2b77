#include "core/nats/subject.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "core/base/random.h"

namespace windtunnel::core {
namespace {

// The same by the book, token by token.
std::vector<std::string> tokens_of(const std::string& subject) {
  std::vector<std::string> out(1);
  for (const char c : subject) {
    if (c == '.') {
      out.emplace_back();
    } else {
      out.back() += c;
    }
  }
  return out;
}

bool matches_by_the_book(const std::string& literal, const std::string& pattern) {
  const std::vector<std::string> have = tokens_of(literal);
  const std::vector<std::string> want = tokens_of(pattern);
  for (std::size_t i = 0; i < want.size(); ++i) {
    if (i == have.size()) return false;
    if (want[i] == ">") return true;
    if (want[i] != "*" && want[i] != have[i]) return false;
  }
  return have.size() == want.size();
}

TEST_CASE("whatever the characters, subjects are judged by their tokens") {
  Random random{Seed{5}};
  const auto text = [&] {
    std::string out;
    for (std::uint64_t left = random.below(7); left > 0; --left) out += "ab.*>."[random.below(6)];
    return out;
  };
  std::size_t matched = 0;
  for (int i = 0; i < 200'000; ++i) {
    const std::string literal = text();
    const std::string pattern = text();
    CAPTURE(literal);
    CAPTURE(pattern);
    const bool expected = matches_by_the_book(literal, pattern);
    REQUIRE(matches(literal, pattern) == expected);
    matched += expected ? 1 : 0;
    const std::vector<std::string> tokens = tokens_of(pattern);
    bool is_valid = true;
    bool is_wild = false;
    for (std::size_t t = 0; t < tokens.size(); ++t) {
      is_valid = is_valid && !tokens[t].empty() && (tokens[t] != ">" || t + 1 == tokens.size());
      is_wild = is_wild || tokens[t] == "*" || tokens[t] == ">";
    }
    REQUIRE(is_valid_subject(pattern) == is_valid);
    REQUIRE(is_valid_literal(pattern) == (is_valid && !is_wild));
    REQUIRE(has_wildcard(pattern) == is_wild);
  }
  CHECK(matched > 1000);
}

TEST_CASE("a subject is valid to subscribe to, valid to publish to, or neither") {
  struct Row {
    const char* subject;
    bool is_subject;
    bool is_literal;
  };
  const Row rows[] = {
      {"foo", true, true},        {"foo.bar", true, true},    {"$JS.API.>", true, false},  {">", true, false},
      {"*", true, false},         {"foo.*.bar", true, false}, {"foo*", true, true},        {"foo.b>r", true, true},
      {"", false, false},         {".", false, false},        {"foo.", false, false},      {".foo", false, false},
      {"foo..bar", false, false}, {">.foo", false, false},    {"foo.>.bar", false, false}, {"fo o", false, false},
      {"foo\t", false, false},    {"a.\r", false, false},     {"a.\n.b", false, false},    {"a\f", false, false},
      {"**", true, true},         {">>", true, true},
  };
  for (const Row& row : rows) {
    CAPTURE(row.subject);
    CHECK(is_valid_subject(row.subject) == row.is_subject);
    CHECK(is_valid_literal(row.subject) == row.is_literal);
  }
}

TEST_CASE("a pattern matches a literal token by token") {
  struct Row {
    const char* literal;
    const char* pattern;
    bool expected;
  };
  const Row rows[] = {
      {"foo", "foo", true},
      {"foo", "fo", false},
      {"foo", "foo.>", false},
      {"foo.bar", "foo.>", true},
      {"foo.bar.baz", "foo.>", true},
      {"foo.bar", "foo.*", true},
      {"foo.bar.baz", "foo.*", false},
      {"foo", "*", true},
      {"foo.bar", "*", false},
      {"foo.bar", ">", true},
      {"foo.bar", "*.bar", true},
      {"foo.bar", "*.ba", false},
      {"foo.bar", "foo.bar.*", false},
      {"Foo", "foo", false},
      {"foo.*", "foo.*", true},
      {"foo.*", "foo.bar", false},
      {"a.b", "a.b*", false},
      {"a..b", "a.*.b", true},
      {"a.>", "a.b", false},
      {"a.>", "a.>", true},
  };
  for (const Row& row : rows) {
    CAPTURE(row.literal);
    CAPTURE(row.pattern);
    CHECK(matches(row.literal, row.pattern) == row.expected);
  }
}

TEST_CASE("subset and collision of patterns") {
  struct Row {
    const char* a;
    const char* b;
    bool is_subset;
    bool do_collide;
  };
  const Row rows[] = {
      {"foo", "foo", true, true},
      {"foo", "bar", false, false},
      {"foo.bar", "foo.*", true, true},
      {"foo.*", "foo.bar", false, true},
      {"foo.*", "foo.>", true, true},
      {"foo.>", "foo.*", false, true},
      {"foo.>", "foo.>", true, true},
      {"foo", "foo.>", false, false},
      {"foo.>", "foo", false, false},
      {"*.bar", "foo.*", false, true},
      {"*.bar", "foo.baz", false, false},
      {"*.*", "foo.>", false, true},
      {"*", "foo.>", false, false},
      {"foo.*.c", "foo.b.*", false, true},
      {"foo.*.c", "foo.b.d", false, false},
      {">", "*", false, true},
      {"*", ">", true, true},
      {"*.*.*", "*.*", false, false},
      {"a.>", "a.b.>", false, true},
      {"a.b.>", "a.>", true, true},
      {"a.b.c", "a.>.c", true, true},
  };
  for (const Row& row : rows) {
    CAPTURE(row.a);
    CAPTURE(row.b);
    CHECK(is_subset(row.a, row.b) == row.is_subset);
    CHECK(collide(row.a, row.b) == row.do_collide);
    CHECK(collide(row.b, row.a) == row.do_collide);
  }
}

// All literals of up to three tokens over two letters: enough for a counterexample to anything said of such patterns.
std::vector<std::string> all_subjects(const std::vector<std::string>& alphabet, std::size_t depth) {
  std::vector<std::string> all = alphabet;
  for (std::size_t begin = 0, d = 1; d < depth; ++d) {
    const std::size_t end = all.size();
    for (std::size_t i = begin; i < end; ++i) {
      for (const std::string& token : alphabet) all.push_back(all[i] + "." + token);
    }
    begin = end;
  }
  return all;
}

TEST_CASE("subset and collision say what matching every literal says") {
  const std::vector<std::string> literals = all_subjects({"a", "b"}, 4);
  std::vector<std::string> patterns;
  for (const std::string& p : all_subjects({"a", "*", ">"}, 3)) {
    if (is_valid_subject(p)) patterns.push_back(p);
  }
  REQUIRE(patterns.size() == 3 + 2 * 3 + 4 * 3);
  for (const std::string& a : patterns) {
    for (const std::string& b : patterns) {
      bool subset = true;
      bool collision = false;
      for (const std::string& literal : literals) {
        const bool in_a = matches(literal, a);
        const bool in_b = matches(literal, b);
        subset = subset && (!in_a || in_b);
        collision = collision || (in_a && in_b);
      }
      CAPTURE(a);
      CAPTURE(b);
      CHECK(is_subset(a, b) == subset);
      CHECK(collide(a, b) == collision);
    }
  }
}

TEST_CASE("tokens are counted and picked from the left") {
  CHECK(token_count("a.b.c") == 3);
  CHECK(token_count("a") == 1);
  CHECK(token_at("a.b.c", 0) == "a");
  CHECK(token_at("a.b.c", 2) == "c");
  CHECK(token_at("a.b.c", 3).empty());
}

}  // namespace
}  // namespace windtunnel::core
