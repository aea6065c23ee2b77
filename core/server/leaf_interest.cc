#include "core/server/leaf_interest.h"

#include <algorithm>

#include "core/base/assert.h"
#include "core/base/in_order.h"
#include "core/nats/writer.h"

namespace windtunnel::core {
namespace {

constexpr std::int64_t kWeightMax = 999'999'999;  // nine digits, as a parser takes them

void append_count(std::string& out, std::string_view subject, std::string_view queue, std::int64_t count) {
  if (count <= 0) {
    append_leaf_unsubscribe(out, subject, queue);
  } else if (queue.empty()) {
    append_leaf_subscribe(out, subject);
  } else {
    append_leaf_subscribe(out, subject, queue, static_cast<std::uint32_t>(std::min<std::int64_t>(count, kWeightMax)));
  }
}

}  // namespace

void LeafInterest::add(std::string_view subject, std::string_view queue, std::int64_t delta) {
  WT_ASSERT(delta > 0);
  counts_[key_of(subject, queue)] += delta;
}

const std::string& LeafInterest::key_of(std::string_view subject, std::string_view queue) {
  key_ = subject;
  if (!queue.empty()) key_.append(" ").append(queue);
  return key_;
}

std::vector<std::pair<std::string_view, std::int64_t>> LeafInterest::all() const {
  return in_order<std::pair<std::string_view, std::int64_t>>(counts_);
}

void LeafInterest::append_all(std::string& out) {
  said_ += counts_.size();
  for (const auto& [key, count] : all()) {
    const std::size_t space = key.find(' ');
    append_count(out, key.substr(0, space), space == std::string_view::npos ? std::string_view{} : key.substr(space + 1), count);
  }
}

void LeafInterest::change(std::string_view subject, std::string_view queue, std::int64_t delta, std::string& out) {
  if (delta == 0) return;
  // Interest that the permissions kept back was never counted.
  const auto found = delta > 0 ? counts_.try_emplace(key_of(subject, queue), 0).first : counts_.find(key_of(subject, queue));
  if (found == counts_.end()) return;
  const std::int64_t before = found->second;
  const std::int64_t now = before + delta;
  if (now > 0) {
    found->second = now;
  } else {
    counts_.erase(found);
  }
  if (queue.empty() && before > 0 && now > 0) return;
  append_count(out, subject, queue, now);
  ++said_;
}

}  // namespace windtunnel::core
