// Random operations, clean restarts and kills, on stores and on a model of them. Thousands of sequences, each by its
// seed: `core_store_test -tc="random*"` with WT_STORE_SEED in the environment runs one, or those from one to another.
#include <doctest/doctest.h>

#include <cstdlib>

#include "core/base/random.h"
#include "core/store/memory_store.h"
#include "tests/core/store/store_fixture.h"
#include "tests/core/store/store_model.h"

using namespace windtunnel::core;
using namespace windtunnel::tests;

namespace {

const std::vector<std::string> kSubjects = {"a", "b", "c.x", "c.y", "c.z.1", "d"};
const std::vector<std::string> kFilters = {"", ">", "a", "b", "c.*", "c.>", "*", "none", "*.y"};

// One run: a store, its model, and the draws.
class Run {
 public:
  Run(std::uint64_t seed, bool is_memory) : random_(Seed{seed}), model_(is_memory), is_memory_(is_memory) {
    at_.options.block_size = Bytes{random_.between(200, 1500)};
    at_.settings.compact_min = Bytes{random_.between(100, 800)};
    at_.settings.sync_always = random_.chance({1, 4});
    if (random_.chance({1, 3})) at_.options.compression = Compression::s2;
    draw_limits();
    at_.options.limits = model_.limits;
    if (random_.chance({1, 8})) at_.options.first_seq = Seq{random_.between(2, 1000)};
    model_.last = at_.options.first_seq.prev();
    tell("blocks of " + std::to_string(at_.options.block_size.value) + ", compacted above " +
         std::to_string(at_.settings.compact_min.value) + (at_.settings.sync_always ? ", sync: always" : "") +
         (at_.options.compression == Compression::s2 ? ", s2" : "") + ", first " + std::to_string(at_.options.first_seq.value) + ", " +
         text(model_.limits));
    open();
  }

  void go(int steps) {
    for (int i = 0; i < steps && is_good(); ++i) {
      step();
      if (is_good()) compare();
    }
  }
  [[nodiscard]] bool is_good() const { return wrong_.empty(); }
  // What is wrong first, and the operations that led there.
  [[nodiscard]] std::string wrong() const {
    if (is_good()) return {};
    std::string out = wrong_;
    for (const std::string& line : story_) out += "\n  " + line;
    return out;
  }

 private:
  void open() {
    if (is_memory_) {
      at_.env = std::make_unique<Env>(at_.world.env());
      at_.store = make_memory_store(*at_.env, at_.options);
      return;
    }
    at_.open();
  }

  void draw_limits() {
    StoreLimits limits;
    if (random_.chance({1, 3})) limits.max_msgs = static_cast<std::int64_t>(random_.between(1, 20));
    if (random_.chance({1, 3})) limits.max_bytes = static_cast<std::int64_t>(random_.between(50, 2000));
    if (random_.chance({1, 3})) limits.max_msgs_per_subject = static_cast<std::int64_t>(random_.between(1, 4));
    if (random_.chance({1, 4})) limits.discard = Discard::new_messages;
    if (random_.chance({1, 4})) limits.discard_new_per_subject = true;
    if (random_.chance({1, 4})) limits.max_age = Duration{static_cast<std::int64_t>(random_.between(1, 60)) * 1000000000};
    model_.limits = limits;
  }

  std::string draw_text(std::uint64_t max) {
    std::string out(static_cast<std::size_t>(random_.below(max + 1)), 'x');
    for (char& c : out) c = static_cast<char>('a' + random_.below(26));
    return out;
  }

  // Does something to both. A kill in the middle of it is drawn first.
  void step() {
    const bool dies = !is_memory_ && random_.chance({1, 12});
    if (dies) {
      at_.world.disk->operations_left = static_cast<std::int64_t>(random_.below(8));
      tell("killed after " + std::to_string(at_.world.disk->operations_left) + " disk operations of:");
      at_.world.disk->killed_write_keeps = static_cast<std::size_t>(random_.below(60));
    }
    const StoreModel before = model_;
    bool was_killed = false;
    try {
      act();
    } catch (const TaskKilled&) {
      was_killed = true;
    }
    at_.world.disk->operations_left = -1;
    if (was_killed) {
      tell("killed");
      recover_from_kill(before);
    }
  }

