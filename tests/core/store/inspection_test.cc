#include "core/store/inspection.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "core/store/meta_file.h"
#include "core/store/record.h"
#include "tests/core/store/store_fixture.h"

using namespace windtunnel::core;
using namespace windtunnel::tests;

namespace {

// A stopped store, to be damaged and looked at.
struct Stored : StoreFixture {
  explicit Stored(int messages = 20, Bytes block_size = Bytes{400}) {
    settings.block_size = block_size;
    open();
    for (int i = 0; i < messages; ++i) put("orders." + std::to_string(i % 3), "payload " + std::to_string(i));
  }
  void stop() {
    REQUIRE(store->stop());
    store.reset();
    world.tasks.spawned.clear();
  }
  std::unique_ptr<StreamInspection> look(std::optional<WallTime> at = std::nullopt) {
    const MemoryDisk::Files before = world.disk->files();
    auto opened = StreamInspection::open(*world.disk, options, at);
    REQUIRE_MESSAGE(opened.has_value(), (opened ? "" : opened.error().text()));
    CHECK(world.disk->files() == before);
    return *std::move(opened);
  }
  std::string& block(std::uint32_t index) { return world.disk->file(msgs(std::to_string(index) + ".blk")); }
};

std::vector<std::string> kinds(const std::vector<Problem>& problems) {
  std::vector<std::string> out;
  for (const Problem& problem : problems) out.push_back(problem.kind);
  std::sort(out.begin(), out.end());
  return out;
}

const Problem& only(const std::vector<Problem>& problems, std::string_view kind) {
  const auto found = std::find_if(problems.begin(), problems.end(), [&](const Problem& problem) { return problem.kind == kind; });
  REQUIRE(found != problems.end());
  return *found;
}

std::uint64_t live_of(const StreamReport& report) {
  std::uint64_t live = 0;
  for (const BlockReport& block : report.blocks) live += block.live;
  return live;
}

}  // namespace

TEST_CASE("a healthy store has no problem, and every message is in some block") {
  Stored at;
  REQUIRE(at.store->remove(Seq{5}, false).value());
  REQUIRE(at.store->remove(Seq{6}, false).value());
  REQUIRE(at.store->remove(Seq{12}, false).value());
  const StreamState state = at.store->state();
  at.stop();
  const auto inspection = at.look();
  const StreamReport& report = inspection->report();
  CHECK(report.problems.empty());
  REQUIRE(report.state);
  CHECK(report.state->messages == state.messages);
  CHECK(report.state->last_seq == state.last_seq);
  CHECK(report.index.state == IndexReport::State::current);
  CHECK(report.blocks.size() > 2);
  CHECK(live_of(report) == 17);
  CHECK(report.gaps == std::vector<SeqRange>{{Seq{5}, Seq{6}}, {Seq{12}, Seq{12}}});
  std::vector<std::uint64_t> seqs;
  REQUIRE(inspection->for_each_message([&](const StoredMessage& message) { seqs.push_back(message.seq.value); },
                                       [](const Problem& problem) { FAIL(problem.what); }));
  CHECK(seqs.size() == 17);
  CHECK(std::is_sorted(seqs.begin(), seqs.end()));
}

TEST_CASE("a damaged record is named by its file, offset and size, and is all that is lost") {
  Stored at;
  at.stop();
  const std::uint64_t size = record_size({"orders.1", "", "payload 1"});
  at.block(1)[size + 25] ^= 1;  // in the second record
  const auto inspection = at.look();
  const StreamReport& report = inspection->report();
  const Problem& problem = only(report.problems, "damaged-records");
  CHECK(problem.severity == Severity::damage);
  CHECK(problem.file == at.msgs("1.blk"));
  CHECK(problem.offset == size);
  CHECK(problem.size == size);
  CHECK(report.lost == std::vector<SeqRange>{{Seq{2}, Seq{2}}});
  CHECK(report.state->messages == 19);
  CHECK(report.blocks[0].damaged_bytes == size);
  CHECK(kinds(report.problems) == std::vector<std::string>{"damaged-records", "lost-messages"});
}

