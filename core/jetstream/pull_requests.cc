#include "core/jetstream/pull_requests.h"

#include <algorithm>
#include <charconv>

#include "core/jetstream/go_json.h"
#include "core/jetstream/json_fields.h"

namespace windtunnel::core {
namespace {

// JSON's own limit: a body is at most a payload long, and this many digits are no batch anyone means.
constexpr std::uint64_t kBatchMax = 1u << 30;

bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

}  // namespace

Result<PullRequest> parse_pull_request(std::string_view body, Instant now) {
  PullRequest request;
  request.received = now;
  while (!body.empty() && is_space(body.front())) body.remove_prefix(1);
  while (!body.empty() && is_space(body.back())) body.remove_suffix(1);
  if (body.empty()) return request;
  if (body.front() != '{') {  // a number; anything else is one message
    std::uint64_t batch = 0;
    const auto [end, failed] = std::from_chars(body.data(), body.data() + body.size(), batch);
    if (failed == std::errc{} && end == body.data() + body.size()) request.batch = std::clamp<std::uint64_t>(batch, 1, kBatchMax);
    return request;
  }
  const std::optional<Json> json = parse_json(body);
  std::int64_t batch = 0;
  std::int64_t max_bytes = 0;
  Duration expires{0};
  if (!json) return error(Errc::invalid_argument, go_json_error(body).value_or("invalid JSON"));
  if (!read(*json, "batch", batch) || !read(*json, "max_bytes", max_bytes) || !read(*json, "expires", expires) ||
      !read(*json, "no_wait", request.no_wait) || !read(*json, "idle_heartbeat", request.idle_heartbeat)) {
    return error(Errc::invalid_argument, "invalid JSON");
  }
  request.batch = static_cast<std::uint64_t>(std::clamp<std::int64_t>(batch, 1, kBatchMax));
  if (max_bytes > 0) {
    request.max_bytes = static_cast<std::uint64_t>(max_bytes);
    request.has_max_bytes = true;
  }
  if (expires > Duration{0}) {
    request.expires = after(now, expires);
    request.has_expires = true;
  }
  if (request.idle_heartbeat > Duration{0}) {
    if (request.idle_heartbeat > expires / 2) return error(Errc::invalid_argument, "heartbeat value too large");
    request.next_heartbeat = after(now, request.idle_heartbeat);
  }
  return request;
}

std::uint64_t PullRequests::demand() const {
  std::uint64_t sum = 0;
  for (const PullRequest& request : waiting_) sum += request.batch;
  return sum;
}

PullRequest PullRequests::take_front() {
  PullRequest request = std::move(waiting_.front());
  waiting_.pop_front();
  return request;
}

Instant PullRequests::next_event() const {
  Instant next = kForever;
  for (const PullRequest& request : waiting_) next = std::min({next, request.expires, request.next_heartbeat});
  return next;
}

}  // namespace windtunnel::core
