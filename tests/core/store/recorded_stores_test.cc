// Every store directory recorded from a real server comes up as that server brought it up, or better where it lost,
// reset or hid something. Each difference is listed here with its reason.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "core/base/hash.h"
#include "core/base/json_writer.h"
#include "core/store/consumer_store.h"
#include "core/store/file_store.h"
#include "core/store/meta_file.h"
#include "tests/support/fake_env.h"
#include "tests/support/hex.h"

using namespace windtunnel::core;
using namespace windtunnel::tests;
using nlohmann::json;

namespace {

struct Figures {
  std::uint64_t messages = 0;
  std::uint64_t bytes = 0;
  std::uint64_t first_seq = 0;
  std::uint64_t last_seq = 0;
  std::uint64_t num_deleted = 0;
};

std::string text(const Figures& f) {
  return std::to_string(f.messages) + " messages, " + std::to_string(f.bytes) + " bytes, " + std::to_string(f.first_seq) + ".." +
         std::to_string(f.last_seq) + ", " + std::to_string(f.num_deleted) + " deleted";
}

// Where ours is better than 2.10.27. `lost` is how many sequences are reported as lost.
struct Better {
  const char* name;  // of the case
  const char* stream;
  Figures figures;
  std::size_t lost;
  const char* reason;
};

const std::vector<Better> kBetter = {
#include "tests/core/store/recorded_stores_better.inc"
};

std::filesystem::path root() { return std::filesystem::path(WT_FIXTURES) / "stores"; }

std::string slurp(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

std::int64_t parse_time(const std::string& text) {
  if (text == kZeroTimeText) return 0;
  std::tm tm{};
  std::istringstream in(text);
  in >> std::get_time(&tm, "%Y-%m-%dT%H:%M:%S");
  std::int64_t ns = 0;
  if (const std::size_t dot = text.find('.'); dot != std::string::npos) {
    std::string digits = text.substr(dot + 1, text.find('Z') - dot - 1);
    digits.resize(9, '0');
    ns = std::stoll(digits);
  }
  return static_cast<std::int64_t>(timegm(&tm)) * 1000000000 + ns;
}

Figures figures_of(const json& state) {
  return {state.at("messages"), state.at("bytes"), state.at("first_seq"), state.at("last_seq"),
          state.value("num_deleted", std::uint64_t{0})};
}

Figures figures_of(const StreamState& state) {
  return {state.messages, state.bytes.value, state.first_seq.value, state.last_seq.value, state.num_deleted};
}

StreamStoreOptions options_of(const std::string& name, const json& config) {
  StreamStoreOptions options;
  options.name = name;
  options.directory = "jetstream/$G/streams/" + name;
  options.limits.max_msgs = config.at("max_msgs");
  options.limits.max_bytes = config.at("max_bytes");
  options.limits.max_age = Duration{config.at("max_age").get<std::int64_t>()};
  options.limits.max_msgs_per_subject = config.at("max_msgs_per_subject");
  options.limits.discard = config.at("discard") == "new" ? Discard::new_messages : Discard::old_messages;
  options.limits.discard_new_per_subject = config.value("discard_new_per_subject", false);
  options.first_seq = Seq{config.value("first_seq", std::uint64_t{0})};
  options.block_size = Bytes{options.limits.max_bytes > 0 ? 32000u : 8388608u};
  return options;
}

// A store directory of the fixtures on a disk in memory.
void load_directory(MemoryDisk& disk, const std::filesystem::path& store) {
  for (const auto& entry : std::filesystem::recursive_directory_iterator(store)) {
    if (entry.is_regular_file()) disk.put(entry.path().lexically_relative(store).generic_string(), slurp(entry.path()));
  }
}

void check_message(const StoredMessage& message, const json& expected) {
  CHECK(message.subject == expected.at("subject"));
  CHECK(message.payload.size() == expected.at("size"));
  const Sha256 digest = sha256(message.payload);
  CHECK(to_hex({reinterpret_cast<const char*>(digest.data()), digest.size()}) == expected.at("sha256"));
  CHECK(message.time.unix_ns == parse_time(expected.at("time")));
  CHECK(base64(message.headers) == expected.value("hdrs_b64", ""));
}

struct Opened {
  FakeWorld world;
  std::unique_ptr<Env> env;
  std::unique_ptr<StreamStore> store;
};

// Everything that both sides have must be the same; what the server could not read must not be readable.
void check_contents(StreamStore& store, const json& messages, const Figures& figures, bool is_better) {
  std::map<std::uint64_t, const json*> expected;
  for (const json& message : messages) expected[message.at("seq").get<std::uint64_t>()] = &message;
  std::uint64_t readable = 0;
  for (std::uint64_t seq = figures.first_seq; seq <= figures.last_seq; ++seq) {
    CAPTURE(seq);
    const auto message = store.load(Seq{seq});
    const auto known = expected.find(seq);
    readable += message ? 1 : 0;
    if (message && known != expected.end()) check_message(*message, *known->second);
    if (!is_better) CHECK(message.has_value() == (known != expected.end()));
  }
  CHECK(readable == figures.messages);
}

void check_stream(const std::string& name, const std::string& stream, const json& manifest) {
  const json& after = manifest.at("after_restart").at(stream);
  const bool is_refused = after.contains("error");
  Opened at;
  load_directory(*at.world.disk, root() / name / "store");
  at.env = std::make_unique<Env>(at.world.env());
  const auto meta = read_meta(*at.env, "jetstream/$G/streams/" + stream, stream);
  CHECK(meta.has_value() == !is_refused);
  if (is_refused) return;

  const json& info = after.at("info");
  at.world.clock.epoch = WallTime{parse_time(info.at("state").at("last_ts")) + 2000000000};
  const auto better =
      std::find_if(kBetter.begin(), kBetter.end(), [&](const Better& row) { return row.name == name && row.stream == stream; });
  const bool is_better = better != kBetter.end();
  const Figures expected = is_better ? better->figures : figures_of(info.at("state"));
  const json config = json::parse(*meta);
  // Once as it is, once more after a kill right behind the recovery, and once after a clean stop: the same each time.
  for (const char* round : {"recovery", "recovery after a kill", "recovery after a stop"}) {
    CAPTURE(round);
    auto opened = open_file_store(*at.env, {}, options_of(stream, config));
    REQUIRE_MESSAGE(opened.has_value(), (opened ? "" : opened.error().text()));
    at.store = *std::move(opened);
    const StreamState state = at.store->state();
    CHECK(text(figures_of(state)) == text(expected));
    if (std::string_view(round) == "recovery") CHECK(state.lost.size() == (is_better ? better->lost : 0));
    const json& messages = is_better && manifest.at("before_stop").at(stream).contains("messages") &&
                                   manifest.at("before_stop").at(stream).at("messages").is_array()
                               ? manifest.at("before_stop").at(stream).at("messages")
                               : after.at("messages");
    check_contents(*at.store, messages, expected, is_better);
    if (!is_better && info.at("state").contains("subjects")) {
      CHECK(at.store->subject_counts("") == info.at("state").at("subjects").get<std::map<std::string, std::uint64_t>>());
    }
    if (!is_better && info.at("state").contains("deleted") && state.messages > 0) {
      std::vector<std::uint64_t> deleted;
      for (const Seq seq : at.store->deleted()) deleted.push_back(seq.value);
      CHECK(deleted == info.at("state").at("deleted").get<std::vector<std::uint64_t>>());
    }
    if (std::string_view(round) == "recovery after a kill") REQUIRE(at.store->stop());
    at.store.reset();
    at.world.tasks.spawned.clear();
  }
}

}  // namespace

TEST_CASE("recorded stores come up as the server that wrote them brought them up, or better") {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(root())) names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  REQUIRE(names.size() == 73);
  for (const std::string& name : names) {
    CAPTURE(name);
    const json manifest = json::parse(slurp(root() / name / "manifest.json"));
    for (const json& stream : manifest.at("streams")) {
      CAPTURE(stream.get<std::string>());
      check_stream(name, stream, manifest);
    }
  }
}

