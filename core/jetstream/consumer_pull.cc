// A pull consumer's requests: who waits, for how long, and what is told when it ends (reference: streams C.6, jetstream-api
// 6.1).

#include <algorithm>
#include <utility>
#include <vector>

#include "core/env/clock.h"
#include "core/env/env.h"
#include "core/jetstream/consumer.h"
#include "core/jetstream/go_duration.h"
#include "core/nats/headers.h"

namespace windtunnel::core {
namespace {

using namespace std::chrono_literals;

// With leaf nodes about, a fresh request's interest may still be on its way (streams C.6).
constexpr Duration kRecentInterest = 2s;
// A full queue is searched for requests that nobody waits for any more at most this often.
constexpr Duration kSearchPause = 1s;

}  // namespace

// From the bus: checks, and queues. Does not suspend.
void Consumer::on_pull_request(const MessageView& message) {
  if (message.reply.empty() || is_closed_) return;
  const std::string reply{message.reply};
  if (!config_.is_pull()) return send_status(reply, "409 Consumer is push based", false, nullptr);
  const Instant now = env_.clock.now();
  Result<PullRequest> request = parse_pull_request(message.payload, now);
  if (!request) return send_status(reply, "400 Bad Request - " + request.error().detail, false, nullptr);
  if (config_.max_batch > 0 && request->batch > config_.max_batch) {
    return send_status(reply, "409 Exceeded MaxRequestBatch of " + std::to_string(config_.max_batch), false, nullptr);
  }
  if (config_.max_expires > 0s && request->has_expires && request->expires - now > config_.max_expires) {
    return send_status(reply, "409 Exceeded MaxRequestExpires of " + go_duration(config_.max_expires), false, nullptr);
  }
  if (config_.max_bytes > 0 && request->max_bytes > static_cast<std::uint64_t>(config_.max_bytes)) {
    return send_status(reply, "409 Exceeded MaxRequestMaxBytes of " + std::to_string(config_.max_bytes), false, nullptr);
  }
  last_used_ = now;
  const auto is_full = [&] { return requests_.size() >= static_cast<std::size_t>(config_.max_waiting); };
  if (is_full() && now - requests_searched_ > kSearchPause) prune_requests();
  if (request->no_wait) {
    const auto available = static_cast<std::int64_t>(num_pending() + redeliver_.size());
    if (available == 0 && !request->has_expires) {
      requests_searched_ = now;
      return send_status(reply, "404 No Messages", false, nullptr);
    }
    if (available > 0) {
      prune_requests();
      if (available < requests_.demand()) return send_status(reply, "408 Requests Pending", false, nullptr);
    }
  }
  if (is_full()) return send_status(reply, "409 Exceeded MaxWaiting", false, nullptr);
  request->reply = reply;
  requests_.add(std::move(*request));
  wake();
}

// The request that gets the next message, taken out of the queue; nullopt if nobody can take it.
std::optional<PullRequest> Consumer::take_request(std::size_t size) {
  while (!requests_.is_empty()) {
    PullRequest request = requests_.take_front();
    if (!is_heard(request)) continue;
    if (env_.clock.now() >= request.expires) {
      send_status(request.reply, "408 Request Timeout", true, &request);
    } else if (request.has_max_bytes && size > request.max_bytes) {
      send_status(request.reply, "409 Message Size Exceeds MaxBytes", true, &request);
    } else {
      return request;
    }
  }
  return std::nullopt;
}

// It got a message: it goes to the back of the queue, if it may have more.
void Consumer::served(PullRequest request, std::size_t size) {
  --request.batch;
  ++request.delivered;
  if (request.idle_heartbeat > 0s) request.next_heartbeat = after(env_.clock.now(), request.idle_heartbeat);
  if (request.has_max_bytes) {
    request.max_bytes -= size;
    if (request.max_bytes == 0) request.batch = 0;  // full to the byte: it ends without a word
    if (request.batch <= 0 && request.max_bytes > 0) send_status(request.reply, "409 Batch Completed", true, &request);
  }
  if (request.batch > 0) requests_.add(std::move(request));
}

// The end of the stream was reached: requests that do not wait and have had something are answered. One that found messages when it
// came, and now there are none, waits like any other, as with nats-server (2.10.27 and 2.15.1).
void Consumer::stream_exhausted() {
  const auto is_over = [](const PullRequest& r) { return r.no_wait && r.delivered > 0; };
  for (const PullRequest& request : requests_.take_if(is_over)) send_status(request.reply, "408 Request Timeout", true, &request);
}

// Ends those whose time is over, and tells those that are due a heartbeat.
void Consumer::check_requests(bool is_at_rest) {
  const Instant now = env_.clock.now();
  if (requests_.next_event() > now) return;
  requests_searched_ = now;
  // With whatever ends by its time those end that do not wait and have had something, also while max_ack_pending holds
  // messages back.
  const auto is_over = [&](const PullRequest& r) { return now >= r.expires || (is_at_rest && r.no_wait && r.delivered > 0); };
  for (const PullRequest& request : requests_.take_if(is_over)) {
    send_status(request.reply, "408 Request Timeout", true, &request);
    last_used_ = now;
  }
  std::vector<std::string> due;
  for (PullRequest& request : requests_.all()) {
    if (now < request.next_heartbeat) continue;
    request.next_heartbeat = after(now, request.idle_heartbeat);
    due.push_back(request.reply);
  }
  for (const std::string& reply : due) {
    const std::string headers = heartbeat_headers();
    bus_.publish(MessageView{.subject = reply, .reply = {}, .headers = headers, .payload = {}});
  }
}

bool Consumer::is_heard(const PullRequest& request) const {
  return bus_.has_interest(request.reply) || (bus_.has_leafs() && env_.clock.now() - request.received < kRecentInterest);
}

// Forgets requests whose inbox nobody listens to any more.
void Consumer::prune_requests() {
  requests_searched_ = env_.clock.now();
  auto& waiting = requests_.all();
  waiting.erase(std::remove_if(waiting.begin(), waiting.end(), [this](const PullRequest& r) { return !is_heard(r); }), waiting.end());
}

void Consumer::send_status(const std::string& reply, std::string_view status, bool with_pending, const PullRequest* request) {
  const unsigned code = static_cast<unsigned>((status[0] - '0') * 100 + (status[1] - '0') * 10 + (status[2] - '0'));
  std::string headers = status_block(code, status.substr(4));
  if (with_pending && request != nullptr) {
    append_header(headers, "Nats-Pending-Messages", std::to_string(request->batch));
    append_header(headers, "Nats-Pending-Bytes", std::to_string(request->max_bytes));
  }
  bus_.publish(MessageView{.subject = reply, .reply = {}, .headers = headers, .payload = {}});
}

}  // namespace windtunnel::core
