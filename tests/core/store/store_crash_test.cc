// Crashes at every operation that a workload does to its disk, in every way the disk may be left, and again in the recovery.
// WT_CRASH_SEEDS in the environment: how many workloads.
#include <doctest/doctest.h>

#include <cstdlib>
#include <optional>

#include "core/store/consumer_store.h"
#include "core/store/file_store.h"
#include "core/store/meta_file.h"
#include "tests/core/store/crash_workload.h"
#include "tests/core/store/tree_disk.h"
#include "tests/support/fake_env.h"

using namespace windtunnel::core;
using namespace windtunnel::tests;
using windtunnel::sim::Keep;

namespace {

const std::string kIndex = "js/S/msgs/index.db";
const std::string kConsumer = "js/S/obs/c";

struct World {
  FakeClock clock;
  FakeNetwork network;
  FakeTasks tasks{clock};
  FakeLog log;
  Defects defects;
  Env env;
  World(Disk& disk, const Defects& on) : defects(on), env{clock, disk, network, tasks, log, Random{Seed{1}}, defects} {}
  void set_time(WallTime now) { clock.time = Instant{now - clock.epoch}; }
};

// How a run ends: the process is killed, of a last write so many bytes landing, or the power fails.
struct Ending {
  const char* what;
  std::optional<Keep> keep;  // none: killed
  std::uint64_t seed = 0;
  std::size_t landed = 0;
};
const std::vector<Ending> kEndings = {{"kill", {}, 0, 0},
                                      {"kill, part of a write", {}, 0, 17},
                                      {"kill, all of a write", {}, 0, 100000},
                                      {"none", Keep::none},
                                      {"all", Keep::all},
                                      {"any 1", Keep::any, 1, 9},
                                      {"any 2", Keep::any, 2, 40},
                                      {"any 3", Keep::any, 3},
                                      {"any 4", Keep::any, 4},
                                      {"ordered 1", Keep::ordered, 1},
                                      {"ordered 2", Keep::ordered, 2, 20}};

struct Crash {
  DiskImage image;
  std::size_t done = 0;                 // operations that had returned
  std::size_t synced = 0;               // of them, up to the last sync
  bool is_over = false;                 // it was not hit
  std::string old_index;                // as it was some time ago
  std::vector<ConsumerState> consumer;  // what it was told to write
  std::size_t consumer_done = 0;        // of these, those whose write had returned
};

class Player {
 public:
  Player(const Workload& workload, TreeDisk& disk, const Defects& defects) : workload_(workload), disk_(disk), world_(disk, defects) {}

  Crash play() {
    try {
      world_.set_time(Workload::time_of(0));
      open();
      for (; out_.done < workload_.operations.size(); ++out_.done) {
        const Operation& operation = workload_.operations[out_.done];
        world_.set_time(Workload::time_of(out_.done));
        if (operation.kind == Operation::Kind::truncate) {
          out_.old_index.clear();  // it remembers a higher last sequence
        } else if (out_.done % 5 == 2) {
          out_.old_index = disk_.read_file(kIndex).value_or("");
        }
        act(operation);
        if (operation.kind == Operation::Kind::sync) out_.synced = out_.done + 1;
      }
      out_.is_over = true;
    } catch (const TaskKilled&) {
    }
    store_.reset();
    consumer_.reset();
    world_.tasks.spawned.clear();
    return std::move(out_);
  }