  void act() {
    switch (random_.below(15)) {
      case 0:
      case 1:
      case 2:
      case 3:
      case 4:
      case 5: return append();
      case 6:
      case 7: return remove();
      case 8: return purge();
      case 9: return random_.chance({1, 2}) ? skip() : compact();
      case 10: {
        at_.world.clock.time += Duration{static_cast<std::int64_t>(random_.below(5000000000))};
        if (!random_.chance({1, 4})) return;
        draw_limits();
        tell("limits: " + text(model_.limits));
        model_.enforce();
        model_.expire(at_.now());
        return expect(at_.store->set_limits(model_.limits).has_value(), "set_limits failed");
      }
      case 11: tell("sync"); return expect(at_.store->sync().has_value(), "sync failed");
      case 12: return is_memory_ ? void() : restart(false);
      case 13: return truncate();
      default: return is_memory_ ? void() : restart(true);
    }
  }

  void append() {
    StoredMessage message;
    message.time = at_.now();
    message.subject = kSubjects[random_.below(kSubjects.size())];
    if (random_.chance({1, 4})) message.headers = "NATS/1.0\r\nA: " + draw_text(9) + "\r\n\r\n";
    message.payload = draw_text(random_.chance({1, 10}) ? 900 : 60);
    tell("append " + message.subject + " of " + std::to_string(model_.size_of(message)));
    const auto refused = model_.append(message);
    const auto stored = at_.store->append({message.subject, message.headers, message.payload}, message.time);
    expect(stored.has_value() != refused.has_value(), "append disagrees");
    if (!stored && refused) expect(stored.error().detail == *refused, "append is refused with other words: " + stored.error().text());
    if (stored) expect(*stored == model_.last, "another sequence");
  }
  void remove() {
    const Seq seq{random_.between(1, model_.last.value + 1)};
    const bool erases = random_.chance({1, 4});
    tell((erases ? "erase " : "remove ") + std::to_string(seq.value));
    const bool was_there = model_.messages.erase(seq) > 0;
    const auto removed = at_.store->remove(seq, erases);
    expect(removed.has_value() && *removed == was_there, "remove disagrees");
  }
  void purge() {
    PurgeRequest request;
    request.filter = kFilters[random_.below(kFilters.size())];
    if (random_.chance({1, 2})) request.below = Seq{random_.between(1, model_.last.value + 2)};
    if (random_.chance({1, 2})) request.keep = random_.below(4);
    tell("purge '" + request.filter + "' below " + std::to_string(request.below.value) + " keep " + std::to_string(request.keep));
    const auto victims = model_.purged_by(request);
    for (const Seq seq : victims) model_.messages.erase(seq);
    const auto count = at_.store->purge(request);
    expect(count.has_value() && *count == victims.size(), "purge disagrees");
  }
  void compact() {
    const Seq seq{random_.between(1, model_.last.value + 3)};
    tell("compact to " + std::to_string(seq.value));
    const auto victims = model_.purged_by({.filter = {}, .below = seq, .keep = 0});
    for (const Seq victim : victims) model_.messages.erase(victim);
    model_.last = std::max(model_.last, seq.prev());
    const auto count = at_.store->compact(seq);
    expect(count.has_value() && *count == victims.size(), "compact disagrees");
  }
  void skip() {
    const std::uint64_t gap = random_.chance({1, 8}) ? 70000 : random_.below(5);
    model_.last = Seq{model_.last.value + gap};
    tell("skip through " + std::to_string(model_.last.value));
    expect(at_.store->skip_through(model_.last, at_.now()).has_value(), "skip failed");
  }
  void truncate() {
    const Seq seq{random_.between(1, model_.last.value + 1)};
    tell("truncate to " + std::to_string(seq.value));
    const bool is_there = model_.messages.count(seq) > 0;
    const bool is_nothing = seq >= model_.last;
    if (is_there && !is_nothing) {
      model_.messages.erase(model_.messages.upper_bound(seq), model_.messages.end());
      model_.last = seq;
      old_index_.clear();  // an index from before remembers a higher last sequence
    }
    const auto cut = at_.store->truncate(seq);
    expect(cut.has_value() == (is_there || is_nothing), "truncate disagrees");
    if (!cut) expect(cut.error().code == Errc::not_found, "truncate fails otherwise: " + cut.error().text());
  }
  void restart(bool is_clean) {
    tell(is_clean ? "restart" : "kill");
    if (is_clean) expect(at_.store->stop().has_value(), "stop failed");
    reopen();
    model_.expire(at_.now());
  }
  void reopen() {
    at_.options.limits = model_.limits;
    at_.store.reset();
    at_.world.tasks.spawned.clear();
    open();
  }

