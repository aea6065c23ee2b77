#include "core/server/leaf_interest.h"

#include <algorithm>

#include "core/base/assert.h"
#include "core/nats/writer.h"

namespace windtunnel::core {
namespace {

constexpr std::int64_t kWeightMax = 999'999'999;  // nine digits, as a parser takes them

}  // namespace

LeafInterest::~LeafInterest() {
  for (Name name = 0; name < counts_.size(); ++name) {
    if (counts_[name] > 0) names_.release(name);
  }
}

std::int64_t& LeafInterest::count_of(Name name) {
  if (name >= counts_.size()) counts_.resize(name + 1);
  return counts_[name];
}

void LeafInterest::add(Name name, std::int64_t delta) {
  WT_ASSERT(delta > 0);
  std::int64_t& count = count_of(name);
  if (count == 0) names_.hold(name);
  count += delta;
}

std::vector<LeafInterest::Name> LeafInterest::all() const {
  std::vector<Name> names;
  for (Name name = 0; name < counts_.size(); ++name) {
    if (counts_[name] > 0) names.push_back(name);
  }
  std::sort(names.begin(), names.end(), [this](Name a, Name b) { return names_.text(a) < names_.text(b); });
  return names;
}

void LeafInterest::append(Name name, std::string& out) const {
  const std::string_view queue = names_.queue(name);
  if (counts_[name] == 0) {
    append_leaf_unsubscribe(out, names_.subject(name), queue);
  } else if (queue.empty()) {
    append_leaf_subscribe(out, names_.subject(name));
  } else {
    append_leaf_subscribe(out, names_.subject(name), queue, static_cast<std::uint32_t>(std::min(counts_[name], kWeightMax)));
  }
}

void LeafInterest::append_all(std::string& out) {
  for (const Name name : all()) {
    append(name, out);
    ++said_;
  }
}

void LeafInterest::change(Name name, std::int64_t delta, std::string& out) {
  if (delta == 0) return;
  std::int64_t& count = count_of(name);
  const std::int64_t before = count;
  // Interest that the permissions kept back was never counted.
  if (before == 0 && delta < 0) return;
  count = std::max<std::int64_t>(before + delta, 0);
  if (before == 0) names_.hold(name);
  if (!names_.queue(name).empty() || before == 0 || count == 0) {
    append(name, out);
    ++said_;
  }
  if (count == 0) names_.release(name);
}

}  // namespace windtunnel::core
