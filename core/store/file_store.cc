#include <algorithm>

#include "core/base/assert.h"
#include "core/store/file_store_impl.h"

namespace windtunnel::core {
namespace {

constexpr std::uint64_t kBlockSizeDefault = 8388608;
// A gap of more skipped sequences than this lies between two blocks, not inside one (reference: filestore 3.7).
constexpr std::uint64_t kGapInBlockMax = 65536;

// What open_file_store returns. The store itself is shared with its background task, which a kill may unwind later
// than the owner.
class StoreHandle final : public StreamStore {
 public:
  explicit StoreHandle(std::shared_ptr<FileStore> store) : store_(std::move(store)) {}
  ~StoreHandle() override { store_->abandon(); }
  StoreHandle(const StoreHandle&) = delete;
  StoreHandle& operator=(const StoreHandle&) = delete;

  Result<Seq> append(const NewMessage& message, WallTime time) override { return store_->append(std::nullopt, message, time); }
  Result<Seq> append_at(Seq seq, const NewMessage& message, WallTime time) override { return store_->append(seq, message, time); }
  Status skip_through(Seq through, WallTime time) override { return store_->skip_through(through, time); }
  Result<StoredMessage> load(Seq seq) override { return store_->load(seq); }
  Result<std::optional<StoredMessage>> load_next(const std::vector<std::string>& filters, Seq from) override {
    return store_->load_next(filters, from);
  }
  Result<std::optional<StoredMessage>> load_last(std::string_view filter) override { return store_->load_last(filter); }
  Result<bool> remove(Seq seq, bool erase) override { return store_->remove(seq, erase); }
  Result<std::uint64_t> purge(const PurgeRequest& request) override { return store_->purge(request); }
  Result<std::uint64_t> compact(Seq seq) override { return store_->compact(seq); }
  Status truncate(Seq seq) override { return store_->truncate(seq); }
  Status ready() override { return store_->ready(); }
  bool holds_expired() const override { return store_->holds_expired(); }
  Status let_expire() override { return store_->let_expire(); }
  StreamState state() const override { return store_->state(); }
  Seq last_seq() const override { return store_->last_seq(); }
  std::vector<Seq> deleted() const override { return store_->deleted(); }
  std::map<std::string, std::uint64_t> subject_counts(std::string_view filter) const override { return store_->subject_counts(filter); }
  std::uint64_t count_matching(const std::vector<std::string>& filters, Seq from) const override {
    return store_->count_matching(filters, from);
  }
  Seq next_matching(const std::vector<std::string>& filters, Seq from) const override { return store_->find_next(filters, from); }
  Seq last_seq_of(std::string_view subject) const override { return store_->last_seq_of(subject); }
  Seq seq_at_time(WallTime time) const override { return store_->seq_at_time(time); }
  const StoreLimits& limits() const override { return store_->limits(); }
  Status set_limits(const StoreLimits& limits) override { return store_->set_limits(limits); }
  void on_removed(Removed removed) override { store_->on_removed(std::move(removed)); }
  Status sync() override { return store_->sync(); }
  Status stop() override { return store_->stop(); }
  Status destroy() override { return store_->destroy(); }