 private:
  void open() {
    auto store = open_file_store(world_.env, workload_.settings, workload_.options);
    REQUIRE(store.has_value());
    store_ = *std::move(store);
    auto consumer = open_consumer_store(world_.env, workload_.settings, kConsumer, [this] { return out_.consumer.back(); });
    REQUIRE(consumer.has_value());
    consumer_ = *std::move(consumer);
    // As a stream does for a new consumer: the way to it is durable.
    if (out_.done == 0) {
      const Status written = write_meta(world_.env, kConsumer, "S/c", "{}");
      REQUIRE(written.has_value());
    }
  }
  void act(const Operation& operation) {
    bool is_good = true;
    switch (operation.kind) {
      case Operation::Kind::append: {
        const StoredMessage& m = operation.message;
        const auto stored = store_->append({m.subject, "", m.payload}, m.time);
        is_good = stored.has_value() && *stored == operation.seq;
        break;
      }
      case Operation::Kind::remove: is_good = store_->remove(operation.seq, false).has_value(); break;
      case Operation::Kind::erase: is_good = store_->remove(operation.seq, true).has_value(); break;
      case Operation::Kind::purge: is_good = store_->purge(operation.purge).has_value(); break;
      case Operation::Kind::compact: is_good = store_->compact(operation.seq).has_value(); break;
      case Operation::Kind::truncate: is_good = store_->truncate(operation.seq).has_value(); break;
      case Operation::Kind::skip: is_good = store_->skip_through(operation.seq, world_.clock.wall_now()).has_value(); break;
      case Operation::Kind::ack: {
        ConsumerState state = out_.consumer.empty() ? ConsumerState{} : out_.consumer.back();
        ++state.delivered.consumer;
        state.delivered.stream = std::max(state.delivered.stream, operation.seq);
        out_.consumer.push_back(state);
        is_good = store_->remove(operation.seq, false).has_value() && consumer_->write().has_value();
        out_.consumer_done = out_.consumer.size();
        break;
      }
      case Operation::Kind::sync: is_good = store_->sync().has_value(); break;
      case Operation::Kind::restart:
        is_good = store_->stop().has_value();
        store_.reset();
        consumer_.reset();
        world_.tasks.spawned.clear();
        open();
        break;
    }
    REQUIRE_MESSAGE(is_good, operation.text());
  }

  const Workload& workload_;
  TreeDisk& disk_;
  World world_;
  std::unique_ptr<StreamStore> store_;
  std::unique_ptr<ConsumerStore> consumer_;
  Crash out_;
};

struct Counts {
  std::uint64_t images = 0;
  std::uint64_t distinct = 0;
  std::uint64_t recoveries = 0;
};

// What must hold of a crash image; says what does not.
class Judge {
 public:
  Judge(const Workload& workload, const Defects& defects) : workload_(workload), defects_(defects) {}
  Counts counts;

  std::string crash_everywhere() {
    for (const Ending& ending : kEndings) {
      for (std::int64_t at = 0;; ++at) {
        TreeDisk disk;
        disk.operations_left = at;
        disk.killed_write_keeps = ending.landed;
        Crash crash = Player{workload_, disk, defects_}.play();
        if (crash.is_over) break;
        crash.image =
            ending.keep ? disk.after_power_loss(*ending.keep, ending.seed * 1000 + static_cast<std::uint64_t>(at)) : disk.after_kill();
        ++counts.images;
        const std::string where = std::string(ending.what) + " at disk operation " + std::to_string(at) + ", in operation " +
                                  std::to_string(crash.done) + ": " + workload_.operations[crash.done].text();
        const bool is_exact = !ending.keep || workload_.settings.sync_always;
        if (!seen_.insert({crash.done, crash.image}).second) continue;
        ++counts.distinct;
        if (const std::string wrong = judge(crash, is_exact, true); !wrong.empty()) return where + ": " + wrong;
        if (const std::string wrong = crash_again(crash, is_exact); !wrong.empty()) return where + ", " + wrong;
      }
    }
    return {};
  }

 private:
  // The recovery is cut short as well.
  std::string crash_again(const Crash& first, bool is_exact) {
    for (const Ending& ending : kEndings) {
      if (ending.seed > 2 || ending.keep == Keep::all || ending.landed == 100000) continue;
      for (std::int64_t at = 0;; ++at) {
        TreeDisk disk{first.image};
        disk.operations_left = at;
        disk.killed_write_keeps = ending.landed;
        bool is_over = false;
        {
          World world{disk, defects_};
          world.set_time(Workload::time_of(first.done));
          try {
            is_over = open_file_store(world.env, workload_.settings, workload_.options).has_value();
          } catch (const TaskKilled&) {
          }
        }
        if (is_over) break;
        Crash second = first;
        second.image =
            ending.keep ? disk.after_power_loss(*ending.keep, ending.seed * 1000 + static_cast<std::uint64_t>(at)) : disk.after_kill();
        if (!seen_.insert({first.done, second.image}).second) continue;
        if (const std::string wrong = judge(second, is_exact, false); !wrong.empty())
          return std::string("then ") + ending.what + " at operation " + std::to_string(at) + " of the recovery: " + wrong;
      }
    }
    return {};
  }