TEST_CASE("a torn end of the last block is no damage in the middle") {
  Stored at;
  const auto blocks = at.blocks();
  at.stop();
  const auto last = static_cast<std::uint32_t>(blocks.size());
  at.block(last).append("rubbish");
  const auto inspection = at.look();
  const Problem& tail = only(inspection->report().problems, "torn-tail");
  CHECK(tail.severity == Severity::warning);
  CHECK(tail.size == 7);
  CHECK(tail.offset == at.block(last).size() - 7);
  CHECK(inspection->report().index.state == IndexReport::State::stale);
  CHECK(inspection->report().state->messages == 20);
  at.block(1).append("rubbish");
  CHECK(only(at.look()->report().problems, "damaged-records").file == at.msgs("1.blk"));
}

TEST_CASE("a missing block is named with what it held, if the index tells") {
  Stored at;
  at.stop();
  at.world.disk->files().erase(at.msgs("2.blk"));
  const auto inspection = at.look();
  const StreamReport& report = inspection->report();
  const Problem& problem = only(report.problems, "missing-block");
  CHECK(problem.file == at.msgs("2.blk"));
  CHECK(problem.severity == Severity::damage);
  CHECK(report.lost.size() == 1);
  CHECK(report.index.why == "2.blk, which it lists, is not there");
  // Without the index there is only the hole in the numbers.
  at.world.disk->files().erase(at.msgs("index.db"));
  CHECK(kinds(at.look()->report().problems) == std::vector<std::string>{"block-numbers"});
}

TEST_CASE("an index of another time is stale, and says why; a damaged one is unreadable") {
  Stored at;
  at.stop();
  const std::string old_index = at.world.disk->file(at.msgs("index.db"));
  at.open();
  at.put("orders.1", "later");
  at.stop();
  CHECK(at.look()->report().index.state == IndexReport::State::current);
  std::string& index = at.world.disk->file(at.msgs("index.db"));
  index = old_index;
  const auto stale = at.look();
  CHECK(stale->report().index.state == IndexReport::State::stale);
  CHECK(kinds(stale->report().problems) == std::vector<std::string>{"stale-index"});
  CHECK(only(stale->report().problems, "stale-index").severity == Severity::note);
  index[index.size() / 2] ^= 4;
  const auto unreadable = at.look();
  CHECK(unreadable->report().index.state == IndexReport::State::unreadable);
  CHECK(unreadable->report().index.why == "Stream state checksum did not match");
  CHECK(only(unreadable->report().problems, "unreadable-index").severity == Severity::warning);
}

TEST_CASE("blocks of zeros, of another number and of another stream are told apart") {
  Stored at;
  at.stop();
  const std::string second = at.block(2);
  at.block(2).assign(second.size(), '\0');
  CHECK(only(at.look()->report().problems, "damaged-block").what.find("zeros") != std::string::npos);
  at.block(2) = at.block(1);
  CHECK(only(at.look()->report().problems, "damaged-block").what == "not one valid record");
  at.block(2) = second;
  CHECK(at.look()->report().problems.empty());
  at.options.name = "OTHER";
  CHECK(kinds(at.look()->report().problems).front() == "damaged-block");
}

TEST_CASE("what a crash left behind is named and left alone") {
  Stored at;
  at.stop();
  at.world.disk->put(at.msgs("2.new"), "x");
  at.world.disk->put(at.msgs("index.db.tmp"), "x");
  at.world.disk->put(at.options.directory + "/__msgs__/1.blk", "x");
  at.world.disk->put(at.options.directory + "/meta.inf.tmp", "x");
  const auto inspection = at.look();
  CHECK(kinds(inspection->report().problems) == std::vector<std::string>{"leftover", "leftover", "leftover", "unfinished-purge"});
  CHECK(inspection->report().state->messages == 20);
}

TEST_CASE("an encrypted store is refused by name") {
  Stored at;
  at.stop();
  at.world.disk->put(at.options.directory + "/meta.key", "x");
  const auto opened = StreamInspection::open(*at.world.disk, at.options, std::nullopt);
  REQUIRE_FALSE(opened);
  CHECK(opened.error().code == Errc::unsupported);
  CHECK(opened.error().detail.find("encrypted") != std::string::npos);
}