 private:
  std::shared_ptr<FileStore> store_;
};

}  // namespace

Result<std::unique_ptr<StreamStore>> open_file_store(Env& env, const StoreSettings& settings, StreamStoreOptions options) {
  auto store = std::make_shared<FileStore>(env, settings, std::move(options));
  WT_CHECK(store->open());
  return std::unique_ptr<StreamStore>{std::make_unique<StoreHandle>(std::move(store))};
}

FileStore::FileStore(Env& env, const StoreSettings& settings, StreamStoreOptions options)
    : env_(env),
      settings_(settings),
      options_(std::move(options)),
      files_(env.disk, options_.directory + "/msgs"),
      mutex_(env.tasks),
      random_(env.random.child("store/" + options_.name)),
      flush_(env.tasks),
      wake_(env.tasks),
      ended_(env.tasks) {}

Bytes FileStore::block_size() const {
  if (settings_.block_size.value != 0) return settings_.block_size;
  return options_.block_size.value != 0 ? options_.block_size : Bytes{kBlockSizeDefault};
}

Status FileStore::check_usable() const {
  if (is_stopped_) return error(Errc::closed, "the store of " + options_.name + " is stopped");
  if (failed_) return *failed_;
  return {};
}

bool FileStore::syncs_always() const { return settings_.sync_always && !env_.defects.is_on(Defect::break_sync_always); }

// Storing.

Result<Seq> FileStore::append(std::optional<Seq> at, const NewMessage& message, WallTime time) {
  const MutexLock lock{mutex_};
  WT_CHECK(ready_locked());
  return append_locked(at, message, time);
}

Status FileStore::check_discard_new(const NewMessage& message, std::uint64_t size) const {
  const StoreLimits& limits = options_.limits;
  if (limits.discard != Discard::new_messages) return {};
  Seq replaced;  // what the per-subject limit will remove; it excuses the message from the other limits
  if (limits.max_msgs_per_subject > 0) {
    const SubjectId subject = subjects_.find(message.subject);
    if (subject != kNoSubject && subjects_.seqs(subject).size() >= static_cast<std::uint64_t>(limits.max_msgs_per_subject)) {
      if (limits.discard_new_per_subject) return error(Errc::limit_reached, "maximum messages per subject exceeded");
      replaced = subjects_.seqs(subject).first();
    }
  }
  if (limits.max_msgs > 0 && messages_ >= static_cast<std::uint64_t>(limits.max_msgs) && replaced.value == 0) {
    return error(Errc::limit_reached, "maximum messages exceeded");
  }
  if (limits.max_bytes > 0 && bytes_ + size >= static_cast<std::uint64_t>(limits.max_bytes)) {
    if (replaced.value == 0 || block_of(replaced)->find(replaced)->size <= size)
      return error(Errc::limit_reached, "maximum bytes exceeded");
  }
  return {};
}

Result<Seq> FileStore::append_locked(std::optional<Seq> at, const NewMessage& message, WallTime time) {
  WT_CHECK(check_usable());
  const std::uint64_t size = record_size(message);
  WT_CHECK(check_discard_new(message, has(Defect::nats_4775) ? message.payload.size() : size));
  if (at && *at != last_seq_.next()) return error(Errc::sequence_mismatch, "expected sequence does not match store");
  const std::uint64_t size_max = has(Defect::nats_6798) ? INT32_MAX : kRecordSizeMax;  // written, but no reader takes it
  if (size > size_max || message.subject.size() > 0xffff) return error(Errc::invalid_argument, "message to large");
  const Seq seq = last_seq_.next();
  WT_CHECK(ensure_room(size, seq));

  MessageBlock& block = *last_block();
  const std::uint64_t offset = block.raw_bytes;
  buffer_.clear();
  append_message(buffer_, block.key, seq, time, message);
  if (Status written = write_last(buffer_); !written) {
    if (!has(Defect::break_full_disk) || written.error().code != Errc::no_space) return written.error();
    last_seq_ = seq;
    return seq;
  }
  const SubjectId subject = subjects_.add(message.subject, seq);
  block.add(seq, time, offset, static_cast<std::uint32_t>(size), subject);
  if (lazy_.is_on()) lazy_.stored(subject, seq);
  ++messages_;
  bytes_ += size;
  last_seq_ = seq;
  last_time_ = time.unix_ns;
  env_.log.trace("store.appended", {{"stream", options_.name}, {"seq", seq.value}, {"bytes", size}});
  if (messages_ == 1 && options_.limits.max_age.count() > 0) wake_.set();

  // The message is stored, whatever becomes of the older ones now: what a limit could not remove goes with the next.
  Status trimmed = enforce_subject_limit(subject);
  if (trimmed) trimmed = enforce_limits();
  note_failure(trimmed, "limits");
  return seq;
}

Status FileStore::skip_through(Seq through, WallTime time) {
  const MutexLock lock{mutex_};
  WT_CHECK(ready_locked());
  WT_CHECK(check_usable());
  if (through <= last_seq_) return {};
  if (last_block() != nullptr && last_block()->live() > 0 && through.value - last_seq_.value > kGapInBlockMax) {
    WT_CHECK(roll());
  }
  WT_CHECK(ensure_room(kEmptyRecordSize, through));
  MessageBlock& block = *last_block();
  if (!has(Defect::nats_5497) || block.live() > 0) {
    buffer_.clear();
    append_skip(buffer_, block.key, through, time);
    WT_CHECK(write_last(buffer_));
  } else {
    is_dirty_ = true;
  }
  block.skip_to(through, time);
  block.disk_last = std::max(block.disk_last, through);
  last_seq_ = through;
  last_time_ = time.unix_ns;
  env_.log.trace("store.skipped", {{"stream", options_.name}, {"seq", through.value}});
  return {};
}

Status FileStore::ensure_room(std::uint64_t size, Seq for_seq) {
  const MessageBlock* last = last_block();
  const bool fits = last != nullptr && !last->is_sealed && last->can_hold(for_seq) &&
                    (last->raw_bytes == 0 || last->counted_bytes() + size <= block_size().value);
  return fits ? Status{} : roll();
}

// A new last block. Where the old one has no message left it goes, once the new one names the last sequence.
Status FileStore::roll() {
  MessageBlock* old = last_block();
  if (old != nullptr) WT_CHECK(files_.flush(*old));
  WT_CHECK(add_block(last_seq_.next()));
  if (old == nullptr) return {};
  env_.log.trace("store.block_rolled", {{"stream", options_.name}, {"from", old->index}, {"to", last_block()->index}});
  old->shrink();
  old->uncounted_bytes = 0;
  if (old->live() > 0) {
    if (options_.compression == Compression::s2) {
      to_compress_.push_back(old->index);
      wake_.set();
    }
    return {};
  }
  return drop_block(*old);
}

Status FileStore::add_block(Seq base) {
  auto block = std::make_unique<MessageBlock>(options_.name, next_index_, base);
  WT_CHECK(files_.create(*block));
  ++next_index_;
  names_dirty_ = true;
  block->needs_sync = true;
  blocks_.push_back(std::move(block));
  return {};
}

// Appends whole records to the last block, durably with sync: always. After an error none of them is there.
Status FileStore::write_last(std::string_view data) {
  MessageBlock& block = *last_block();
  const std::uint64_t before = block.raw_bytes;
  Status written = files_.append(block, data);
  is_index_exact_ = false;
  is_dirty_ = true;
  last_write_ = env_.clock.now();
  if (files_.pending_bytes() > 0) flush_.set();
  if (written) {
    block.last_checksum = load_u64(data.substr(data.size() - 8));
    if (!syncs_always()) return {};
    written = sync_block(block);
    if (written) return {};
    // The pages may be lost while the cache still shows them. The record goes, and later ones go to another block: an
    // fsync that succeeds after one that failed proves nothing.
    block.is_sealed = true;
    if (files_.truncate(block, before)) return written;
  } else if (!block.is_sealed) {
    // It was cut back, and may be tried again: in the same place where the disk was full or not writable, in another where this one
    // has gone bad. nats-server refuses every message from here on until it is restarted.
    if (written.error().code == Errc::io_error) note_failure(leave_bad_end(), "the bad end of a block");
    return written;
  }
  // A record that nobody was told of stays behind. Its sequence must not be given out a second time.
  failed_ =
      error(written.error().code, "a record of " + options_.name + " could be neither stored nor taken back: " + written.error().detail);
  return *failed_;
}

Status FileStore::write_tombstones(std::span<const Tombstone> tombstones) {
  while (!tombstones.empty()) {
    const bool rolls = !has(Defect::nats_5973) || last_block() == nullptr || last_block()->is_sealed;
    if (rolls) WT_CHECK(ensure_room(kEmptyRecordSize, last_seq_.next()));
    MessageBlock& block = *last_block();
    const std::uint64_t limit = std::max<std::uint64_t>(block_size().value, block.counted_bytes() + kEmptyRecordSize);
    const std::uint64_t room = rolls ? (limit - block.counted_bytes()) / kEmptyRecordSize : tombstones.size();
    const auto now = tombstones.first(static_cast<std::size_t>(std::min<std::uint64_t>(room, tombstones.size())));
    buffer_.clear();
    for (const Tombstone& tombstone : now) {
      // Where the message's time is not known, one that no other record of the block has: nats-server takes index.db for
      // current if the last record's checksum is the one that it remembers, so no two records may be equal.
      const WallTime unique{last_time_ + static_cast<std::int64_t>(block.raw_bytes + buffer_.size())};
      append_tombstone(buffer_, block.key, tombstone.seq, tombstone.time.unix_ns == 0 ? unique : tombstone.time);
    }
    WT_CHECK(write_last(buffer_));
    if (has(Defect::nats_5702a)) block.uncounted_bytes += buffer_.size();
    for (const Tombstone& tombstone : now) {
      add_to_ranges(block.tombstones, tombstone.seq);
      block.disk_last = std::max(block.disk_last, tombstone.seq);
    }
    tombstones = tombstones.subspan(now.size());
  }
  return {};
}

Status FileStore::sync_block(MessageBlock& block) {
  WT_CHECK(files_.flush(block));
  WT_TRY(const std::shared_ptr<File> file, files_.file(block));
  if (Status synced = file->sync(); !synced) {
    block.must_rewrite = true;
    return synced;
  }
  block.needs_sync = false;
  block.was_synced = true;
  if (!block.is_name_durable) WT_CHECK(sync_names());
  return {};
}

Status FileStore::sync_names() {
  if (env_.defects.is_on(Defect::no_dir_sync)) return {};
  names_dirty_ = false;
  if (Status synced = env_.disk.sync_directory(files_.directory()); !synced) {
    names_dirty_ = true;
    return synced;
  }
  for (const auto& block : blocks_) block->is_name_durable = true;
  return {};
}

// Looking.

std::size_t FileStore::first_block_from(Seq seq) const {
  // Nearly always it is the first, which limits empty, or the last, which is written and followed.
  if (blocks_.empty() || seq <= blocks_.front()->last) return 0;
  if (blocks_.size() > 1 && seq > blocks_[blocks_.size() - 2]->last)
    return seq <= blocks_.back()->last ? blocks_.size() - 1 : blocks_.size();
  const auto it = std::partition_point(blocks_.begin(), blocks_.end(), [&](const auto& block) { return block->last < seq; });
  return static_cast<std::size_t>(it - blocks_.begin());
}

MessageBlock* FileStore::block_of(Seq seq) const {
  const std::size_t at = first_block_from(seq);
  return at < blocks_.size() ? blocks_[at].get() : nullptr;
}

const MessageBlock* FileStore::first_live_block() const {
  const auto it = std::find_if(blocks_.begin(), blocks_.end(), [](const auto& block) { return block->live() > 0; });
  return it == blocks_.end() ? nullptr : it->get();
}

Seq FileStore::first_seq() const {
  if (const MessageBlock* block = first_live_block(); block != nullptr) return block->first;
  return last_seq_.value == 0 ? Seq{0} : last_seq_.next();
}

StreamState FileStore::state() const { return early_ ? *early_ : counted_state(); }

Seq FileStore::last_seq() const { return early_ ? early_->last_seq : last_seq_; }

StreamState FileStore::counted_state() const {
  StreamState state;
  state.messages = messages_;
  if (env_.defects.is_on(Defect::break_state_counts)) state.messages += messages_ / 50;
  state.messages += counted_twice_;
  state.bytes = Bytes{bytes_ + counted_twice_bytes_};
  state.first_seq = first_seq();
  state.last_seq = last_seq_;
  if (messages_ > 0) {
    state.first_time = WallTime{first_live_block()->find(state.first_seq)->time};
    state.num_deleted = last_seq_.value - state.first_seq.value + 1 - messages_;
  }
  if (env_.defects.is_on(Defect::break_first_seq) && state.first_seq.value > 1) state.first_seq = state.first_seq.prev();
  state.last_time = WallTime{last_time_};
  state.num_subjects = subjects_.size();
  state.lost = lost_;
  state.lost_bytes = Bytes{lost_bytes_};
  return state;
}

std::vector<Seq> FileStore::deleted() const {
  WT_ASSERT(!early_);
  std::vector<Seq> out;
  if (messages_ == 0) return out;
  Seq expected = first_seq();
  for (const auto& block : blocks_) {
    for (; expected < block->first; expected = expected.next()) out.push_back(expected);
    if (block->live() > 0) block->append_deleted(out);
    expected = std::max(expected, block->last.next());
  }
  for (; expected <= last_seq_; expected = expected.next()) out.push_back(expected);
  return out;
}

void FileStore::note_damage(std::string_view what, Seq seq, std::uint64_t bytes) {
  env_.log.warn("store.damage", {{"stream", options_.name}, {"what", what}, {"seq", seq.value}, {"bytes", bytes}});
}

void FileStore::check_invariants() const {
  std::uint64_t messages = 0;
  std::uint64_t bytes = 0;
  Seq last;
  for (const auto& block : blocks_) {
    block->check_invariants();
    WT_ASSERT(block->live() == 0 || block->first > last);
    WT_ASSERT(block->last >= last || block->live() == 0);
    last = std::max(last, block->last);
    messages += block->live();
    bytes += block->live_bytes;
  }
  WT_ASSERT(messages == messages_);
  WT_ASSERT(bytes == bytes_);
  WT_ASSERT(last <= last_seq_);
}

void FileStore::note_failure(const Status& status, std::string_view what) {
  if (!status) env_.log.warn("store.failed", {{"stream", options_.name}, {"what", what}, {"error", status.error().text()}});
}

void FileStore::abandon() noexcept {
  is_stopped_ = true;
  wake_.set();
  flush_.set();
}

}  // namespace windtunnel::core
