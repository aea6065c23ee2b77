#include <algorithm>

#include "core/base/assert.h"
#include "core/nats/subject.h"
#include "core/store/file_store_impl.h"

namespace windtunnel::core {
namespace {

// How many messages a filtered search looks at one by one before it asks the subject index, plus one a subject.
constexpr std::uint64_t kScannedMin = 256;

bool matches_any(const std::vector<std::string>& filters, std::string_view subject) {
  return std::any_of(filters.begin(), filters.end(), [&](const std::string& filter) { return filter.empty() || matches(subject, filter); });
}

bool takes_everything(const std::vector<std::string>& filters) {
  return filters.empty() ||
         std::any_of(filters.begin(), filters.end(), [](const std::string& filter) { return filter.empty() || filter == ">"; });
}

}  // namespace

// The checksum does not cover the length of the subject (filestore 2.3): a wrong bit there moves the border to what follows, and most of
// what comes of it could be a subject. But it is known which it is.
bool FileStore::is_indexed_record(const RecordView& record, const MessageBlock& block, const BlockEntry& entry) const {
  return record.kind == RecordKind::message && record.seq == block.seq_of(entry) && record.subject == subjects_.name(entry.subject);
}

// Requires: `seq` is live in `block`.
Result<StoredMessage> FileStore::read_message(MessageBlock& block, Seq seq) {
  const BlockEntry entry = *block.find(seq);
  Error failure;
  // A read may be wrong once and right when it is repeated: nothing is concluded from the first.
  for (int attempt = 0; attempt < 2; ++attempt) {
    if (attempt > 0) files_.forget(block.index);
    const auto bytes = files_.read(block, entry.offset, entry.size);
    if (!bytes) {
      failure = bytes.error();
      continue;
    }
    const auto record = parse_record(*bytes, block.key);
    if (record && is_indexed_record(*record, block, entry)) {
      return StoredMessage{seq, record->time, std::string(record->subject), std::string(record->headers), std::string(record->payload)};
    }
    failure = error(Errc::corrupt, "the record of sequence " + std::to_string(seq.value) + " at offset " + std::to_string(entry.offset) +
                                       " of " + files_.path(block.index));
  }
  note_damage(failure.code == Errc::corrupt ? "record" : "read", seq, entry.size);
  note_lost_message(seq, entry.size);
  return failure;
}

void FileStore::note_lost_message(Seq seq, std::uint64_t bytes) {
  const auto place = std::lower_bound(lost_.begin(), lost_.end(), seq);
  if (place != lost_.end() && *place == seq) return;
  lost_.insert(place, seq);
  lost_bytes_ += bytes;
}

Result<StoredMessage> FileStore::load(Seq seq) {
  const MutexLock lock{mutex_};
  if (is_stopped_) return error(Errc::closed, "the store of " + options_.name + " is stopped");
  WT_CHECK(ready_locked());
  MessageBlock* block = block_of(seq);
  if (block == nullptr || block->find(seq) == nullptr)
    return error(Errc::not_found, "no message " + std::to_string(seq.value) + " in " + options_.name);
  return read_message(*block, seq);
}

Result<std::optional<StoredMessage>> FileStore::load_next(const std::vector<std::string>& filters, Seq from) {
  const MutexLock lock{mutex_};
  if (is_stopped_) return error(Errc::closed, "the store of " + options_.name + " is stopped");
  WT_CHECK(ready_locked());
  const Seq seq = find_next(filters, from);
  if (seq.value == 0) return std::optional<StoredMessage>{};
  WT_TRY(StoredMessage message, read_message(*block_of(seq), seq));
  return std::optional{std::move(message)};
}

Result<std::optional<StoredMessage>> FileStore::load_last(std::string_view filter) {
  const MutexLock lock{mutex_};
  if (is_stopped_) return error(Errc::closed, "the store of " + options_.name + " is stopped");
  WT_CHECK(ready_locked());
  const Seq seq = find_last(filter);
  if (seq.value == 0) return std::optional<StoredMessage>{};
  WT_TRY(StoredMessage message, read_message(*block_of(seq), seq));
  return std::optional{std::move(message)};
}

// The first live sequence at or after `from` whose subject matches; 0 if there is none.
Seq FileStore::find_next(const std::vector<std::string>& filters, Seq from) const {
  const bool any = takes_everything(filters);
  const bool all_literal = std::all_of(filters.begin(), filters.end(), [](const std::string& filter) { return !has_wildcard(filter); });
  Seq best;
  const auto consider = [&](SubjectId id) {
    Seq seq = subjects_.seqs(id).at_or_after(from);
    while (lazy_.hides(seq)) seq = subjects_.seqs(id).at_or_after(seq.next());
    if (seq.value != 0 && (best.value == 0 || seq < best)) best = seq;
  };
  if (!any && all_literal) {
    for (const std::string& filter : filters) {
      if (const SubjectId id = subjects_.find(filter); id != kNoSubject) consider(id);
    }
    return best;
  }
  std::uint64_t budget = kScannedMin + subjects_.size();
  SubjectId judged = kNoSubject;
  for (std::size_t at = first_block_from(from); at < blocks_.size(); ++at) {
    const MessageBlock& block = *blocks_[at];
    for (const BlockEntry* entry = block.at_or_after(from); entry != nullptr; entry = block.next(entry)) {
      if (any) return block.seq_of(*entry);
      if (entry->subject != judged) {
        judged = entry->subject;
        if (matches_any(filters, subjects_.name(judged))) {
          if (!lazy_.hides(block.seq_of(*entry))) return block.seq_of(*entry);
          judged = kNoSubject;
        }
      }
      if (budget-- == 0) {
        from = block.seq_of(*entry);
        for (const std::string& filter : filters) subjects_.for_each(filter, consider);
        return best;
      }
    }
  }
  return Seq{0};
}

Seq FileStore::find_last(std::string_view filter) const {
  Seq best;
  if (filter.empty() || filter == ">") {
    for (auto it = blocks_.rbegin(); it != blocks_.rend(); ++it) {
      if (const BlockEntry* entry = (*it)->back()) return (*it)->seq_of(*entry);
    }
    return best;
  }
  subjects_.for_each(filter, [&](SubjectId id) { best = std::max(best, last_seen_of(id)); });
  return best;
}

// The last message of the subject that lookups find; 0 if there is none.
Seq FileStore::last_seen_of(SubjectId subject) const {
  const SeqList& seqs = subjects_.seqs(subject);
  if (!lazy_.hides(seqs.last())) return seqs.last();
  Seq best;
  for (Seq seq = seqs.first(); seq.value != 0; seq = seqs.at_or_after(seq.next())) {
    if (!lazy_.hides(seq)) best = seq;
  }
  return best;
}

std::map<std::string, std::uint64_t> FileStore::subject_counts(std::string_view filter) const {
  std::map<std::string, std::uint64_t> out;
  subjects_.for_each(filter, [&](SubjectId id) { out.emplace_hint(out.end(), subjects_.name(id), subjects_.seqs(id).size()); });
  return out;
}

std::uint64_t FileStore::count_matching(const std::vector<std::string>& filters, Seq from) const {
  std::uint64_t count = 0;
  if (takes_everything(filters)) {
    const std::size_t at = first_block_from(from);
    // From the nearer end: consumers ask near the last sequence, and near the first.
    if (at > blocks_.size() / 2) {
      for (std::size_t i = at; i < blocks_.size(); ++i) count += blocks_[i]->live_from(from);
      return count;
    }
    count = messages_;
    for (std::size_t i = 0; i < at; ++i) count -= blocks_[i]->live();
    if (at < blocks_.size()) count -= blocks_[at]->live() - blocks_[at]->live_from(from);
    return count;
  }
  std::vector<SubjectId> ids;  // filters may overlap
  for (const std::string& filter : filters) subjects_.for_each(filter, [&](SubjectId id) { ids.push_back(id); });
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  for (const SubjectId id : ids) count += subjects_.seqs(id).count_from(from);
  return count;
}

Seq FileStore::last_seq_of(std::string_view subject) const {
  const SubjectId id = subjects_.find(subject);
  return id == kNoSubject ? Seq{0} : last_seen_of(id);
}

Seq FileStore::seq_at_time(WallTime time) const {
  for (const auto& block : blocks_) {
    if (block->live() == 0 || block->last_time < time.unix_ns) continue;
    if (const BlockEntry* entry = block->at_or_after(time)) return block->seq_of(*entry);
  }
  return last_seq_.next();
}

}  // namespace windtunnel::core
