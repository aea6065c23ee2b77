#include "core/jetstream/pull_requests.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "core/jetstream/go_json.h"
#include "core/jetstream/json_fields.h"

namespace windtunnel::core {
namespace {

// JSON's own limit: a body is at most a payload long, and this many digits are no batch anyone means.
constexpr std::int64_t kBatchMax = 1 << 30;

// What Go says of the first member whose value does not fit its type.
std::string type_error(std::string_view body) {
  struct Field {
    std::string_view name;
    std::string_view type;
  };
  static constexpr std::array<Field, 5> kFields = {
      {{"expires", "time.Duration"}, {"batch", "int"}, {"max_bytes", "int"}, {"no_wait", "bool"}, {"idle_heartbeat", "time.Duration"}}};
  const auto json = nlohmann::ordered_json::parse(body, nullptr, /*allow_exceptions=*/false);
  for (const auto& item : json.items()) {
    const std::string& key = item.key();
    const auto& value = item.value();
    const auto* field = std::find_if(kFields.begin(), kFields.end(), [&](const Field& f) { return f.name == key; });
    if (field == kFields.end() || value.is_null()) continue;
    const bool is_int64 = value.is_number_integer() && !(value.is_number_unsigned() && value.template get<std::uint64_t>() > INT64_MAX);
    if (field->type == "bool" ? value.is_boolean() : is_int64) continue;
    const std::string what = value.is_string()       ? "string"
                             : value.is_boolean()    ? "bool"
                             : value.is_array()      ? "array"
                             : value.is_object()     ? "object"
                             : field->type == "bool" ? "number"
                                                     : "number " + value.dump();
    return std::string("json: cannot unmarshal ")
        .append(what)
        .append(" into Go struct field JSApiConsumerGetNextRequest.")
        .append(key)
        .append(" of type ")
        .append(field->type);
  }
  return "invalid JSON";
}

bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

}  // namespace

Result<PullRequest> parse_pull_request(std::string_view body, Instant now) {
  PullRequest request;
  request.received = now;
  while (!body.empty() && is_space(body.front())) body.remove_prefix(1);
  while (!body.empty() && is_space(body.back())) body.remove_suffix(1);
  if (body.empty()) return request;
  if (body.front() != '{') {  // a number; anything else is one message
    if (body.starts_with("+")) body.remove_prefix(1);
    std::int64_t batch = 0;
    const auto [end, failed] = std::from_chars(body.data(), body.data() + body.size(), batch);
    if (failed == std::errc{} && end == body.data() + body.size()) request.batch = std::clamp(batch, -kBatchMax, kBatchMax);
    return request;
  }
  const std::optional<Json> json = parse_json(body);
  std::int64_t max_bytes = 0;
  Duration expires{0};
  request.batch = 0;
  if (!json) return error(Errc::invalid_argument, go_json_error(body).value_or("invalid JSON"));
  if (!read(*json, "batch", request.batch) || !read(*json, "max_bytes", max_bytes) || !read(*json, "expires", expires) ||
      !read(*json, "no_wait", request.no_wait) || !read(*json, "idle_heartbeat", request.idle_heartbeat)) {
    return error(Errc::invalid_argument, type_error(body));
  }
  request.batch = std::clamp(request.batch, -kBatchMax, kBatchMax);
  if (max_bytes > 0) {
    request.max_bytes = static_cast<std::uint64_t>(max_bytes);
    request.has_max_bytes = true;
  }
  if (expires != Duration{0}) {  // one that lies in the past is over at once
    request.expires = after(now, expires);
    request.has_expires = true;
  }
  if (request.idle_heartbeat > Duration{0}) {
    if (request.idle_heartbeat > expires / 2) return error(Errc::invalid_argument, "heartbeat value too large");
    request.next_heartbeat = after(now, request.idle_heartbeat);
  }
  return request;
}

std::int64_t PullRequests::demand() const {
  std::int64_t sum = 0;
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
