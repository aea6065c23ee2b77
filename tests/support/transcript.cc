#include "tests/support/transcript.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>

#include "core/jetstream/ack_subject.h"

namespace windtunnel::tests {
namespace {

using Json = nlohmann::json;

std::string from_base64(const std::string& text) {
  static const std::string kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  unsigned bits = 0;
  int count = 0;
  for (const char c : text) {
    const std::size_t value = kAlphabet.find(c);
    if (value == std::string::npos) break;
    bits = bits << 6 | static_cast<unsigned>(value);
    count += 6;
    if (count >= 8) {
      count -= 8;
      out += static_cast<char>(bits >> count & 0xff);
    }
  }
  return out;
}

std::string text_of(const Json& json, const char* key) {
  if (json.contains(key)) return json.at(key).get<std::string>();
  const std::string coded = std::string(key) + "_b64";
  return json.contains(coded) ? from_base64(json.at(coded).get<std::string>()) : std::string{};
}

std::vector<std::string> words(const std::string& text) {
  std::vector<std::string> out;
  std::size_t begin = 0;
  while (begin < text.size()) {
    const std::size_t end = std::min(text.find(' ', begin), text.size());
    if (end > begin) out.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return out;
}

std::string without_time(const std::string& reply) {
  if (const auto info = core::parse_ack_subject(reply)) {
    core::AckInfo plain = *info;
    plain.time = core::WallTime{};
    return core::ack_subject(plain);
  }
  return std::regex_replace(reply, std::regex(R"re(^(\$JS\.FC\.[^.]+\.[^.]+)\..{4}$)re"), "$1.<token>");
}

// An audit shows the client, and the answer as a text: what is volatile there is too.
std::string without_volatile_audit(std::string body) {
  static const std::regex kHost(R"re("host":"[^"]*","id":[0-9]+,)re");
  static const std::regex kRtt(R"re("rtt":[0-9]+)re");
  static const std::regex kTimes(R"re(\\"(created|ts|time|first_ts|last_ts|last_active)\\":\\"(?!0001-)[^"]*")re");
  static const std::regex kUsed(R"re(\\"(memory|storage)\\":[0-9]+,)re");
  body = std::regex_replace(body, kHost, "\"host\":\"<host>\",\"id\":<id>,");
  body = std::regex_replace(body, kRtt, "\"rtt\":<time>");
  body = std::regex_replace(body, kTimes, "\"$1\":\"<time>\"");
  return std::regex_replace(body, kUsed, "\"$1\":<bytes>,");
}

// Replaces what differs from run to run, by the names of the fields. A time that is not set ("0001-...") and an `active` of
// -1 say something, and stay.
std::string without_volatile_fields(std::string body) {
  static const std::regex kTimes(R"re("(created|ts|time|first_ts|last_ts|last_active|timestamp|start)":"(?!0001-)[^"]*")re");
  static const std::regex kActive(R"re("active":[0-9]+)re");
  static const std::regex kAckTime(R"re("ack_time":[0-9]+)re");
  static const std::regex kId(R"re("id":"[^"]*")re");
  static const std::regex kUsed(R"re("(memory|storage)":[0-9]+,)re");
  body = std::regex_replace(body, kTimes, "\"$1\":\"<time>\"");
  body = std::regex_replace(body, kActive, "\"active\":<time>");
  body = std::regex_replace(body, kAckTime, "\"ack_time\":<time>");
  body = std::regex_replace(body, kId, "\"id\":\"<id>\"");
  if (body.find("advisory.v1.api_audit") != std::string::npos) body = without_volatile_audit(std::move(body));
  if (body.find("account_info_response") != std::string::npos) body = std::regex_replace(body, kUsed, "\"$1\":<bytes>,");
  return body;
}

void make_comparable(TranscriptSaid& said) {
  said.reply = without_time(said.reply);
  said.headers = std::regex_replace(said.headers, std::regex("Nats-Time-Stamp: [^\r]*"), "Nats-Time-Stamp: <time>");
  said.body = without_volatile_fields(std::move(said.body));
}

std::string text_of(const TranscriptSaid& said) {
  std::string text = said.subject + " sid " + said.sid;
  if (!said.reply.empty()) text += " reply " + said.reply;
  if (!said.headers.empty()) text += " headers " + Json(said.headers).dump(-1, ' ', false, Json::error_handler_t::replace);
  return text + "\n      " + said.body;
}

// What differs between the two, with a little of what stands before.
std::string difference(const std::string& expected, const std::string& actual) {
  constexpr std::size_t kBefore = 60;
  constexpr std::size_t kShown = 240;
  std::size_t same = 0;
  while (same < expected.size() && same < actual.size() && expected[same] == actual[same]) ++same;
  const std::size_t from = same > 2 * kBefore ? same - kBefore : 0;
  const std::string lead = from > 0 ? "... " : "";
  return "expected\n      " + lead + expected.substr(from, kShown) + "\n    got\n      " + lead + actual.substr(from, kShown);
}

// A name that the server made up: in the answer to a create whose configuration has none.
std::optional<std::string> made_up_name(const TranscriptSaid& said) {
  if (said.body.find("consumer_create_response") == std::string::npos) return std::nullopt;
  const Json json = Json::parse(said.body, nullptr, false);
  if (json.is_discarded() || !json.contains("name") || !json.contains("config")) return std::nullopt;
  const Json& config = json.at("config");
  if (config.contains("name") || config.contains("durable_name")) return std::nullopt;
  return json.at("name").get<std::string>();
}

void replace_all(std::string& text, const std::string& from, const std::string& to) {
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) text.replace(at, from.size(), to);
}

// A list is sorted by name, and so in another order if some of its names are made up.
std::string with_sorted_consumers(const std::string& body) {
  auto json = nlohmann::ordered_json::parse(body, nullptr, false);
  if (!json.is_object()) return body;
  if (json.contains("response") && json["response"].is_string()) {  // an audit has the answer as a text
    json["response"] = with_sorted_consumers(json["response"].get<std::string>());
    return json.dump();
  }
  if (!json.contains("consumers") || !json["consumers"].is_array()) return body;
  auto& consumers = json["consumers"];
  const auto name = [](const nlohmann::ordered_json& each) {
    return each.is_object() ? each.value("name", "") : each.is_string() ? each.get<std::string>() : "";
  };
  std::stable_sort(consumers.begin(), consumers.end(), [&](const auto& a, const auto& b) { return name(a) < name(b); });
  return json.dump();
}

// Gives our made-up names the recorded ones.
void rename_consumers(std::vector<TranscriptSaid>& theirs, std::vector<TranscriptSaid>& ours) {
  std::map<std::string, std::string> recorded;  // by the inbox of the answer
  for (const TranscriptSaid& said : theirs) {
    if (const auto name = made_up_name(said)) recorded[said.subject] = *name;
  }
  std::vector<std::pair<std::string, std::string>> renamed;
  for (const TranscriptSaid& said : ours) {
    const auto name = made_up_name(said);
    const auto it = recorded.find(said.subject);
    if (name && it != recorded.end()) renamed.emplace_back(*name, it->second);
  }
  for (TranscriptSaid& said : ours) {
    for (const auto& [from, to] : renamed) {
      replace_all(said.subject, from, to);
      replace_all(said.reply, from, to);
      replace_all(said.body, from, to);
    }
  }
  if (renamed.empty()) return;
  for (std::vector<TranscriptSaid>* const all : {&theirs, &ours}) {
    for (TranscriptSaid& said : *all) said.body = with_sorted_consumers(said.body);
  }
}

class Comparison {
 public:
  Comparison(const TranscriptOptions& options, TranscriptReport& report) : options_(options), report_(report) {}

  void compare(std::vector<TranscriptSaid> theirs, std::vector<TranscriptSaid> ours, const std::set<std::string>& exact_sids) {
    rename_consumers(theirs, ours);
    std::map<std::string, std::vector<TranscriptSaid>> lanes_theirs;
    std::map<std::string, std::vector<TranscriptSaid>> lanes_ours;
    const auto lane = [&](const TranscriptSaid& said) {
      return exact_sids.contains(said.sid) ? "sid " + said.sid : said.sid + " " + said.subject;
    };
    for (TranscriptSaid& said : theirs) {
      make_comparable(said);
      if (is_silent(said.subject)) continue;
      lanes_theirs[lane(said)].push_back(said);
    }
    for (TranscriptSaid& said : ours) {
      make_comparable(said);
      if (is_silent(said.subject)) complain("we do speak on " + said.subject + ": the exception is not needed");
      lanes_ours[lane(said)].push_back(said);
    }
    std::set<std::string> names;
    for (const auto& [name, said] : lanes_theirs) names.insert(name);
    for (const auto& [name, said] : lanes_ours) names.insert(name);
    for (const std::string& name : names) compare_lane(lanes_theirs[name], lanes_ours[name]);
  }

 private:
  bool is_silent(const std::string& subject) const {
    return std::any_of(options_.silent_subjects.begin(), options_.silent_subjects.end(), [&](const auto& s) { return s.first == subject; });
  }
  bool has_exception(std::size_t number) const {
    return std::any_of(options_.exceptions.begin(), options_.exceptions.end(),
                       [&](const TranscriptException& e) { return e.line == number; });
  }
  void complain(std::string what) { report_.complaints.push_back(std::move(what)); }

  void compare_lane(const std::vector<TranscriptSaid>& theirs, const std::vector<TranscriptSaid>& ours) {
    std::size_t next = 0;
    for (const TranscriptSaid& expected : theirs) {
      if (next == ours.size()) {
        complain("line " + std::to_string(expected.number) + ": we did not say\n      " + text_of(expected));
        continue;
      }
      const TranscriptSaid& actual = ours[next++];
      ++report_.compared;
      const bool is_same = expected.reply == actual.reply && expected.headers == actual.headers && expected.body == actual.body &&
                           expected.subject == actual.subject;
      if (has_exception(expected.number)) {
        if (is_same) complain("line " + std::to_string(expected.number) + ": the same, the exception is not needed");
      } else if (!is_same) {
        complain("line " + std::to_string(expected.number) + ": " + expected.subject + ": " +
                 difference(text_of(expected), text_of(actual)));
      }
    }
    for (; next < ours.size(); ++next) complain("we also said\n      " + text_of(ours[next]));
  }

  const TranscriptOptions& options_;
  TranscriptReport& report_;
};

}  // namespace

std::vector<TranscriptLine> read_transcript(const std::string& path) {
  std::vector<TranscriptLine> lines;
  std::ifstream file(path);
  REQUIRE_MESSAGE(file.is_open(), path);
  std::size_t number = 0;
  for (std::string text; std::getline(file, text);) {
    ++number;
    const Json json = Json::parse(text);
    if (json.contains("note")) continue;
    TranscriptLine line;
    line.number = number;
    line.at = core::Duration{std::llround(json.at("t_ms").get<double>() * 1e6)};
    line.connection = json.at("conn").get<int>();
    line.is_server = json.at("side") == "S";
    line.line = json.at("line").get<std::string>();
    line.headers = text_of(json, "hdr");
    line.body = text_of(json, "body");
    line.has_body = json.contains("body") || json.contains("body_b64");
    lines.push_back(std::move(line));
  }
  return lines;
}

std::string bytes_of(const TranscriptLine& line) { return line.line + "\r\n" + line.headers + line.body + (line.has_body ? "\r\n" : ""); }
bool is_sent(const TranscriptLine& line) { return !line.is_server && line.line != "PONG"; }
bool is_of_connection(std::string_view line) { return line.starts_with("INFO ") || line == "PING" || line == "PONG" || line == "+OK"; }

TranscriptSaid said_by(std::string_view line, std::string headers, std::string body) {
  TranscriptSaid said;
  const std::vector<std::string> parts = words(std::string(line));
  if (parts.empty() || (parts[0] != "MSG" && parts[0] != "HMSG")) {
    said.subject = "(protocol)";
    said.body = line;
    return said;
  }
  const std::size_t sizes = parts[0] == "HMSG" ? 2 : 1;
  REQUIRE(parts.size() >= 3 + sizes);
  said.subject = parts[1];
  said.sid = parts[2];
  if (parts.size() == 4 + sizes) said.reply = parts[3];
  said.headers = std::move(headers);
  said.body = std::move(body);
  return said;
}

TranscriptReport compare_transcript(const std::vector<TranscriptLine>& lines, const TranscriptOptions& options,
                                    std::map<int, std::vector<TranscriptSaid>> ours) {
  std::map<int, std::vector<TranscriptSaid>> theirs;
  std::map<int, std::set<std::string>> exact_sids;
  for (const TranscriptLine& line : lines) {
    theirs[line.connection];  // also of one that is told nothing
    if (line.is_server && !is_of_connection(line.line)) {
      theirs[line.connection].push_back(said_by(line.line, line.headers, line.body));
      theirs[line.connection].back().number = line.number;
    }
    const std::vector<std::string> parts = words(line.line);
    if (!line.is_server && parts[0] == "SUB" && parts[1].find_first_of("*>") == std::string::npos)
      exact_sids[line.connection].insert(parts.back());
  }
  TranscriptReport report;
  for (auto& [connection, said] : theirs) {
    Comparison{options, report}.compare(std::move(said), std::move(ours[connection]), exact_sids[connection]);
  }
  return report;
}

}  // namespace windtunnel::tests
