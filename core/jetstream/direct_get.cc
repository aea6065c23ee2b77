#include "core/jetstream/direct_get.h"

#include <algorithm>
#include <utility>

#include "core/base/defects.h"
#include "core/base/json_writer.h"
#include "core/env/env.h"
#include "core/jetstream/json_fields.h"
#include "core/nats/headers.h"

namespace windtunnel::core {
namespace {

constexpr std::size_t kRequestsMax = 10'000;  // more are dropped, and their clients time out
constexpr std::string_view kPrefix = "$JS.API.DIRECT.GET.";
constexpr std::string_view kGroup = "_sys_";

}  // namespace

std::optional<MessageQuery> parse_message_query(std::string_view body) {
  const std::optional<Json> json = parse_request(body);
  MessageQuery query;
  if (!json || !read(*json, "seq", query.seq) || !read(*json, "last_by_subj", query.last_by_subject) ||
      !read(*json, "next_by_subj", query.next_by_subject)) {
    return std::nullopt;
  }
  return query;
}

std::optional<StoredMessage> find_message(StreamStore& store, const MessageQuery& query) {
  Result<std::optional<StoredMessage>> found{std::nullopt};
  if (!query.last_by_subject.empty()) {
    found = store.load_last(query.last_by_subject);
  } else if (!query.next_by_subject.empty()) {
    found = store.load_next({query.next_by_subject}, std::max(query.seq, Seq{1}));
  } else {
    Result<StoredMessage> message = store.load(query.seq);
    if (message) return std::move(*message);
  }
  return found ? std::move(*found) : std::nullopt;
}

DirectGet::DirectGet(Env& env, Bus& bus, StreamStore& store, std::string stream)
    : env_(env), bus_(bus), store_(store), stream_(std::move(stream)), requests_(env.tasks, kRequestsMax), scope_(env.tasks) {
  scope_.spawn("direct gets " + stream_, [this] { loop(); });
}

DirectGet::~DirectGet() {
  for (const SubscriptionId id : subscriptions_) bus_.unsubscribe(id);
}

bool DirectGet::serves(const std::string& stream) const { return std::find(served_.begin(), served_.end(), stream) != served_.end(); }

void DirectGet::serve(const std::string& stream) {
  if (serves(stream)) return;
  served_.push_back(stream);
  const std::string subject = std::string(kPrefix) + stream;
  const auto take = [this](bool is_by_subject) {
    return [this, is_by_subject](const MessageView& m, bool) {
      if (m.reply.empty()) return;
      requests_.try_push(Request{std::string(m.subject), std::string(m.reply), std::string(m.payload), is_by_subject});
    };
  };
  subscriptions_.push_back(bus_.subscribe(subject, kGroup, take(false)));
  subscriptions_.push_back(bus_.subscribe(subject + ".>", kGroup, take(true)));
}

void DirectGet::stop() {
  for (const SubscriptionId id : std::exchange(subscriptions_, {})) bus_.unsubscribe(id);
  requests_.clear();
  requests_.close();
  scope_.join();
}

void DirectGet::loop() {
  while (const std::optional<Request> request = requests_.pop("direct gets")) answer(*request);
}

void DirectGet::refuse(const std::string& reply, unsigned code, std::string_view why) {
  const std::string headers = status_block(code, why);
  bus_.publish(MessageView{.subject = reply, .reply = {}, .headers = headers, .payload = {}});
}

void DirectGet::answer(const Request& request) {
  MessageQuery query;
  if (request.is_by_subject) {
    if (!request.body.empty()) return refuse(request.reply, 408, "Bad Request");
    const std::size_t end_of_stream = request.subject.find('.', kPrefix.size());
    query.last_by_subject = request.subject.substr(end_of_stream + 1);
  } else {
    if (request.body.empty()) return refuse(request.reply, 408, "Empty Request");
    const std::optional<MessageQuery> parsed = parse_message_query(request.body);
    if (!parsed) return refuse(request.reply, 408, "Malformed Request");
    query = *parsed;
  }
  if (query.is_empty()) return refuse(request.reply, 408, "Empty Request");
  if (query.is_contradictory()) return refuse(request.reply, 408, "Bad Request");
  const std::optional<StoredMessage> message = find_message(store_, query);
  const bool is_blind = env_.defects.is_on(Defect::break_stale_latest) && !query.last_by_subject.empty();
  if (!message || (is_blind && message->seq == store_.last_seq())) return refuse(request.reply, 404, "Message Not Found");
  std::string headers = message->headers;
  append_header(headers, "Nats-Stream", stream_);
  append_header(headers, "Nats-Subject", message->subject);
  append_header(headers, "Nats-Sequence", std::to_string(message->seq.value));
  append_header(headers, "Nats-Time-Stamp", rfc3339(message->time));
  bus_.publish(MessageView{.subject = request.reply, .reply = {}, .headers = headers, .payload = message->payload});
}

}  // namespace windtunnel::core
