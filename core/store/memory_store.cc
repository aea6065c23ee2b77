#include "core/store/memory_store.h"

#include <algorithm>
#include <map>

#include "core/base/assert.h"
#include "core/base/defects.h"
#include "core/env/clock.h"
#include "core/env/env.h"
#include "core/env/log.h"
#include "core/env/sync.h"
#include "core/env/tasks.h"
#include "core/nats/subject.h"
#include "core/store/subject_index.h"

namespace windtunnel::core {
namespace {

// nats-server's size of a message in memory: its parts, and 16 bytes for sequence and age.
constexpr std::uint64_t kOverhead = 16;
constexpr Duration kExpiryPause = std::chrono::milliseconds{250};

bool exceeds(std::uint64_t value, std::int64_t limit) { return limit > 0 && value > static_cast<std::uint64_t>(limit); }

// Shared with its expiry task, which a kill may unwind later than the owner. No call suspends, so no mutex is needed.
class Contents : public std::enable_shared_from_this<Contents> {
 public:
  Contents(Env& env, StreamStoreOptions stream) : options(std::move(stream)), env_(env), wake_(env.tasks), ended_(env.tasks) {
    last_ = options.first_seq.prev();
  }

  StreamStoreOptions options;
  StreamStore::Removed removed;

  Result<Seq> append(std::optional<Seq> at, const NewMessage& message, WallTime time) {
    const std::uint64_t size = kOverhead + message.subject.size() + message.headers.size() + message.payload.size();
    WT_CHECK(check_discard_new(message, has(Defect::nats_4775) ? message.payload.size() : size));
    if (at && *at != last_.next()) return error(Errc::sequence_mismatch, "expected sequence does not match store");
    last_ = last_.next();
    last_time_ = time;
    const SubjectId subject = subjects_.add(message.subject, last_);
    messages_.emplace_hint(messages_.end(), last_, Held{time, subject, std::string(message.headers), std::string(message.payload)});
    bytes_ += size;
    const Seq seq = last_;
    env_.log.trace("store.appended", {{"stream", options.name}, {"seq", seq.value}, {"bytes", size}});
    if (options.limits.max_age.count() > 0) {
      start_expiry();
      if (messages_.size() == 1) wake_.set();
    }
    enforce_subject(subject);
    enforce();
    return seq;
  }

  void skip(Seq through, WallTime time) {
    if (through <= last_) return;
    last_ = through;
    last_time_ = time;
    env_.log.trace("store.skipped", {{"stream", options.name}, {"seq", through.value}});
  }

  [[nodiscard]] Result<StoredMessage> load(Seq seq) const {
    const auto it = messages_.find(seq);
    if (it == messages_.end()) return error(Errc::not_found, "no message " + std::to_string(seq.value) + " in " + options.name);
    return StoredMessage{seq, it->second.time, subjects_.name(it->second.subject), it->second.headers, it->second.payload};
  }

  [[nodiscard]] Seq next(const std::vector<std::string>& filters, Seq from) const {
    const bool any = filters.empty();
    std::uint64_t budget = 256 + subjects_.size();
    for (auto it = messages_.lower_bound(from); it != messages_.end(); ++it) {
      if (any) return it->first;
      const std::string& subject = subjects_.name(it->second.subject);
      if (std::any_of(filters.begin(), filters.end(),
                      [&](const std::string& filter) { return filter.empty() || matches(subject, filter); }))
        return it->first;
      if (budget-- > 0) continue;
      Seq best;
      for (const std::string& filter : filters) {
        subjects_.for_each(filter, [&](SubjectId id) {
          const Seq seq = subjects_.seqs(id).at_or_after(it->first);
          if (seq.value != 0 && (best.value == 0 || seq < best)) best = seq;
        });
      }
      return best;
    }
    return Seq{0};
  }

