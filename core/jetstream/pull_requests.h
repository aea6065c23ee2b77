// The pull requests that wait at a consumer, served round robin (reference: jetstream-api 6.1, streams C.6).
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/base/types.h"

namespace windtunnel::core {

struct PullRequest {
  std::string reply;
  // Messages still wanted. A request in JSON that says none, or less, gets one all the same, and is told of it as -1.
  std::int64_t batch = 1;
  std::uint64_t max_bytes = 0;  // bytes still allowed; 0: unlimited
  bool has_max_bytes = false;
  Instant expires = kForever;
  bool has_expires = false;
  bool no_wait = false;
  Duration idle_heartbeat{0};
  Instant received;
  Instant next_heartbeat = kForever;
  std::uint64_t delivered = 0;
};

// Reads the body of a MSG.NEXT request: empty, a number, or JSON. `now` dates it.
// Errors: invalid_argument, with the text for "400 Bad Request - <text>".
[[nodiscard]] Result<PullRequest> parse_pull_request(std::string_view body, Instant now);

class PullRequests {
 public:
  void add(PullRequest request) { waiting_.push_back(std::move(request)); }
  [[nodiscard]] bool is_empty() const { return waiting_.empty(); }
  [[nodiscard]] std::size_t size() const { return waiting_.size(); }
  [[nodiscard]] std::deque<PullRequest>& all() { return waiting_; }
  // Messages that all requests together still want.
  [[nodiscard]] std::int64_t demand() const;
  // Requires: not empty.
  PullRequest take_front();
  // Takes out all that `condition` holds for, in their order.
  template <typename Condition>
  std::vector<PullRequest> take_if(Condition condition) {
    std::vector<PullRequest> taken;
    if (std::none_of(waiting_.begin(), waiting_.end(), condition)) return taken;  // as nearly always
    std::deque<PullRequest> rest;
    for (PullRequest& request : waiting_) {
      if (condition(request)) {
        taken.push_back(std::move(request));
      } else {
        rest.push_back(std::move(request));
      }
    }
    waiting_ = std::move(rest);
    return taken;
  }
  // When the first of them expires or is due a heartbeat.
  [[nodiscard]] Instant next_event() const;

 private:
  std::deque<PullRequest> waiting_;
};

}  // namespace windtunnel::core