  // The operation was done, not done, or done in part. What it would have removed may be there or not; the rest must be.
  void recover_from_kill(const StoreModel& before) {
    // A stream's configuration is written when set_limits has returned: after a kill inside it the old one is in force.
    model_.limits = before.limits;
    model_.expire(at_.now());
    const StoreModel old = before;
    reopen();
    const StreamState state = at_.store->state();
    expect(state.last_seq >= std::min(before.last, model_.last) && state.last_seq <= std::max(before.last, model_.last),
           "last sequence after a kill: " + std::to_string(state.last_seq.value));
    StoreModel now = model_;
    now.messages.clear();
    now.last = state.last_seq;
    for (Seq seq = state.first_seq; seq.value != 0 && seq <= state.last_seq && state.messages > 0; seq = seq.next()) {
      auto message = at_.store->load_next({}, seq);
      if (!message || !*message) break;
      seq = (*message)->seq;
      now.messages[seq] = **message;
    }
    for (const auto& [seq, message] : now.messages) {
      const auto known = model_.messages.count(seq) > 0 ? model_.messages.find(seq) : old.messages.find(seq);
      const bool is_known = known != model_.messages.end() && known != old.messages.end();
      expect(is_known && known->second.payload == message.payload, "message " + std::to_string(seq.value) + " came from nowhere");
    }
    for (const auto& [seq, message] : before.messages) {
      // Gone from the store: then the operation removed it, or a limit did on behalf of the new message.
      // What set_limits removed may be gone, and what is too old.
      if (now.messages.count(seq) == 0) expect(model_.messages.count(seq) == 0, "message " + std::to_string(seq.value) + " is lost");
    }
    expect(state.lost.empty(), "a kill alone loses nothing, but " + std::to_string(state.lost.size()) + " are reported");
    model_ = now;
  }

  void compare() {
    compare_state(*at_.store, "store");
    if (is_memory_ || !random_.chance({1, 6})) return;
    // The same files, with other indexes: a cache changes nothing.
    for (const bool with_index : {true, false}) {
      StoreFixture other;
      other.options = at_.options;
      other.settings = at_.settings;
      other.options.limits = model_.limits;
      other.world.disk = at_.world.disk->copy();
      other.world.clock.time = at_.world.clock.time;
      if (!with_index) {
        if (old_index_.empty())
          other.world.disk->files().erase(other.msgs("index.db"));
        else
          other.world.disk->put(other.msgs("index.db"), old_index_);
      }
      other.open();
      StoreModel expected = model_;
      expected.expire(at_.now());
      std::swap(model_, expected);
      compare_state(*other.store, with_index ? "copy with index" : old_index_.empty() ? "copy without index" : "copy with an older index");
      expect(other.store->state().lost.empty(), "a copy reports losses");
      std::swap(model_, expected);
    }
    if (random_.chance({1, 3})) old_index_ = at_.world.disk->has(at_.msgs("index.db")) ? at_.world.disk->file(at_.msgs("index.db")) : "";
    if (random_.chance({1, 3})) old_index_.clear();
  }