  bool remove(Seq seq) {
    const auto it = messages_.find(seq);
    if (it == messages_.end()) return false;
    const SubjectId id = it->second.subject;
    const std::string subject = subjects_.name(id);
    bytes_ -= kOverhead + subject.size() + it->second.headers.size() + it->second.payload.size();
    messages_.erase(it);
    subjects_.remove(id, seq);
    env_.log.trace("store.removed", {{"stream", options.name}, {"seq", seq.value}});
    if (removed) removed(seq, subject);
    return true;
  }

  Status truncate(Seq seq) {
    if (seq >= last_) return {};
    const auto it = messages_.find(seq);
    if (it == messages_.end()) return error(Errc::not_found, "no message " + std::to_string(seq.value) + " in " + options.name);
    while (messages_.rbegin()->first > seq) remove(messages_.rbegin()->first);
    last_ = seq;
    last_time_ = it->second.time;
    return {};
  }

  void enforce_subject(SubjectId id) {
    while (exceeds(subjects_.seqs(id).size(), options.limits.max_msgs_per_subject)) remove(subjects_.seqs(id).first());
  }
  void enforce() {
    if (options.limits.discard == Discard::new_messages && !has(Defect::nats_4775)) return;
    while (!messages_.empty() && (exceeds(messages_.size(), options.limits.max_msgs) || exceeds(bytes_, options.limits.max_bytes)))
      remove(messages_.begin()->first);
  }
  void set_limits(const StoreLimits& limits) {
    // As numbers: "unlimited" is the lowest.
    const bool is_lower = limits.max_msgs_per_subject < options.limits.max_msgs_per_subject;
    options.limits = limits;
    enforce_all(is_lower || !has(Defect::nats_6244));
  }
  void enforce_all(bool subjects_too) {
    std::vector<SubjectId> ids;
    subjects_.for_each({}, [&](SubjectId id) { ids.push_back(id); });
    for (const SubjectId id : ids) {
      if (options.limits.max_msgs_per_subject > 0 && subjects_too) enforce_subject(id);
    }
    enforce();
    expire();
    if (options.limits.max_age.count() > 0) start_expiry();
    wake_.set();
  }

  void stop() {
    abandon();
    while (is_running_) ended_.wait("memory store: stop");
  }
  void abandon() noexcept {
    is_stopped_ = true;
    wake_.set();
  }

  [[nodiscard]] Seq last_seq() const { return last_; }
  [[nodiscard]] StreamState state() const {
    StreamState state;
    state.messages = messages_.size();
    state.bytes = Bytes{bytes_};
    state.last_seq = last_;
    state.last_time = last_time_;
    state.first_seq = first();
    if (!messages_.empty()) {
      state.first_time = messages_.begin()->second.time;
      state.num_deleted = last_.value - state.first_seq.value + 1 - messages_.size();
    }
    state.num_subjects = subjects_.size();
    return state;
  }
  [[nodiscard]] Seq first() const {
    if (!messages_.empty()) return messages_.begin()->first;
    return last_.value == 0 ? Seq{0} : last_.next();
  }
  [[nodiscard]] std::vector<Seq> deleted() const {
    std::vector<Seq> out;
    if (messages_.empty()) return out;
    Seq expected = first();
    for (const auto& [seq, held] : messages_) {
      for (; expected < seq; expected = expected.next()) out.push_back(expected);
      expected = seq.next();
    }
    for (; expected <= last_; expected = expected.next()) out.push_back(expected);
    return out;
  }
  [[nodiscard]] std::uint64_t count(const std::vector<std::string>& filters, Seq from) const {
    std::vector<SubjectId> ids;  // filters may overlap
    for (const std::string& filter : filters) subjects_.for_each(filter, [&](SubjectId id) { ids.push_back(id); });
    if (filters.empty()) subjects_.for_each({}, [&](SubjectId id) { ids.push_back(id); });
    std::sort(ids.begin(), ids.end());
    ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
    std::uint64_t count = 0;
    for (const SubjectId id : ids) count += subjects_.seqs(id).count_from(from);
    return count;
  }
  [[nodiscard]] Seq at_time(WallTime time) const {
    const auto it = std::find_if(messages_.begin(), messages_.end(), [&](const auto& item) { return item.second.time >= time; });
    return it == messages_.end() ? last_.next() : it->first;
  }
  [[nodiscard]] const SubjectIndex& subjects() const { return subjects_; }
  [[nodiscard]] Seq last() const { return last_; }

