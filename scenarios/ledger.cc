#include "scenarios/ledger.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "core/base/assert.h"

namespace windtunnel::scenarios {

PublishRecord::PublishRecord(core::Instant published_at)
    : published_ns_(static_cast<std::uint64_t>(published_at.time_since_epoch().count()) & ((std::uint64_t{1} << 50) - 1)),
      outcome_(static_cast<std::uint64_t>(Outcome::pending)),
      is_duplicate_(0),
      stream_(0),
      seq_(0),
      settled_after_(0),
      content_(0) {}

void PublishRecord::note_attempt(bool is_refused) {
  WT_ASSERT(outcome() == Outcome::pending);
  seq_ = ((seq_ & ~kRefusalMask) | static_cast<std::uint64_t>(is_refused ? Refusal::other : Refusal::none)) & kSeqMask;
}

void PublishRecord::settle(Outcome outcome, core::Instant at) {
  constexpr std::uint64_t kMax = (std::uint64_t{1} << 28) - 1;
  outcome_ = static_cast<std::uint64_t>(outcome) & 7;
  const core::Duration waited = std::max(core::Duration{0}, at - published_at());
  settled_after_ = std::min(kMax, static_cast<std::uint64_t>((waited + kSettledUnit - core::Duration{1}) / kSettledUnit)) & kMax;
}

void PublishRecord::settle_acked(core::Instant at, std::uint16_t stream, core::Seq seq, bool is_duplicate) {
  settle(Outcome::acked, at);
  stream_ = stream & (kStreamsMax - 1U);
  seq_ = seq.value & kSeqMask;
  is_duplicate_ = is_duplicate ? 1 : 0;
}

void PublishRecord::settle_refused(core::Instant at, std::uint16_t stream, Refusal why) {
  settle(Outcome::error, at);
  stream_ = stream & (kStreamsMax - 1U);
  seq_ = ((seq_ & ~kRefusalMask) | static_cast<std::uint64_t>(why)) & kSeqMask;
}

void PublishRecord::set_job(std::uint64_t job) {
  WT_ASSERT(outcome() == Outcome::pending && job < kSeqMask >> kRefusalBits);
  seq_ = (seq_ & kRefusalMask) | (((job + 1) << kRefusalBits) & kSeqMask);
}

std::optional<std::uint64_t> PublishRecord::job() const {
  const std::uint64_t job = outcome() == Outcome::acked ? 0 : seq_ >> kRefusalBits;
  return job == 0 ? std::nullopt : std::optional{job - 1};
}

std::uint64_t Ledger::Book::count(Outcome outcome) const {
  const auto forgotten = forgotten_.find(outcome);
  std::uint64_t count = forgotten == forgotten_.end() ? 0 : forgotten->second;
  each([&](std::uint64_t, const PublishRecord& record) {
    count += record.outcome() == outcome ? 1 : 0;
    return true;
  });
  return count;
}

std::uint64_t Ledger::Book::count_duplicates() const {
  std::uint64_t count = forgotten_duplicates_;
  each([&](std::uint64_t, const PublishRecord& record) {
    count += record.outcome() == Outcome::acked && record.is_duplicate() ? 1 : 0;
    return true;
  });
  return count;
}

const PublishRecord* Ledger::Book::find(std::uint64_t index) const {
  if (index >= first_) return index < size() ? &records_[index - first_] : nullptr;
  const auto odd = odd_.find(index);
  return odd == odd_.end() ? nullptr : &odd->second;
}

std::uint16_t Ledger::open(std::string name, Via via) {
  numbers_[name].push_back(static_cast<std::uint16_t>(books_.size()));
  Book& book = books_.emplace_back();
  book.name = std::move(name);
  book.via = via;
  return static_cast<std::uint16_t>(books_.size() - 1);
}

const Ledger::Book* Ledger::book(std::string_view name) const {
  const auto it = std::find_if(books_.begin(), books_.end(), [&](const Book& b) { return b.name == name; });
  return it == books_.end() ? nullptr : &*it;
}

PublishRecord& Ledger::at(PublishId id) { return const_cast<PublishRecord&>(std::as_const(*this).at(id)); }

const PublishRecord& Ledger::at(PublishId id) const {
  const PublishRecord* record = books_[id.workload].find(id.index);
  WT_ASSERT(record != nullptr);
  return *record;
}

bool Ledger::is_genuine(PublishId id, std::uint64_t content) const {
  if (id.workload >= books_.size() || id.index >= books_[id.workload].size()) return false;
  const PublishRecord* record = books_[id.workload].find(id.index);
  return record == nullptr || record->content() == content;
}

PublishId Ledger::add(std::uint16_t workload, core::Instant now) {
  Book& book = books_[workload];
  book.records_.emplace_back(now);
  return PublishId{workload, book.size() - 1};
}

std::uint16_t Ledger::stream_number(const std::string& stream, const std::string& domain) {
  const auto [place, is_new] = stream_numbers_.try_emplace(std::pair{stream, domain}, static_cast<std::uint16_t>(streams_.size()));
  if (!is_new) return place->second;
  WT_ASSERT(streams_.size() < PublishRecord::kStreamsMax);
  streams_.emplace_back(stream, domain);
  return place->second;
}

std::string Ledger::name_of(PublishId id) const { return books_[id.workload].name + "#" + std::to_string(id.index); }

std::string Ledger::payload(PublishId id, core::Bytes size) const {
  std::string out;
  const std::string name = name_of(id);
  out.reserve(std::max<std::size_t>(name.size() + 1, size.value));
  out.append(name).append(";");
  // The filler, repeated, from where size and number say.
  static constexpr std::string_view kFiller = "0123456789abcdefghijklmnopqrstuvwxyz";
  while (out.size() < size.value) out.append(kFiller.substr((out.size() + id.index) % kFiller.size(), size.value - out.size()));
  return out;
}

std::optional<PublishId> Ledger::identify(std::string_view payload) const {
  const std::size_t end = payload.find(';');
  if (end == std::string_view::npos) return std::nullopt;
  const std::size_t hash = payload.rfind('#', end);
  if (hash == std::string_view::npos) return std::nullopt;
  const std::string_view name = payload.substr(0, hash);
  const std::string_view digits = payload.substr(hash + 1, end - hash - 1);
  std::uint64_t index = 0;
  const auto [stop, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), index);
  if (failed != std::errc{} || stop != digits.data() + digits.size()) return std::nullopt;
  const auto numbers = numbers_.find(name);
  if (numbers == numbers_.end()) return std::nullopt;
  for (const std::uint16_t number : numbers->second) {
    if (index < books_[number].size()) return PublishId{number, index};
  }
  return std::nullopt;
}

}  // namespace windtunnel::scenarios
