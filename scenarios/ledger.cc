#include "scenarios/ledger.h"

#include <algorithm>
#include <charconv>

#include "core/base/assert.h"

namespace windtunnel::scenarios {

std::uint64_t Ledger::Book::count(Outcome outcome) const {
  return static_cast<std::uint64_t>(
      std::count_if(records.begin(), records.end(), [&](const PublishRecord& r) { return r.outcome == outcome; }));
}

std::uint16_t Ledger::open(std::string name, Via via) {
  books_.push_back(Book{std::move(name), via, {}});
  return static_cast<std::uint16_t>(books_.size() - 1);
}

const Ledger::Book* Ledger::book(std::string_view name) const {
  const auto it = std::find_if(books_.begin(), books_.end(), [&](const Book& b) { return b.name == name; });
  return it == books_.end() ? nullptr : &*it;
}

PublishId Ledger::add(std::uint16_t workload, core::Instant now) {
  std::vector<PublishRecord>& records = books_[workload].records;
  PublishRecord record;
  record.published_at = record.settled_at = now;
  records.push_back(record);
  return PublishId{workload, records.size() - 1};
}

std::uint16_t Ledger::stream_number(const std::string& stream, const std::string& domain) {
  const auto it = std::find(streams_.begin(), streams_.end(), std::pair{stream, domain});
  if (it != streams_.end()) return static_cast<std::uint16_t>(it - streams_.begin());
  WT_ASSERT(streams_.size() < UINT16_MAX);
  streams_.emplace_back(stream, domain);
  return static_cast<std::uint16_t>(streams_.size() - 1);
}

std::string Ledger::payload(PublishId id, core::Bytes size) const {
  std::string out = books_[id.workload].name + "#" + std::to_string(id.index) + ";";
  static constexpr std::string_view kFiller = "0123456789abcdefghijklmnopqrstuvwxyz";
  while (out.size() < size.value) out += kFiller[(out.size() + id.index) % kFiller.size()];
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
  for (std::size_t i = 0; i < books_.size(); ++i) {
    if (books_[i].name == name && index < books_[i].records.size()) return PublishId{static_cast<std::uint16_t>(i), index};
  }
  return std::nullopt;
}

}  // namespace windtunnel::scenarios