 private:
  [[nodiscard]] bool has(Defect defect) const { return env_.defects.is_on(defect); }

  struct Held {
    WallTime time;
    SubjectId subject;
    std::string headers;
    std::string payload;
  };

  [[nodiscard]] Status check_discard_new(const NewMessage& message, std::uint64_t size) const {
    const StoreLimits& limits = options.limits;
    if (limits.discard != Discard::new_messages) return {};
    bool replaces = false;
    if (limits.max_msgs_per_subject > 0) {
      const SubjectId subject = subjects_.find(message.subject);
      replaces = subject != kNoSubject && subjects_.seqs(subject).size() >= static_cast<std::uint64_t>(limits.max_msgs_per_subject);
      if (replaces && limits.discard_new_per_subject) return error(Errc::limit_reached, "maximum messages per subject exceeded");
    }
    if (limits.max_msgs > 0 && messages_.size() >= static_cast<std::uint64_t>(limits.max_msgs) && !replaces)
      return error(Errc::limit_reached, "maximum messages exceeded");
    if (limits.max_bytes > 0 && bytes_ + size >= static_cast<std::uint64_t>(limits.max_bytes)) {
      if (!replaces) return error(Errc::limit_reached, "maximum bytes exceeded");
      const auto& old = messages_.at(subjects_.seqs(subjects_.find(message.subject)).first());
      if (kOverhead + message.subject.size() + old.headers.size() + old.payload.size() <= size)
        return error(Errc::limit_reached, "maximum bytes exceeded");
    }
    return {};
  }

  void expire() {
    const Duration max_age = options.limits.max_age;
    if (max_age.count() <= 0) return;
    const WallTime now = env_.clock.wall_now();
    while (!messages_.empty() && now - messages_.begin()->second.time >= max_age) remove(messages_.begin()->first);
  }

  // Only a stream with an age limit has a task.
  void start_expiry() {
    if (is_started_ || is_stopped_) return;
    is_started_ = true;
    env_.tasks.spawn("store " + options.name, [self = shared_from_this()] { self->run(); });
  }

  void run() {
    if (is_stopped_) return;
    is_running_ = true;
    while (!is_stopped_) {
      Instant due = kForever;
      if (!messages_.empty() && options.limits.max_age.count() > 0) {
        const Duration age = env_.clock.wall_now() - messages_.begin()->second.time;
        due = after(env_.clock.now(), std::max(options.limits.max_age - age, kExpiryPause));
      }
      if (wake_.wait("store: expiry", due)) {
        wake_.reset();
        continue;
      }
      expire();
    }
    is_running_ = false;
    ended_.set();
  }

  Env& env_;
  std::map<Seq, Held> messages_;
  SubjectIndex subjects_;
  std::uint64_t bytes_ = 0;
  Seq last_;
  WallTime last_time_;
  Event wake_;
  Event ended_;
  bool is_started_ = false;
  bool is_running_ = false;
  bool is_stopped_ = false;
};

class MemoryStore final : public StreamStore {
 public:
  explicit MemoryStore(std::shared_ptr<Contents> contents) : contents_(std::move(contents)) {}
  ~MemoryStore() override { contents_->abandon(); }
  MemoryStore(const MemoryStore&) = delete;
  MemoryStore& operator=(const MemoryStore&) = delete;

