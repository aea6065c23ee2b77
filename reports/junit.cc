#include "reports/junit.h"

#include <fmt/format.h>

#include <algorithm>

#include "reports/text.h"

namespace windtunnel::reports {
namespace {

constexpr std::string_view kReplacement = "\xef\xbf\xbd";  // U+FFFD

struct Character {
  std::size_t size = 0;  // 0: no UTF-8
  std::uint32_t code = 0;
};

Character character_at(std::string_view text, std::size_t at) {
  const auto byte = [&text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(at);
  if (lead < 0x80) return {1, lead};
  const std::size_t size = lead >= 0xf0 && lead <= 0xf4 ? 4 : lead >= 0xe0 && lead < 0xf0 ? 3 : lead >= 0xc2 && lead < 0xe0 ? 2 : 0;
  if (size == 0 || at + size > text.size()) return {};
  std::uint32_t code = lead & (0x7fu >> size);
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(at + i) & 0xc0) != 0x80) return {};
    code = code << 6 | (byte(at + i) & 0x3fu);
  }
  const bool is_overlong = (size == 3 && code < 0x800) || (size == 4 && code < 0x10000);
  const bool is_no_character = (code >= 0xd800 && code <= 0xdfff) || code == 0xfffe || code == 0xffff || code > 0x10ffff;
  return is_overlong || is_no_character ? Character{} : Character{size, code};
}

std::string time_text(core::Duration wall) {
  const std::int64_t ms = std::chrono::duration_cast<std::chrono::milliseconds>(wall).count();
  return fmt::format("{}.{:03}", ms / 1000, ms % 1000);
}

// A divergence's first line, for the lists that CI systems show; the whole story is in the element's text.
std::string headline(const RunRecord& record) {
  if (record.outcome == Outcome::failed && !record.result.divergences.empty()) {
    const scenarios::Divergence& first = record.result.divergences.front();
    return first.invariant + ": expected " + first.expected + ", actual " + first.actual;
  }
  return record.problem.substr(0, record.problem.find('\n'));
}

std::string case_xml(const RunRecord& record) {
  std::string out = fmt::format("    <testcase classname=\"{}\" name=\"seed {}\" time=\"{}\"", xml_attribute(record.scenario),
                                record.seed.value, time_text(record.wall));
  if (record.outcome == Outcome::passed) return out + "/>\n";
  const bool is_failure = record.outcome == Outcome::failed;
  const std::string_view element = is_failure ? "failure" : "error";
  const std::string type =
      is_failure && !record.result.divergences.empty() ? record.result.divergences.front().invariant : std::string{name_of(record.outcome)};
  out += fmt::format(">\n      <{} type=\"{}\" message=\"{}\">", element, xml_attribute(type), xml_attribute(headline(record)));
  out += xml_text(run_text(record, {}));
  return out + fmt::format("</{}>\n    </testcase>\n", element);
}

std::string attributes(const Totals& totals, core::Duration wall) {
  return fmt::format("tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"0\" time=\"{}\"", totals.runs, totals.failed,
                     totals.nondeterministic + totals.refused + totals.died, time_text(wall));
}

}  // namespace

namespace {

std::string escaped(std::string_view text, bool is_attribute) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const Character character = character_at(text, at);
    if (character.size == 0) {
      out += kReplacement;
      ++at;
      continue;
    }
    switch (character.code) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      case '\'': out += "&apos;"; break;
      // In an attribute as references, for a parser makes spaces of them there.
      case '\n': out += is_attribute ? "&#10;" : "\n"; break;
      case '\t': out += is_attribute ? "&#9;" : "\t"; break;
      default:
        if (character.code >= 0x20 && character.code != 0x7f) out += text.substr(at, character.size);
    }
    at += character.size;
  }
  return out;
}

}  // namespace

std::string xml_text(std::string_view text) { return escaped(text, false); }
std::string xml_attribute(std::string_view text) { return escaped(text, true); }

void JunitReport::add(const RunRecord& record) {
  auto suite = std::find_if(suites_.begin(), suites_.end(),
                            [&record](const Suite& each) { return each.file == record.file && each.scenario == record.scenario; });
  if (suite == suites_.end())
    suite = suites_.insert(suites_.end(), Suite{.file = record.file, .scenario = record.scenario, .totals = {}, .wall = {}, .cases = {}});
  suite->totals.add(record.outcome);
  suite->wall += record.wall;
  suite->cases += case_xml(record);
}

std::string JunitReport::xml() const {
  Totals totals;
  core::Duration wall{};
  std::string body;
  for (const Suite& suite : suites_) {
    totals.runs += suite.totals.runs;
    totals.failed += suite.totals.failed;
    totals.nondeterministic += suite.totals.nondeterministic;
    totals.refused += suite.totals.refused;
    totals.died += suite.totals.died;
    wall += suite.wall;
    body += fmt::format("  <testsuite name=\"{}\" file=\"{}\" {}>\n", xml_attribute(suite.scenario), xml_attribute(suite.file),
                        attributes(suite.totals, suite.wall));
    body += suite.cases + "  </testsuite>\n";
  }
  return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"windtunnel\" " + attributes(totals, wall) + ">\n" + body +
         "</testsuites>\n";
}

}  // namespace windtunnel::reports
