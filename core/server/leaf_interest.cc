#include "core/server/leaf_interest.h"

#include <algorithm>

#include "core/base/assert.h"
#include "core/nats/writer.h"

namespace windtunnel::core {
namespace {

constexpr std::int64_t kWeightMax = 999'999'999;  // nine digits, as a parser takes them

std::string key_of(std::string_view subject, std::string_view queue) {
  std::string key{subject};
  if (!queue.empty()) key.append(" ").append(queue);
  return key;
}

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

void LeafInterest::append_all(std::string& out) {
  said_ += counts_.size();
  for (const auto& [key, count] : counts_) {
    const std::size_t space = key.find(' ');
    const std::string_view subject = std::string_view(key).substr(0, space);
    append_count(out, subject, space == std::string::npos ? std::string_view{} : std::string_view(key).substr(space + 1), count);
  }
}

void LeafInterest::change(std::string_view subject, std::string_view queue, std::int64_t delta, std::string& out) {
  if (delta == 0) return;
  const std::string key = key_of(subject, queue);
  const auto found = counts_.find(key);
  // Interest that the permissions kept back was never counted.
  if (found == counts_.end() && delta < 0) return;
  const std::int64_t before = found == counts_.end() ? 0 : found->second;
  const std::int64_t now = before + delta;
  if (now > 0) {
    counts_[key] = now;
  } else {
    counts_.erase(found);
  }
  if (queue.empty() && before > 0 && now > 0) return;
  append_count(out, subject, queue, now);
  ++said_;
}

}  // namespace windtunnel::core