  Result<Seq> append(const NewMessage& message, WallTime time) override { return contents_->append(std::nullopt, message, time); }
  Result<Seq> append_at(Seq seq, const NewMessage& message, WallTime time) override { return contents_->append(seq, message, time); }
  Status skip_through(Seq through, WallTime time) override {
    contents_->skip(through, time);
    return {};
  }

  Result<StoredMessage> load(Seq seq) override { return contents_->load(seq); }
  Result<std::optional<StoredMessage>> load_next(const std::vector<std::string>& filters, Seq from) override {
    return load_found(contents_->next(filters, from));
  }
  Result<std::optional<StoredMessage>> load_last(std::string_view filter) override {
    Seq best;
    contents_->subjects().for_each(filter, [&](SubjectId id) { best = std::max(best, contents_->subjects().seqs(id).last()); });
    return load_found(best);
  }

  Result<bool> remove(Seq seq, bool /*erase*/) override { return contents_->remove(seq); }
  Result<std::uint64_t> purge(const PurgeRequest& request) override {
    std::vector<std::string> filters;
    if (!request.filter.empty()) filters.push_back(request.filter);
    std::vector<Seq> victims;
    for (Seq seq = contents_->next(filters, Seq{1}); seq.value != 0; seq = contents_->next(filters, seq.next())) {
      if (request.below.value != 0 && seq >= request.below) break;
      victims.push_back(seq);
    }
    victims.resize(victims.size() - std::min<std::uint64_t>(request.keep, victims.size()));
    for (const Seq seq : victims) contents_->remove(seq);
    return victims.size();
  }
  Result<std::uint64_t> compact(Seq seq) override {
    WT_TRY(const std::uint64_t count, purge({.filter = {}, .below = seq, .keep = 0}));
    contents_->skip(seq.prev(), contents_->state().last_time);
    return count;
  }

  Status truncate(Seq seq) override { return contents_->truncate(seq); }

  Status ready() override { return {}; }
  bool holds_expired() const override { return false; }
  Status let_expire() override { return {}; }
  StreamState state() const override { return contents_->state(); }
  Seq last_seq() const override { return contents_->last_seq(); }
  std::vector<Seq> deleted() const override { return contents_->deleted(); }
  std::map<std::string, std::uint64_t> subject_counts(std::string_view filter) const override {
    std::map<std::string, std::uint64_t> out;
    const SubjectIndex& subjects = contents_->subjects();
    subjects.for_each(filter, [&](SubjectId id) { out.emplace(subjects.name(id), subjects.seqs(id).size()); });
    return out;
  }
  std::uint64_t count_matching(const std::vector<std::string>& filters, Seq from) const override { return contents_->count(filters, from); }
  Seq next_matching(const std::vector<std::string>& filters, Seq from) const override { return contents_->next(filters, from); }
  Seq last_seq_of(std::string_view subject) const override {
    const SubjectId id = contents_->subjects().find(subject);
    return id == kNoSubject ? Seq{0} : contents_->subjects().seqs(id).last();
  }
  Seq seq_at_time(WallTime time) const override { return contents_->at_time(time); }
  const StoreLimits& limits() const override { return contents_->options.limits; }
  Status set_limits(const StoreLimits& limits) override {
    contents_->set_limits(limits);
    return {};
  }
  void on_removed(Removed removed) override { contents_->removed = std::move(removed); }
  Status sync() override { return {}; }
  Status stop() override {
    contents_->stop();
    return {};
  }
  Status destroy() override { return stop(); }

 private:
  Result<std::optional<StoredMessage>> load_found(Seq seq) {
    if (seq.value == 0) return std::optional<StoredMessage>{};
    WT_TRY(StoredMessage message, contents_->load(seq));
    return std::optional{std::move(message)};
  }
  std::shared_ptr<Contents> contents_;
};

}  // namespace

std::unique_ptr<StreamStore> make_memory_store(Env& env, StreamStoreOptions options) {
  return std::make_unique<MemoryStore>(std::make_shared<Contents>(env, std::move(options)));
}

}  // namespace windtunnel::core