TEST_CASE("recorded consumers come up with the sequences that the server showed") {
  std::size_t checked = 0;
  for (const auto& entry : std::filesystem::directory_iterator(root())) {
    const std::string name = entry.path().filename().string();
    CAPTURE(name);
    const json manifest = json::parse(slurp(entry.path() / "manifest.json"));
    // What the server made of damage is not what the files say.
    if (!manifest.at("damage").is_null() || name.starts_with("firstseq")) continue;
    FakeWorld world;
    load_directory(*world.disk, entry.path() / "store");
    Env env = world.env();
    for (const auto& [stream, after] : manifest.at("after_restart").items()) {
      if (!after.contains("consumers")) continue;
      for (const json& consumer : after.at("consumers")) {
        const std::string consumer_name = consumer.at("name");
        CAPTURE(consumer_name);
        const std::string directory = "jetstream/$G/streams/" + stream + "/obs/" + consumer_name;
        if (!world.disk->has(directory + "/o.dat")) continue;
        REQUIRE(read_meta(env, directory, stream + "/" + consumer_name));
        const auto state = decode_consumer_state(world.disk->file(directory + "/o.dat"));
        REQUIRE(state);
        // At its start the server moves a floor that lies below the stream's first sequence, and so on: only what it
        // does not touch is compared.
        CHECK(state->delivered.stream.value <= consumer.at("delivered").at("stream_seq").get<std::uint64_t>());
        CHECK(state->pending.size() >= consumer.at("num_ack_pending").get<std::size_t>());
        if (state->delivered.stream.value == consumer.at("delivered").at("stream_seq").get<std::uint64_t>()) {
          CHECK(state->delivered.consumer == consumer.at("delivered").at("consumer_seq").get<std::uint64_t>());
        }
        ++checked;
      }
    }
  }
  CHECK(checked == 26);
}

TEST_CASE("a cut consumer state of a real server is corrupt") {
  FakeWorld world;
  load_directory(*world.disk, root() / "workqueue-consumer-state-truncated" / "store");
  Env env = world.env();
  const auto opened = open_consumer_store(env, {}, "jetstream/$G/streams/BIGJOBS/obs/w", [] { return ConsumerState{}; });
  REQUIRE_FALSE(opened);
  CHECK(opened.error().code == Errc::corrupt);
}
