// The JSON reader: strict, with the place of everything, and unhurt by any bytes.
#include "scenarios/hazards/json_tree.h"

#include <doctest/doctest.h>

#include <fstream>
#include <sstream>

#include "core/base/random.h"
#include "scenarios/hazards/check.h"

namespace windtunnel::scenarios {
namespace {

std::string refusal(const std::string& text) {
  Diagnostics diagnostics;
  const std::vector<YamlTree> values = parse_json(text, "f.json", diagnostics);
  const std::vector<Diagnostic> found = diagnostics.take();
  CHECK(values.empty() == !found.empty());
  return found.empty() ? "" : found.front().text();
}

TEST_CASE("keys and values know their places, in characters") {
  Diagnostics diagnostics;
  const std::vector<YamlTree> values = parse_json("{\"a\": [1, true,\n  {\"\xc3\xa4\": \"x\", \"b\": null}]}\n{}", "f.json", diagnostics);
  REQUIRE(values.size() == 2);
  const YamlTree& list = values[0].entries[0].value;
  CHECK(values[0].entries[0].where.text() == "f.json:1:2");
  CHECK(list.where.text() == "f.json:1:7");
  CHECK(list.items[0].scalar_kind == ScalarKind::integer);
  CHECK(list.items[1].scalar_kind == ScalarKind::boolean);
  CHECK(list.items[2].entries[0].where.text() == "f.json:2:4");
  CHECK(list.items[2].entries[0].value.where.text() == "f.json:2:9");
  CHECK(list.items[2].entries[1].where.text() == "f.json:2:14");
  CHECK(values[1].where.text() == "f.json:3:1");
}

TEST_CASE("escapes are read as Go writes them") {
  Diagnostics diagnostics;
  const std::vector<YamlTree> values =
      parse_json(R"(["orders.\u003e", "\"\\\/\b\f\n\r\t", "\u00e4\u20ac\ud83d\ude00"])", "f.json", diagnostics);
  REQUIRE(values.size() == 1);
  CHECK(values[0].items[0].text == "orders.>");
  CHECK(values[0].items[1].text == "\"\\/\b\f\n\r\t");
  CHECK(values[0].items[2].text == "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80");
}

TEST_CASE("what is no JSON is refused at its place") {
  const std::pair<const char*, const char*> rows[] = {
      {"", "f.json:1:1: the file is empty; give what `nats stream info --json` prints"},
      {" \n ", "f.json:2:2: the file is empty; give what `nats stream info --json` prints"},
      {"{", "f.json:1:2: a key in double quotes is missing here"},
      {"{\"a\"}", "f.json:1:5: a `:` is missing behind the key `a`"},
      {"{\"a\":}", "f.json:1:6: this is no JSON: `}`"},
      {"{\"a\":", "f.json:1:6: the file ends where a value should be"},
      {"{\"a\":1,}", "f.json:1:8: a key in double quotes is missing here"},
      {"{\"a\":1 \"b\":2}", "f.json:1:8: a `,` or `}` is missing here"},
      {"{\"a\":1,\n\"a\":2}", "f.json:2:1: the key `a` stands here twice"},
      {"[1,]", "f.json:1:4: this is no JSON: `]`"},
      {"[1", "f.json:1:3: a `,` or `]` is missing here"},
      {"[True]", "f.json:1:2: this is no JSON: `True`"},
      {"[0x10]", "f.json:1:2: this is no JSON: `0x10`"},
      {"nodes: {}", "f.json:1:1: this is no JSON: `nodes`"},
      {"\"abc", "f.json:1:1: a quoted text has no end: its closing quote is missing"},
      {"\"a\nb\"", "f.json:1:3: a control character stands in a text"},
      {"\"\\x\"", "f.json:1:2: `\\x` is no escape in JSON"},
      {"\"\\u12\"", "f.json:1:2: `\\u` needs four digits"},
      {"\"\\ud800\"", "f.json:1:8: half a surrogate pair stands here"},
      {"\"\xff\"", "f.json:1:2: the file is no UTF-8 text"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.first);
    CHECK(refusal(row.first) == row.second);
  }
  CHECK(refusal(std::string(100, '[')).find("nested deeper than 64 levels") != std::string::npos);
  CHECK(refusal(std::string(kJsonMax.value + 1, ' ')).find("larger than 16 MiB") != std::string::npos);
  std::string many = "[0";
  for (int i = 0; i < 1'000'000; ++i) many += ",0";
  CHECK(refusal(many + "]").find("more than 1000000 values") != std::string::npos);
}

std::string read(const std::string& path) {
  std::ifstream in{path, std::ios::binary};
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

TEST_CASE("UTF-16 is named, and no raw bytes are shown") {
  const std::string wanted = "f.json:1:1: the file is UTF-16, as PowerShell's `>` writes it; save it as UTF-8";
  CHECK(refusal(std::string("\xff\xfe{\0}\0", 6)) == wanted);
  CHECK(refusal(std::string("\xfe\xff\0{\0}", 6)) == wanted);
  CHECK(refusal(std::string("{\0}\0", 4)) == wanted);
  CHECK(refusal(std::string("\0{\0}", 4)) == wanted);
  CHECK(refusal("caf\xe9") == "f.json:1:1: this is no JSON: bytes that are no ASCII stand here outside of a text");
}

TEST_CASE("any damage to what a server said is taken or refused, and nothing worse") {
  core::Random random = core::Random{core::Seed{5}}.child("damage");
  for (const char* name : {"hub-streams.json", "edge-streams.json", "hub-consumers.json", "edge-jsz.json"}) {
    const std::string whole = read(std::string{WT_FIXTURES} + "/streams/" + name);
    REQUIRE(whole.size() > 500);
    std::size_t refused = 0;
    for (int i = 0; i < 400; ++i) {
      std::string text = whole;
      const std::uint64_t changes = 1 + random.below(3);
      for (std::uint64_t c = 0; c < changes; ++c) {
        const std::size_t at = random.below(text.size());
        switch (random.below(4)) {
          case 0: text[at] = static_cast<char>(random.below(256)); break;
          case 1: text.erase(at, 1 + random.below(20)); break;
          case 2: text.insert(at, text.substr(random.below(text.size()), random.below(60))); break;
          default: text.resize(at + 1); break;
        }
      }
      const StreamsFile files[] = {{.server = "hub", .path = "f.json"}};
      const CheckReport report =
          check_streams(std::nullopt, files, [&text](const std::string&) { return core::Result<std::string>{text}; });
      refused += report.errors.empty() ? 0 : 1;
      for (const Diagnostic& error : report.errors) CHECK_FALSE(error.message.empty());
    }
    CHECK(refused > 200);
  }
}

}  // namespace
}  // namespace windtunnel::scenarios