TEST_CASE("the limit by age is applied as of a time, and not without one") {
  Stored at{0};
  at.put("s", "old");
  at.world.clock.time += std::chrono::hours{1};
  at.put("s", "young");
  const WallTime now = at.now();
  at.stop();
  at.options.limits.max_age = std::chrono::minutes{30};
  CHECK(at.look()->report().state->messages == 2);
  CHECK(at.look(now)->report().state->messages == 1);
  CHECK(at.look(now + std::chrono::hours{1})->report().state->messages == 0);
}

TEST_CASE("a file that cannot be read is a problem, not an error") {
  Stored at;
  at.stop();
  at.world.disk->fails = [&](std::string_view operation, std::string_view path) -> std::optional<Errc> {
    return operation == "open" && path.ends_with("/1.blk") ? std::optional{Errc::read_only} : std::nullopt;
  };
  const auto inspection = at.look();
  CHECK(only(inspection->report().problems, "unreadable-file").file == at.msgs("1.blk"));
  CHECK(only(inspection->report().problems, "not-recovered").severity == Severity::damage);
  CHECK_FALSE(inspection->report().state.has_value());
}

TEST_CASE("a wide gap costs neither time nor memory") {
  Stored at{1, Bytes{0}};
  REQUIRE(at.store->skip_through(Seq{std::uint64_t{1} << 40}, at.now()));
  at.put("s", "far");
  at.stop();
  const auto inspection = at.look();
  CHECK(inspection->report().gaps == std::vector<SeqRange>{{Seq{2}, Seq{std::uint64_t{1} << 40}}});
  CHECK(inspection->report().state->messages == 2);
  std::uint64_t seen = 0;
  REQUIRE(inspection->for_each_message([&](const StoredMessage&) { ++seen; }, [](const Problem&) {}));
  CHECK(seen == 2);
}

namespace {

std::string put_consumer(Stored& at, const ConsumerState& state) {
  const std::string directory = at.options.directory + "/obs/w";
  Env env = at.world.env();
  REQUIRE(env.disk.make_directories(directory));
  REQUIRE(write_meta(env, directory, "ORDERS/w", "{\"name\":\"w\"}"));
  at.world.disk->put(directory + "/o.dat", encode_consumer_state(state, at.now()));
  return directory;
}

std::vector<Problem> consumer_problems(Stored& at) {
  const auto state = at.look()->report().state;
  const auto consumers = inspect_consumers(*at.world.disk, at.options.directory, "ORDERS", state);
  REQUIRE(consumers);
  REQUIRE(consumers->size() == 1);
  return consumers->front().problems;
}

}  // namespace

TEST_CASE("what is wrong with a consumer is told apart") {
  Stored at;
  at.stop();
  ConsumerState state;
  state.delivered = {9, Seq{9}};
  state.ack_floor = {4, Seq{4}};
  state.pending[Seq{7}] = {7, at.now()};
  const std::string directory = put_consumer(at, state);
  CHECK(consumer_problems(at).empty());

  ConsumerState ahead = state;
  ahead.delivered.stream = Seq{21};
  put_consumer(at, ahead);
  CHECK(kinds(consumer_problems(at)) == std::vector<std::string>{"consumer-ahead"});

  ConsumerState odd = state;
  odd.ack_floor.stream = Seq{12};
  odd.pending.clear();
  put_consumer(at, odd);
  CHECK(kinds(consumer_problems(at)) == std::vector<std::string>{"inconsistent-consumer-state"});

  std::string& content = at.world.disk->file(directory + "/o.dat");
  content.clear();
  CHECK(kinds(consumer_problems(at)) == std::vector<std::string>{"unreadable-consumer-state"});
  at.world.disk->files().erase(directory + "/o.dat");
  CHECK(kinds(consumer_problems(at)) == std::vector<std::string>{"missing-consumer-state"});

  put_consumer(at, state);
  at.world.disk->file(directory + "/meta.sum")[3] ^= 1;
  CHECK(kinds(consumer_problems(at)) == std::vector<std::string>{"meta-sum-mismatch"});
  at.world.disk->files().erase(directory + "/meta.inf");
  CHECK(kinds(consumer_problems(at)) == std::vector<std::string>{"missing-metadata"});
}
