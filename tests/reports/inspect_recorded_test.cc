// `inspect` of every store that was recorded from a real server: the state and every message are those that the server came
// up with, or better; and what was damaged is named.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "core/base/time_text.h"
#include "core/posix/posix_disk.h"
#include "reports/inspect.h"

using namespace windtunnel;
using nlohmann::json;

namespace {

struct Figures {
  std::uint64_t messages = 0;
  std::uint64_t bytes = 0;
  std::uint64_t first_seq = 0;
  std::uint64_t last_seq = 0;
  std::uint64_t num_deleted = 0;
};

// Where ours is better than 2.10.27, with the reason: the same differences as recovery's own.
struct Better {
  const char* name;
  const char* stream;
  Figures figures;
  std::size_t lost;
  const char* reason;
};
const std::vector<Better> kBetter = {
#include "tests/core/store/recorded_stores_better.inc"
};

// What inspect must say of a damaged store. Of all others: nothing but notes.
struct Named {
  const char* name;
  std::vector<std::string> kinds;  // of warnings and damage, each once
};
const std::vector<Named> kNamed = {
    {"limits-bitflip-index", {"unreadable-index"}},
    {"limits-bitflip-last-blk-noindex", {"damaged-records", "lost-messages"}},
    {"limits-bitflip-middle-blk", {"damaged-records", "lost-messages"}},
    {"limits-bitflip-middle-blk-noindex", {"damaged-records", "lost-messages"}},
    {"limits-garbage-tail", {"torn-tail"}},
    {"limits-garbage-tail-noindex", {"torn-tail"}},
    {"limits-index-deleted", {}},  // nothing is lost with it
    {"limits-meta-missing", {"missing-metadata"}},
    {"limits-meta-sum-wrong", {"meta-sum-mismatch"}},
    {"limits-missing-all-blk", {"lost-messages", "missing-block"}},
    {"limits-missing-first-blk", {"lost-messages", "missing-block"}},
    {"limits-missing-first-blk-noindex", {}},  // without the index it cannot be told from blocks that a limit removed
    {"limits-missing-last-blk", {"lost-messages", "missing-block"}},
    {"limits-missing-last-blk-noindex", {}},  // likewise: the stream ends earlier
    {"limits-missing-middle-blk", {"lost-messages", "missing-block"}},
    {"limits-missing-middle-blk-noindex", {}},  // a note: there is a hole in the numbers of the blocks
    {"limits-torn-tail", {"torn-tail"}},
    {"limits-torn-tail-noindex", {"torn-tail"}},
    {"limits-zero-tail-noindex", {"torn-tail"}},
    {"workqueue-consumer-state-deleted", {"missing-consumer-state"}},
    {"workqueue-consumer-state-truncated", {"unreadable-consumer-state"}},
    {"workqueue-missing-all-blk", {"lost-messages", "missing-block"}},
    {"workqueue-missing-first-blk", {"lost-messages", "missing-block"}},
    {"workqueue-missing-first-blk-noindex", {}},
    {"workqueue-missing-last-blk", {"lost-messages", "missing-block"}},
    {"workqueue-missing-last-blk-noindex", {}},
    {"workqueue-missing-middle-blk", {"lost-messages", "missing-block"}},
    {"workqueue-missing-middle-blk-noindex", {}},
    {"workqueue-torn-tail-noindex", {"torn-tail"}},
};

std::filesystem::path root() { return std::filesystem::path(WT_FIXTURES) / "stores"; }

std::string slurp(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

json inspected(const std::filesystem::path& directory, const reports::InspectOptions& options) {
  auto disk = core::PosixDisk::open(directory.parent_path().string(), core::PosixDisk::Access::read_only);
  REQUIRE(disk);
  std::string out;
  const auto writer = reports::inspect_json([&](std::string_view text) { out += text; }, options, "test");
  const auto totals = reports::inspect(**disk, directory.filename().string(), directory.string(), options, *writer);
  REQUIRE_MESSAGE(totals.has_value(), (totals ? "" : totals.error().text()));
  return json::parse(out);
}

std::string figures_text(const json& state) {
  std::string out;
  for (const char* name : {"messages", "bytes", "first_seq", "last_seq", "num_deleted"})
    out += std::string(name) + " " + std::to_string(state.value(name, std::uint64_t{0})) + " ";
  return out;
}

std::string figures_text(const Figures& f) {
  return figures_text(json{
      {"messages", f.messages}, {"bytes", f.bytes}, {"first_seq", f.first_seq}, {"last_seq", f.last_seq}, {"num_deleted", f.num_deleted}});
}

const json* member_list(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_array() ? &*found : nullptr;
}

void check_messages(const json& stream, const json& expected, bool is_better) {
  std::map<std::uint64_t, json> known;
  for (const json& message : expected) known[message.at("seq").get<std::uint64_t>()] = message;
  std::set<std::uint64_t> seen;
  for (const json& message : stream.at("messages")) {
    const std::uint64_t seq = message.at("seq");
    CAPTURE(seq);
    seen.insert(seq);
    const auto found = known.find(seq);
    if (found != known.end()) {
      CHECK(message == found->second);  // every field, and no other
    } else {
      CHECK(is_better);
    }
  }
  CHECK(seen.size() == stream.at("state").at("messages").get<std::size_t>());
  if (!is_better) CHECK(seen.size() == known.size());
}

void check_state(const json& stream, const json& info, const Better* better) {
  const json& state = stream.at("state");
  if (better != nullptr) {
    CHECK(figures_text(state) == figures_text(better->figures));
    CHECK(stream.at("lost").size() == better->lost);
    return;
  }
  CHECK(figures_text(state) == figures_text(info.at("state")));
  CHECK(stream.at("lost").empty());
  CHECK(state.at("num_subjects") == info.at("state").value("num_subjects", 0u));
  // nats-server shows a year 1754 where a stream that was never used has no time, if it had to read the blocks; we never do.
  const bool has_time = info.at("state").at("last_ts") != "1754-08-30T22:43:41.128654848Z";
  CHECK(state.at("last_ts") == (has_time ? info.at("state").at("last_ts") : json("0001-01-01T00:00:00Z")));
  if (state.at("messages") > 0u) CHECK(state.at("first_ts") == info.at("state").at("first_ts"));
  if (!info.at("state").contains("deleted")) return;
  std::vector<std::uint64_t> gaps;
  for (const json& gap : stream.at("gaps")) {
    for (std::uint64_t seq = gap.at("first"); seq <= gap.at("last").get<std::uint64_t>(); ++seq) gaps.push_back(seq);
  }
  if (state.at("messages") > 0u) CHECK(gaps == info.at("state").at("deleted").get<std::vector<std::uint64_t>>());
}

void check_stream(const json& manifest, const std::string& name, const json& stream) {
  const std::string stream_name = stream.at("name");
  CAPTURE(stream_name);
  const json& before = manifest.at("before_stop").at(stream_name);
  const json& after = manifest.at("after_restart").at(stream_name);
  // A stream that the server does not bring up is shown all the same, as it was before.
  const bool is_refused = after.contains("error");
  const auto row =
      std::find_if(kBetter.begin(), kBetter.end(), [&](const Better& each) { return each.name == name && each.stream == stream_name; });
  const Better* better = row == kBetter.end() ? nullptr : &*row;
  if (is_refused) {
    CHECK(figures_text(stream.at("state")) == figures_text(before));
    return;
  }
  check_state(stream, after.at("info"), better);
  const json* before_messages = member_list(before, "messages");
  check_messages(stream, better != nullptr && before_messages != nullptr ? *before_messages : after.at("messages"), better != nullptr);
  for (const char* key : {"name", "subjects", "retention", "max_bytes", "max_age", "storage", "discard"}) {
    if (after.at("info").at("config").contains(key)) CHECK(stream.at("config").at(key) == after.at("info").at("config").at(key));
  }
}

std::set<std::string> graver_kinds(const json& document) {
  std::set<std::string> out;
  const auto add = [&](const json& problems) {
    for (const json& problem : problems) {
      if (problem.at("severity") != "note") out.insert(problem.at("kind").get<std::string>());
    }
  };
  add(document.at("problems"));
  for (const json& stream : document.at("streams")) add(stream.at("problems"));
  return out;
}

// The time at which the server that wrote the manifest was started again.
core::WallTime restart_time(const json& manifest) {
  core::WallTime last;
  for (const auto& [stream, after] : manifest.at("after_restart").items()) {
    if (!after.contains("info")) continue;
    // The zero time of a stream that was never used has no place on the clock.
    const auto time = core::parse_rfc3339(after.at("info").at("state").at("last_ts").get<std::string>());
    if (time) last = std::max(last, *time);
  }
  return core::WallTime{last.unix_ns + 2'000'000'000};
}

}  // namespace

TEST_CASE("inspect of a recorded store agrees with its manifest, or is better, and names the damage") {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(root())) names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  REQUIRE(names.size() == 73);
  for (const std::string& name : names) {
    CAPTURE(name);
    const json manifest = json::parse(slurp(root() / name / "manifest.json"));
    const json document = inspected(root() / name / "store", {.at = restart_time(manifest), .with_messages = true, .with_consumers = true});
    REQUIRE(document.at("streams").size() == manifest.at("streams").size());
    for (const json& stream : document.at("streams")) check_stream(manifest, name, stream);
    const auto named = std::find_if(kNamed.begin(), kNamed.end(), [&](const Named& each) { return each.name == name; });
    const std::vector<std::string> kinds = named == kNamed.end() ? std::vector<std::string>{} : named->kinds;
    CHECK(graver_kinds(document) == std::set<std::string>(kinds.begin(), kinds.end()));
    // Every damage that was done is in the table (stale-index-* has none).
    const bool is_damaged = manifest.at("damage").is_string() && !name.starts_with("stale-index");
    CHECK(is_damaged == (named != kNamed.end()));
  }
}

TEST_CASE("inspect shows the consumers that were recorded") {
  std::size_t checked = 0;
  for (const auto& entry : std::filesystem::directory_iterator(root())) {
    const std::string name = entry.path().filename().string();
    CAPTURE(name);
    if (!name.ends_with("-graceful") || name.starts_with("firstseq")) continue;
    const json manifest = json::parse(slurp(entry.path() / "manifest.json"));
    const json document = inspected(entry.path() / "store", {.at = std::nullopt, .with_messages = false, .with_consumers = true});
    for (const json& stream : document.at("streams")) {
      const json& before = manifest.at("before_stop").at(stream.at("name").get<std::string>());
      const json* consumers = member_list(before, "consumers");
      if (consumers == nullptr) continue;
      for (const json& expected : *consumers) {
        const std::string consumer_name = expected.at("name");
        CAPTURE(consumer_name);
        const json& all = stream.at("consumers");
        const auto found = std::find_if(all.begin(), all.end(), [&](const json& each) { return each.at("name") == consumer_name; });
        if (found == all.end()) continue;  // a mirror's or source's own are not stored
        CHECK(found->at("delivered").at("stream_seq") == expected.at("delivered").at("stream_seq"));
        CHECK(found->at("delivered").at("consumer_seq") == expected.at("delivered").at("consumer_seq"));
        CHECK(found->at("ack_floor").at("stream_seq") == expected.at("ack_floor").at("stream_seq"));
        CHECK(found->at("num_ack_pending") == expected.at("num_ack_pending"));
        CHECK(found->at("num_pending") == expected.at("num_pending"));
        CHECK(found->at("pending").size() == expected.at("num_ack_pending").get<std::size_t>());
        ++checked;
      }
    }
  }
  CHECK(checked >= 10);
}
