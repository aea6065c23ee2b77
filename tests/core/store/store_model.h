// What a stream store must do, as simply as it can be said: a map. For comparison with the real stores.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/nats/subject.h"
#include "core/store/stream_store.h"

namespace windtunnel::tests {

class StoreModel {
 public:
  explicit StoreModel(bool is_memory) : is_memory_(is_memory) {}

  std::map<core::Seq, core::StoredMessage> messages;
  core::Seq last;
  core::StoreLimits limits;

  [[nodiscard]] std::uint64_t size_of(const core::StoredMessage& m) const {
    if (is_memory_) return m.subject.size() + m.headers.size() + m.payload.size() + 16;
    return 30 + m.subject.size() + (m.headers.empty() ? 0 : 4 + m.headers.size()) + m.payload.size();
  }
  [[nodiscard]] std::uint64_t bytes() const {
    std::uint64_t sum = 0;
    for (const auto& [seq, m] : messages) sum += size_of(m);
    return sum;
  }
  [[nodiscard]] std::vector<core::Seq> matching(const std::string& filter) const {
    std::vector<core::Seq> out;
    for (const auto& [seq, m] : messages) {
      if (filter.empty() || core::matches(m.subject, filter)) out.push_back(seq);
    }
    return out;
  }

  // The text of the refusal, if it is refused.
  std::optional<std::string> append(const core::StoredMessage& message) {
    if (limits.discard == core::Discard::new_messages) {
      const auto same = matching(message.subject);
      const bool is_full = limits.max_msgs_per_subject > 0 && same.size() >= static_cast<std::uint64_t>(limits.max_msgs_per_subject);
      if (is_full && limits.discard_new_per_subject) return "maximum messages per subject exceeded";
      if (limits.max_msgs > 0 && !is_full && messages.size() >= static_cast<std::uint64_t>(limits.max_msgs))
        return "maximum messages exceeded";
      if (limits.max_bytes > 0 && bytes() + size_of(message) >= static_cast<std::uint64_t>(limits.max_bytes) &&
          (!is_full || size_of(messages.at(same.front())) <= size_of(message))) {
        return "maximum bytes exceeded";
      }
    }
    last = last.next();
    messages[last] = message;
    messages[last].seq = last;
    enforce();
    return std::nullopt;
  }
  void enforce() {
    if (limits.max_msgs_per_subject > 0) {
      std::map<std::string, std::vector<core::Seq>> by_subject;
      for (const auto& [seq, m] : messages) by_subject[m.subject].push_back(seq);
      for (const auto& [subject, seqs] : by_subject) {
        const auto limit = static_cast<std::size_t>(limits.max_msgs_per_subject);
        for (std::size_t i = 0; i + limit < seqs.size(); ++i) messages.erase(seqs[i]);
      }
    }
    if (limits.discard == core::Discard::new_messages) return;
    while (!messages.empty() && ((limits.max_msgs > 0 && messages.size() > static_cast<std::uint64_t>(limits.max_msgs)) ||
                                 (limits.max_bytes > 0 && bytes() > static_cast<std::uint64_t>(limits.max_bytes)))) {
      messages.erase(messages.begin());
    }
  }
  void expire(core::WallTime now) {
    if (limits.max_age.count() <= 0) return;
    while (!messages.empty() && now - messages.begin()->second.time >= limits.max_age) messages.erase(messages.begin());
  }
  std::vector<core::Seq> purged_by(const core::PurgeRequest& request) const {
    std::vector<core::Seq> out = matching(request.filter);
    if (request.below.value != 0) std::erase_if(out, [&](core::Seq seq) { return seq >= request.below; });
    out.resize(out.size() - static_cast<std::size_t>(std::min<std::uint64_t>(request.keep, out.size())));
    return out;
  }

 private:
  bool is_memory_;
};

}  // namespace windtunnel::tests
