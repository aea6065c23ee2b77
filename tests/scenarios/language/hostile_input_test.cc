// Any bytes may be given to the loader: it says what is wrong with them, in time and memory that the file's size bounds.
#include <doctest/doctest.h>

#include <chrono>
#include <string>
#include <vector>

#include "scenarios/language/load.h"

namespace windtunnel::scenarios {
namespace {

std::string repeated(std::string_view unit, std::size_t size) {
  std::string out;
  while (out.size() + unit.size() <= size) out += unit;
  return out;
}

std::string first_message(std::string_view text) {
  const Loaded loaded = load_text(text, "x.yaml");
  CHECK_FALSE(loaded.scenario.has_value());
  return loaded.diagnostics.empty() ? "" : loaded.diagnostics.front().text();
}

TEST_CASE("what is no scenario at all is named for what it is") {
  struct Row {
    std::string_view what;
    std::string text;
    std::string_view message;
  };
  const std::vector<Row> rows = {
      {"nothing", "", "x.yaml:1:1: the file is empty; a scenario begins with `scenario: NAME`"},
      {"blanks", "  \n\n \r\n", "x.yaml:1:1: the file is empty; a scenario begins with `scenario: NAME`"},
      {"a byte order mark alone", "\xef\xbb\xbf", "x.yaml:1:1: the file is empty"},
      {"a comment", "# nothing here\n", "x.yaml:1:1: the file is empty"},
      {"null", "~", "x.yaml:1:1: the file is empty"},
      {"a word", "hello", "x.yaml:1:1: the file must be a map of keys, not `hello`"},
      {"a list", "- a\n- b\n", "x.yaml:1:1: the file must be a map of keys, not a list"},
      {"zeros", std::string(100, '\0'), "x.yaml:1:1: the file is no text: the byte 0x00 stands here"},
      {"an executable",
       "\x7f"
       "ELF\x02\x01",
       "x.yaml:1:1: the file is no text: the byte 0x7f stands here"},
      {"PowerShell's UTF-16", std::string("\xff\xfes\0", 4),
       "x.yaml:1:1: the file is UTF-16, as PowerShell's `>` writes it; save it as UTF-8"},
      {"latin-1", "about: caf\xe9\n", "x.yaml:1:11: the file is no UTF-8 text: the byte 0xe9 stands here"},
      {"an overlong character", "about: \xc0\xaf\n", "x.yaml:1:8: the file is no UTF-8 text"},
      {"a tab as indentation", "nodes:\n\thub: {}\n", "x.yaml:2:1: a tab stands in the indentation; indent with spaces"},
      {"a tab behind spaces", "nodes:\n  \thub: {}\n", "x.yaml:2:3: a tab stands in the indentation; indent with spaces"},
      {"two documents", "scenario: a\n---\nscenario: b\n", "a second document (after `---`) stands here; a file holds one scenario"},
      {"an anchor", "scenario: &name a\n", "x.yaml:1:11: anchors (`&name`) are not part of the language; write it out"},
      {"an alias to nothing", "scenario: *name\n", "x.yaml:1:11: this is no YAML: the referenced anchor is not defined"},
      {"a merge key of an alias", "a: &a {b: 1}\nc: {<<: *a}\n", "x.yaml:1:4: anchors"},
      {"a tag", "scenario: !!int 5\n", "tags (`tag:yaml.org,2002:int`) are not part of the language; remove it"},
      {"a map as key", "? {a: b}\n: c\n", "x.yaml:1:3: a list or map cannot be a key"},
      {"a key without a name", ": c\n", "a key is missing before `:`"},
      {"an open bracket", "nodes: [a, b\n", "this is no YAML"},
      {"an open quote", "about: \"abc\n", "a quoted text has no end: its closing quote is missing"},
      {"an open quote at the very end", "about: 'abc", "a quoted text has no end: its closing quote is missing"},
      {"a key twice", "scenario: a\nscenario: b\n", "x.yaml:2:1: the key `scenario` stands here twice"},
      {"a long line", "about: " + std::string(70'000, 'x') + "\n", "x.yaml:1:65537: the line is longer than 64 KiB"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    const std::string message = first_message(row.text);
    CAPTURE(message);
    CHECK(message.find(row.message) != std::string::npos);
  }
}

TEST_CASE("nesting is refused at its 33rd level, wherever it is written") {
  for (const std::string_view unit : {"[", "{a: ", "- ", "? ", "[{a: ", "x: {", "!", "*a ", "&a "}) {
    CAPTURE(unit);
    CHECK_FALSE(first_message(repeated(unit, 500)).empty());
  }
  const std::string deep = repeated("[", 33) + repeated("]", 33);
  CHECK(first_message("a: " + deep) == "x.yaml:1:35: nested deeper than 32 levels; no scenario needs that many");
  const std::string allowed = repeated("[", 31) + repeated("]", 31);
  CHECK(first_message("a: " + allowed).find("unknown key `a`") != std::string::npos);
}

TEST_CASE("ten megabytes of anything are refused at once") {
  const auto start = std::chrono::steady_clock::now();
  for (const std::string_view unit : {"[", "{", "- ", "a: \n ", "\n", "\"", "&a [*a, "}) {
    CAPTURE(unit);
    CHECK(first_message(repeated(unit, 10'000'000)).find("larger than 1 MiB") != std::string::npos);
  }
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds{5});
}

TEST_CASE("one megabyte of anything is answered in a few seconds") {
  std::string staircase;
  for (std::size_t depth = 0; staircase.size() < 900'000; ++depth) staircase += std::string(depth, ' ') + "a:\n";
  std::vector<std::string> texts = {staircase};
  for (const std::string_view unit :
       {"[",    "{",   "[{",   "{a: ", "- ",    "? ",    "a: ",   "- - ",  "\n- ",     "[\n",    "!a ",
        "\"",   "'",   "a\n",  "a,\n", "[a,\n", ": ",    "%\n",   "[]\n",  "[],",      "- a\n",  "a: 1\n",
        "{}\n", "'' ", "\\\n", "|\n",  ">\n ",  "# x\n", "---\n", "...\n", "\xc3\xa9", "x: [\n", "{ between: [a, b] }\n"}) {
    texts.push_back(repeated(unit, 1'000'000));
  }
  for (const std::string& text : texts) {
    CAPTURE(text.substr(0, 20));
    const auto start = std::chrono::steady_clock::now();
    CHECK_FALSE(first_message(text).empty());
    CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds{20});  // with a sanitizer, on a busy machine
  }
}

TEST_CASE("many entries of the right kind are refused by their number, and quickly") {
  std::string nodes = "scenario: big\nnodes:\n";
  for (int i = 0; i < 50'000; ++i) nodes += "  n" + std::to_string(i) + ":\n";
  CHECK(first_message(nodes + "expect: [ { invariants: [mirror-is-prefix] } ]\n")
            .find("`nodes` has 50000 entries; up to 1000 are supported") != std::string::npos);
  std::string keys = "scenario: big\n";
  for (int i = 0; i < 50'000; ++i) keys += "ndoes" + std::to_string(i) + ": 1\n";
  const Loaded loaded = load_text(keys, "x.yaml");
  CHECK(loaded.diagnostics.size() == Diagnostics::kMax + 1);
  CHECK(loaded.diagnostics.back().message.starts_with("and "));
}

TEST_CASE("a file that cannot be read is named without a place in it") {
  const Loaded missing = load_file("no/such/file.yaml");
  REQUIRE(missing.diagnostics.size() == 1);
  CHECK(missing.diagnostics[0].text() == "no/such/file.yaml: cannot be read: No such file or directory");
  const Loaded directory = load_file("tests/scenarios");
  REQUIRE(directory.diagnostics.size() == 1);
  CHECK(directory.diagnostics[0].text().find("cannot be read") != std::string::npos);
  // A file without an end is read no further than a file may be.
  CHECK(load_file("/dev/zero").diagnostics.at(0).message.find("larger than 1 MiB") != std::string::npos);
}

}  // namespace
}  // namespace windtunnel::scenarios
