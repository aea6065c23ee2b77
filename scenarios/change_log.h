// ChangeLog: how operators changed streams and consumers while a scenario ran. Under another configuration a stream may let other
// messages go, and a consumer that was deleted and made again starts anew.
#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/base/types.h"
#include "scenarios/history.h"

namespace windtunnel::scenarios {

// A request that changes something. It may have taken effect at any time from when it was asked for; one without an answer, even at
// the end. One that was refused had no effect.
struct Change {
  core::Instant asked_at;
  std::optional<core::Instant> answered_at;
  bool is_refused = false;

  [[nodiscard]] bool may_come_between(core::Instant from, core::Instant to) const {
    return !is_refused && asked_at <= to && (!answered_at || *answered_at >= from);
  }
};

struct ConfigChange : Change {
  std::string body;  // the JSON of the whole configuration
};

struct ConsumerChange : Change {
  bool is_deletion = false;  // else a creation
};

class ChangeLog {
 public:
  // What is behind the reference grows: it holds until the next change of the same stream or consumer.
  std::vector<ConfigChange>& of(const StreamKey& stream) { return configs_[stream]; }
  std::vector<ConsumerChange>& of(const ConsumerKey& consumer) { return consumers_[consumer]; }

  // In the order in which they were asked for.
  [[nodiscard]] const std::vector<ConfigChange>& changes_of(const StreamKey& stream) const {
    static const std::vector<ConfigChange> kNone;
    const auto found = configs_.find(stream);
    return found == configs_.end() ? kNone : found->second;
  }

  // The configurations that the stream had, or may have had, besides its first.
  [[nodiscard]] std::vector<std::string> bodies_of(const StreamKey& stream) const {
    std::vector<std::string> out;
    for (const ConfigChange& change : changes_of(stream)) {
      if (!change.is_refused) out.push_back(change.body);
    }
    return out;
  }

  // When somebody first asked for another configuration; kForever: never. Refused ones do not count.
  [[nodiscard]] core::Instant first_change(const StreamKey& stream) const {
    const std::vector<ConfigChange>& all = changes_of(stream);
    const auto first = std::find_if(all.begin(), all.end(), [](const ConfigChange& change) { return !change.is_refused; });
    return first == all.end() ? core::kForever : first->asked_at;
  }

  // Whether the stream's configuration was changing at that time, and nobody had been told by `until` that it was done.
  [[nodiscard]] bool is_changing(const StreamKey& stream, core::Instant at, core::Instant until) const {
    const std::vector<ConfigChange>& all = changes_of(stream);
    return std::any_of(all.begin(), all.end(), [&](const ConfigChange& change) {
      return !change.is_refused && change.asked_at <= at && (!change.answered_at || *change.answered_at > until);
    });
  }

  // Whether the consumer may have been deleted in that time.
  [[nodiscard]] bool may_be_renewed(const ConsumerKey& consumer, core::Instant from, core::Instant to) const {
    for (const ConsumerChange& change : changes_of(consumer)) {
      if (change.is_deletion && change.may_come_between(from, to)) return true;
    }
    return false;
  }

  // Whether no operator ever asked for a change of it.
  [[nodiscard]] bool is_untouched(const ConsumerKey& consumer) const { return changes_of(consumer).empty(); }

  // Whether there may have been no such consumer at that time.
  [[nodiscard]] bool may_be_absent(const ConsumerKey& consumer, core::Instant at) const {
    bool may_be = false;
    for (const ConsumerChange& change : changes_of(consumer)) {
      if (change.is_refused || change.asked_at > at) continue;
      if (change.is_deletion) may_be = true;
      if (!change.is_deletion && change.answered_at && *change.answered_at <= at) may_be = false;
    }
    return may_be;
  }

  // When it was last asked for anew. Time 0 if never.
  [[nodiscard]] core::Instant last_creation(const ConsumerKey& consumer) const {
    core::Instant last{};
    bool was_deleted = false;
    for (const ConsumerChange& change : changes_of(consumer)) {
      if (change.is_refused) continue;
      if (!change.is_deletion && was_deleted) last = change.asked_at;
      was_deleted = change.is_deletion;
    }
    return last;
  }

  // When the consumer was last asked to go: what it knew before, the one that is there now need not know. Time 0 if never.
  [[nodiscard]] core::Instant last_deletion(const ConsumerKey& consumer) const {
    core::Instant last{};
    for (const ConsumerChange& change : changes_of(consumer)) {
      if (change.is_deletion && !change.is_refused) last = change.asked_at;
    }
    return last;
  }

 private:
  [[nodiscard]] const std::vector<ConsumerChange>& changes_of(const ConsumerKey& consumer) const {
    static const std::vector<ConsumerChange> kNone;
    const auto found = consumers_.find(consumer);
    return found == consumers_.end() ? kNone : found->second;
  }

  std::map<StreamKey, std::vector<ConfigChange>> configs_;
  std::map<ConsumerKey, std::vector<ConsumerChange>> consumers_;
};

}  // namespace windtunnel::scenarios