  struct Found {
    StreamState state;
    std::map<Seq, StoredMessage> messages;
    friend bool operator==(const Found& a, const Found& b) {
      return a.state.last_seq == b.state.last_seq && a.state.first_seq == b.state.first_seq && a.state.messages == b.state.messages &&
             a.state.bytes == b.state.bytes && a.messages.size() == b.messages.size() &&
             std::equal(a.messages.begin(), a.messages.end(), b.messages.begin(),
                        [](const auto& x, const auto& y) { return x.first == y.first && x.second.payload == y.second.payload; });
    }
  };

  // Opens it, looks at everything, stores one more and opens it again.
  std::string look(const Crash& crash, Found& found, bool goes_on) {
    ++counts.recoveries;
    TreeDisk disk{crash.image};
    World world{disk, defects_};
    world.set_time(Workload::time_of(crash.done));
    auto opened = open_file_store(world.env, workload_.settings, workload_.options);
    if (!opened) return "it cannot be opened: " + opened.error().text();
    std::unique_ptr<StreamStore> store = *std::move(opened);
    found.state = store->state();
    std::map<std::string, std::uint64_t> subjects;
    for (Seq from{1};;) {
      const auto message = store->load_next({}, from);
      if (!message) return "a message cannot be loaded: " + message.error().text();
      if (!*message) break;
      from = (*message)->seq.next();
      ++subjects[(*message)->subject];
      found.messages[(*message)->seq] = **message;
    }
    const StreamState& state = found.state;
    StoreModel sizes{false};
    sizes.messages = found.messages;
    if (state.messages != found.messages.size())
      return "the state counts " + std::to_string(state.messages) + " messages, not " + std::to_string(found.messages.size());
    if (state.bytes.value != sizes.bytes()) return "the state counts other bytes";
    if (store->subject_counts("") != subjects) return "the subjects' counts are wrong";
    const Seq first = found.messages.empty() ? (state.last_seq.value == 0 ? Seq{0} : state.last_seq.next()) : found.messages.begin()->first;
    if (state.first_seq != first) return "the first sequence is " + std::to_string(state.first_seq.value);
    if (!goes_on) return {};
    const auto next = store->append({"z", "", "next"}, world.clock.wall_now());
    if (!next || *next != state.last_seq.next()) return "the next message gets another sequence";
    store.reset();
    world.tasks.spawned.clear();
    TreeDisk again{disk.after_kill()};
    World later{again, defects_};
    later.set_time(Workload::time_of(crash.done));
    auto reopened = open_file_store(later.env, workload_.settings, workload_.options);
    if (!reopened || (*reopened)->state().last_seq != *next || !(*reopened)->load(*next)) return "the next message does not survive a kill";
    return {};
  }