  void compare_state(StreamStore& store, const std::string& who) {
    const StreamState state = store.state();
    const auto& messages = model_.messages;
    const Seq first = !messages.empty() ? messages.begin()->first : model_.last.value == 0 ? Seq{0} : model_.last.next();
    expect(state.messages == messages.size(),
           who + ": messages " + std::to_string(state.messages) + ", not " + std::to_string(messages.size()));
    expect(state.last_seq == model_.last,
           who + ": last " + std::to_string(state.last_seq.value) + ", not " + std::to_string(model_.last.value));
    expect(state.first_seq == first, who + ": first " + std::to_string(state.first_seq.value) + ", not " + std::to_string(first.value));
    expect(state.bytes.value == model_.bytes(), who + ": bytes");
    if (!is_good()) return;
    std::map<std::string, std::uint64_t> counts;
    for (const auto& [seq, message] : messages) {
      ++counts[message.subject];
      const auto loaded = store.load(seq);
      expect(loaded.has_value(), who + ": cannot load " + std::to_string(seq.value));
      if (!loaded) return;
      expect(loaded->payload == message.payload && loaded->headers == message.headers && loaded->subject == message.subject &&
                 loaded->time == message.time,
             who + ": content");
    }
    expect(store.subject_counts("") == counts, who + ": subject counts");
    const Seq probe{random_.between(1, model_.last.value + 1)};
    const std::string& filter = kFilters[random_.below(kFilters.size())];
    const auto all = model_.matching(filter);
    const auto from = std::lower_bound(all.begin(), all.end(), probe);
    const auto next = store.load_next({filter}, probe);
    expect(next.has_value() && next->has_value() == (from != all.end()), who + ": next of " + filter);
    if (next && *next && from != all.end()) expect((*next)->seq == *from, who + ": next of " + filter);
    expect(store.count_matching({filter}, probe) == static_cast<std::uint64_t>(all.end() - from), who + ": count of " + filter);
    const auto last = store.load_last(filter);
    expect(last.has_value() && last->has_value() == !all.empty(), who + ": last of " + filter);
    if (last && *last && !all.empty()) expect((*last)->seq == all.back(), who + ": last of " + filter);
    if (state.num_deleted < 100) {
      const auto deleted = store.deleted();
      expect(deleted.size() == state.num_deleted, who + ": deleted");
      for (const Seq seq : deleted)
        expect(seq > first && seq <= model_.last && messages.count(seq) == 0, who + ": deleted " + std::to_string(seq.value));
    }
  }

  void tell(std::string line) { story_.push_back(std::move(line)); }
  static std::string text(const StoreLimits& l) {
    return "msgs " + std::to_string(l.max_msgs) + ", bytes " + std::to_string(l.max_bytes) + ", a subject " +
           std::to_string(l.max_msgs_per_subject) + ", age " + std::to_string(l.max_age.count() / 1000000000) + " s" +
           (l.discard == Discard::new_messages ? ", discard new" : "") + (l.discard_new_per_subject ? ", a subject too" : "");
  }

  void expect(bool holds, const std::string& what) {
    if (!holds && wrong_.empty()) wrong_ = what;
  }

  Random random_;
  StoreFixture at_;
  StoreModel model_;
  bool is_memory_;
  std::string old_index_;
  std::string wrong_;
  std::vector<std::string> story_;
};

// WT_STORE_SEED in the environment: one seed, or the first and the last of many ("84000-100000").
void run_seeds(std::uint64_t count, int steps, bool is_memory) {
  std::uint64_t first = 1;
  std::uint64_t last = count;
  if (const char* only = std::getenv("WT_STORE_SEED")) {
    char* end = nullptr;
    first = last = std::strtoull(only, &end, 10);
    if (*end == '-') last = std::strtoull(end + 1, nullptr, 10);
  }
  for (std::uint64_t seed = first; seed <= last; ++seed) {
    CAPTURE(seed);
    Run run{seed, is_memory};
    run.go(steps);
    REQUIRE(run.wrong() == "");
  }
}

}  // namespace

TEST_CASE("random operations with restarts and kills leave a file store equal to its model") { run_seeds(3000, 60, false); }
TEST_CASE("random operations leave a memory store equal to its model") { run_seeds(1000, 60, true); }