  std::string judge(const Crash& crash, bool is_exact, bool goes_on) {
    Found found;
    if (std::string wrong = look(crash, found, goes_on); !wrong.empty()) return wrong;
    const auto& states = workload_.states;
    const std::size_t from = is_exact ? crash.done : crash.synced;
    const WallTime now = Workload::time_of(crash.done);
    Seq lowest = states[from].last;
    Seq highest = lowest;
    // One that is in every state since it was durable must be there; one that is in none of them must not.
    StoreModel must = states[from];
    must.expire(now);
    std::map<Seq, std::vector<std::string>> may;
    for (std::size_t i = from; i <= crash.done + 1; ++i) {
      lowest = std::min(lowest, states[i].last);
      highest = std::max(highest, states[i].last);
      std::erase_if(must.messages, [&](const auto& item) {
        const auto it = states[i].messages.find(item.first);
        return it == states[i].messages.end() || it->second.payload != item.second.payload;
      });
      for (const auto& [seq, message] : states[i].messages) may[seq].push_back(message.payload);
    }
    const Seq last = found.state.last_seq;
    if (last < lowest || last > highest)
      return "the last sequence is " + std::to_string(last.value) + ", not " + std::to_string(lowest.value) + ".." +
             std::to_string(highest.value);
    for (const auto& [seq, message] : must.messages) {
      const auto it = found.messages.find(seq);
      if (it == found.messages.end() || it->second.payload != message.payload) return "message " + std::to_string(seq.value) + " is lost";
    }
    for (const auto& [seq, message] : found.messages) {
      const auto it = may.find(seq);
      if (it == may.end() || std::find(it->second.begin(), it->second.end(), message.payload) == it->second.end())
        return "message " + std::to_string(seq.value) + " has returned";
    }
    if (std::string wrong = judge_consumer(crash, is_exact); !wrong.empty()) return wrong;
    if (!is_exact) return {};
    if (!found.state.lost.empty()) return "message " + std::to_string(found.state.lost.front().value) + " is reported as lost";
    // The index is a cache.
    Crash other = crash;
    Found without;
    other.image.files.erase(kIndex);
    if (std::string wrong = look(other, without, false); !wrong.empty()) return "without an index: " + wrong;
    if (!(without == found))
      return "without an index it is another stream, with last " + std::to_string(without.state.last_seq.value) + " and " +
             std::to_string(without.state.messages) + " messages";
    if (crash.old_index.empty() || workload_.operations[crash.done].kind == Operation::Kind::truncate) return {};
    Found with_old;
    other.image.files[kIndex] = crash.old_index;
    if (std::string wrong = look(other, with_old, false); !wrong.empty()) return "with an older index: " + wrong;
    return with_old == found ? std::string()
                             : "with an older index it is another stream, with last " + std::to_string(with_old.state.last_seq.value) +
                                   " and " + std::to_string(with_old.state.messages) + " messages";
  }

  std::string judge_consumer(const Crash& crash, bool is_exact) const {
    const auto file = crash.image.files.find(kConsumer + "/o.dat");
    if (file == crash.image.files.end()) return is_exact && crash.consumer_done > 0 ? "the consumer's state is gone" : "";
    const auto state = decode_consumer_state(file->second);
    if (!state) return "the consumer's state does not decode: " + state.error().text();
    const std::size_t version = static_cast<std::size_t>(state->delivered.consumer);
    if (version > crash.consumer.size() || (is_exact && version < crash.consumer_done))
      return "the consumer's state is that of delivery " + std::to_string(version);
    return {};
  }

  const Workload& workload_;
  const Defects& defects_;
  std::set<std::pair<std::size_t, DiskImage>> seen_;
};

}  // namespace

TEST_CASE("the file store survives every crash of its workloads, and every crash of the recovery") {
  const char* wanted = std::getenv("WT_CRASH_SEEDS");
  const std::uint64_t count = wanted == nullptr ? 10 : std::strtoull(wanted, nullptr, 10);
  Counts sum;
  for (std::uint64_t seed = 1; seed <= count; ++seed) {
    CAPTURE(seed);
    const Workload workload{seed, 25};
    const Defects none;
    Judge judge{workload, none};
    const std::string wrong = judge.crash_everywhere();
    REQUIRE(wrong == "");
    sum.images += judge.counts.images;
    sum.distinct += judge.counts.distinct;
    sum.recoveries += judge.counts.recoveries;
  }
  CHECK(sum.distinct > 100 * count);
  MESSAGE(sum.images, " images, ", sum.distinct, " distinct, ", sum.recoveries, " recoveries");
}

TEST_CASE("the crash test finds the defects that need a crash") {
  for (const Defect defect :
       {Defect::nats_6600, Defect::nats_7676, Defect::nats_6685, Defect::nats_7387, Defect::nats_7388, Defect::no_dir_sync}) {
    CAPTURE(name_of(defect));
    Defects defects;
    defects.set(defect);
    std::string wrong;
    for (std::uint64_t seed = 1; seed <= 40 && wrong.empty(); ++seed) {
      const Workload workload{seed, 25};
      wrong = Judge{workload, defects}.crash_everywhere();
    }
    CHECK_MESSAGE(wrong != "", "no crash shows it");
    MESSAGE(name_of(defect), ": ", wrong);
  }
}
