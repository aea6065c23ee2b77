// What an OriginConsumer asks of its origin: what it is, whether it is still the one, and for a consumer.
#include <algorithm>
#include <array>
#include <utility>

#include "core/base/base64.h"
#include "core/base/defects.h"
#include "core/base/json_writer.h"
#include "core/base/time_text.h"
#include "core/env/clock.h"
#include "core/env/env.h"
#include "core/env/log.h"
#include "core/jetstream/copy_timing.h"
#include "core/jetstream/json_fields.h"
#include "core/jetstream/origin_consumer.h"
#include "core/jetstream/origin_consumer_names.h"
#include "core/jetstream/short_hash.h"

namespace windtunnel::core {

using namespace std::chrono_literals;
using namespace copy_timing;

namespace {

constexpr Duration kAckWait = 22h;
constexpr std::size_t kTokenSize = 8;

// The error of an answer; nullopt if it has none.
ApiStatus error_in(const Json& answer) {
  const Json* refused = member(answer, "error");
  if (refused == nullptr) return std::nullopt;
  ApiError failure;
  std::int64_t code = 0;
  std::int64_t err_code = 0;
  if (refused->is_object() && read(*refused, "code", code) && read(*refused, "err_code", err_code) &&
      read(*refused, "description", failure.description)) {
    failure.code = static_cast<int>(code);
    failure.err_code = static_cast<int>(err_code);
  }
  return failure;
}

}  // namespace

// As one that names no domain does, instead of the one that this one names (nats-6468).
bool OriginConsumer::looks_at_home() const {
  return reader_.kind == Kind::source && origin_.external && env_.defects.is_on(Defect::nats_6468);
}

std::string OriginConsumer::api(std::string_view operation) const {
  return (origin_.external && !looks_at_home() ? origin_.external->api : "$JS.API") + "." + std::string(operation) + "." + origin_.name;
}

// Without a name this is what shows whether the origin's API can be reached; one with a name is asked where it has a filter.
std::string OriginConsumer::request_subject(const std::string& name) const {
  if (name.empty()) return api("CONSUMER.CREATE");
  if (is_acknowledged_) return api("CONSUMER.DURABLE.CREATE") + "." + name;
  std::string filter = origin_.filter_subject;
  // A source's single transform is a filter as any other.
  if (reader_.kind == Kind::source && origin_.subject_transforms.size() == 1) filter = origin_.subject_transforms.front().source;
  return filter.empty() ? api("CONSUMER.CREATE") : api("CONSUMER.CREATE") + "." + name + "." + filter;
}

std::string OriginConsumer::request_body(const std::string& name, const std::string& deliver) const {
  const OriginStart start = owner_.start_at();
  JsonWriter json;
  json.begin_object().field("stream_name", origin_.name).key("config").begin_object();
  if (is_acknowledged_) json.field("durable_name", name);
  // A work queue hands out everything that is left, and nothing else: so it wants to be asked (10101).
  if (is_work_queue_ || start.policy == OriginStart::Policy::all) {
    json.field("deliver_policy", "all");
  } else if (start.policy == OriginStart::Policy::by_sequence) {
    json.field("deliver_policy", "by_start_sequence").field("opt_start_seq", start.seq.value);
  } else {
    json.field("deliver_policy", "by_start_time").field("opt_start_time", start.time);
  }
  json.field("ack_policy", is_acknowledged_ ? "explicit" : "none").field("ack_wait", Duration{kAckWait}.count());
  json.field("max_deliver", is_acknowledged_ ? -1 : 1);
  const bool has_one_transform = reader_.kind == Kind::source && origin_.subject_transforms.size() == 1;
  const std::string& filter = has_one_transform ? origin_.subject_transforms.front().source : origin_.filter_subject;
  if (!filter.empty()) json.field("filter_subject", filter);
  if (!has_one_transform && !origin_.subject_transforms.empty()) {
    json.key("filter_subjects").begin_array();
    for (const SubjectTransformConfig& each : origin_.subject_transforms) json.text(each.source);
    json.end_array();
  }
  json.field("replay_policy", "instant");
  if (is_acknowledged_) json.field("max_ack_pending", -1);
  json.field("idle_heartbeat", Duration{kHeartbeat}.count()).field("flow_control", true).field("deliver_subject", deliver);
  if (!is_acknowledged_) json.field("inactive_threshold", Duration{kOriginInactive}.count());
  json.field("num_replicas", 0);
  if (!is_acknowledged_) json.field("direct", true);
  json.end_object().field("action", "").end_object();
  return json.take();
}

// Asks, and waits for the answer. nullopt at the time-out, when nobody takes the request, or when the way to the origin
// changed meanwhile (the answer is then most likely lost). Suspends.
std::optional<std::string> OriginConsumer::ask(const std::string& subject, const std::string& body, Duration patience, Missed* missed) {
  std::array<char, 32> buffer;
  const std::string reply_to = "$JSC.R." + std::string(random_.token(kTokenSize, buffer));
  Answer answer;
  // The handler refers to this frame, so it goes with it, also when a kill unwinds the task.
  struct Inbox {
    Bus& bus;
    SubscriptionId id;
    ~Inbox() { bus.unsubscribe(id); }
  };
  const Inbox inbox{bus_, bus_.subscribe_reply(reply_to, [&answer, this](const MessageView& message, bool) {
                      if (std::exchange(answer.has_come, true)) return;
                      answer.payload = message.payload;
                      waiting_.wake_all(env_.tasks);
                    })};
  was_way_lost_ = false;
  const Instant deadline = after(env_.clock.now(), patience);
  bool is_lost = !bus_.publish(MessageView{.subject = subject, .reply = reply_to, .headers = {}, .payload = body});
  if (missed != nullptr) *missed = is_lost ? Missed::taker : Missed::time;
  if (env_.defects.is_on(Defect::nats_6981)) is_lost = false;  // the release waits for the answer that cannot come
  const bool knocks = !env_.defects.is_on(Defect::nats_6981);
  Instant next_knock = knocks ? after(env_.clock.now(), kKnock) : kForever;
  while (!answer.has_come && !is_lost && !is_closed_) {
    if (waiting_.wait(env_.tasks, "a copy's consumer", std::min(deadline, next_knock)) == Wake::timed_out) {
      if (env_.clock.now() >= deadline) break;
      knock();
      next_knock = after(env_.clock.now(), kKnock);
    }
    is_lost = was_way_lost_;
    if (missed != nullptr && is_lost) *missed = Missed::way;
  }
  if (missed != nullptr && answer.has_come) *missed = Missed::nothing;
  if (!answer.has_come || is_closed_) return std::nullopt;
  return std::move(answer.payload);
}

// Something that changes nothing, and whose answer nobody waits for: if the link's other end is gone without a word (a reset that only one
// side saw), this is what brings it to light, and with it another way. Does not suspend.
void OriginConsumer::knock() {
  std::array<char, 32> buffer;
  const std::string reply_to = "$JSC.R." + std::string(random_.token(kTokenSize, buffer));
  bus_.publish(MessageView{.subject = api("STREAM.INFO"), .reply = reply_to, .headers = {}, .payload = {}});
}

// What the origin says of itself; nothing if it does not answer, for that may be forbidden where the consumer is not. False if its
// answer was only held up, or lost: then it may be another origin by now, and nothing can be asked of it. Suspends.
bool OriginConsumer::learn(OriginFacts& facts) {
  if (env_.defects.is_on(Defect::nats_3207) && !minds_identity()) return true;  // the releases never ask
  // Who waits for answers that cannot come (nats-6981) cannot tell either.
  const bool owes_answer = minds_identity() && owner_.knows_origin() && !env_.defects.is_on(Defect::nats_6981);
  const std::string question = api("STREAM.INFO");
  Missed missed{};
  const std::optional<std::string> answer = ask(question, {}, owes_answer ? kReplyWait : kFactsWait, &missed);
  if (owes_answer && (missed == Missed::way || missed == Missed::time)) {
    unanswered(question);
    return false;
  }
  const std::optional<Json> json = answer ? parse_json(*answer) : std::nullopt;
  if (!json || !json->is_object()) return true;
  const Json* config = member(*json, "config");
  const Json* state = member(*json, "state");
  if (config == nullptr || state == nullptr || !config->is_object() || !state->is_object()) return true;
  std::string retention = "limits";
  std::string last_time;
  if (!read(*json, "created", facts.created) || !read(*config, "retention", retention) || !read(*config, "first_seq", facts.begins_at) ||
      !read(*state, "first_seq", facts.first_seq) || !read(*state, "last_seq", facts.last_seq) || !read(*state, "last_ts", last_time) ||
      facts.last_seq > kSeqMax) {
    return true;
  }
  facts.retention = retention == "workqueue" ? Retention::work_queue : retention == "interest" ? Retention::interest : Retention::limits;
  facts.last_time = parse_rfc3339(last_time).value_or(WallTime{});
  facts.is_known = true;
  if (!minds_identity()) return true;
  const std::optional<OriginProbe> probe = owner_.probe();
  return !probe || look_for(*probe, facts);
}

// The releases follow whatever has the origin's name; nor do they notice that they have parted from it themselves.
bool OriginConsumer::minds_identity() const {
  const auto is_on = [this](Defect defect) { return env_.defects.is_on(defect); };
  // Who takes a place where nothing was received for its own (nats-8069) would be found out by this.
  if (reader_.kind == Kind::source) return !is_on(Defect::nats_6206) && !is_on(Defect::nats_8069);
  return !is_on(Defect::nats_8152) && !is_on(Defect::nats_6383) && !is_on(Defect::nats_8040);
}

// Whether the origin has given the sequence to another message meanwhile, as one does that a power loss took back. Costs one
// request, if it may be asked. False as learn() has it. Suspends.
bool OriginConsumer::look_for(const OriginProbe& probe, OriginFacts& facts) {
  facts.is_other = facts.is_gone = false;
  facts.at_probe.reset();
  if (facts.last_seq < probe.seq) return true;
  const auto is_other = [&](WallTime theirs) { return probe.by == OriginProbe::By::time ? theirs != probe.time : theirs > probe.time; };
  if (probe.by != OriginProbe::By::content && facts.last_seq == probe.seq) {
    facts.is_other = facts.last_time.unix_ns > 0 && is_other(facts.last_time);  // an emptied one may have forgotten
    return true;
  }
  std::optional<OriginMessage> there;
  if (!find_message(probe.seq, there)) return false;
  facts.is_gone = !there;
  if (probe.by == OriginProbe::By::content) {
    facts.at_probe = std::move(there);
  } else if (there) {
    facts.is_other = is_other(there->time);
  }
  return true;
}

// nullopt if it is gone, or if it may not be read. False as learn() has it. Suspends.
bool OriginConsumer::find_message(Seq seq, std::optional<OriginMessage>& found) {
  const std::string question = api("STREAM.MSG.GET");
  Missed missed{};
  const std::string body = R"({"seq":)" + std::to_string(seq.value) + "}";
  std::optional<std::string> answer = ask(question, body, kFactsWait, &missed);
  if (missed == Missed::time) {
    // If it still answers what it answered before, and this neither now, it may not be asked this.
    ask(api("STREAM.INFO"), {}, kReplyWait, &missed);
    if (missed == Missed::nothing) {
      answer = ask(question, body, kFactsWait, &missed);
      if (missed == Missed::time) missed = Missed::nothing;
    }
  }
  if (missed == Missed::way || missed == Missed::time) {
    unanswered(question);
    return false;
  }
  const std::optional<Json> json = answer ? parse_json(*answer) : std::nullopt;
  const Json* message = json && json->is_object() ? member(*json, "message") : nullptr;
  if (message == nullptr || !message->is_object()) return true;
  OriginMessage out;
  std::string headers;
  std::string payload;
  std::string time;
  if (!read(*message, "subject", out.subject) || !read(*message, "seq", out.seq) || !read(*message, "hdrs", headers) ||
      !read(*message, "data", payload) || !read(*message, "time", time) || out.seq != seq) {
    return true;
  }
  std::optional<std::string> header_bytes = from_base64(headers);
  std::optional<std::string> payload_bytes = from_base64(payload);
  const std::optional<WallTime> stored = parse_rfc3339(time);
  if (!header_bytes || !payload_bytes || !stored) return true;
  out.headers = *std::move(header_bytes);
  out.payload = *std::move(payload_bytes);
  out.time = *stored;
  found = std::move(out);
  return true;
}

bool OriginConsumer::set_up() {
  struct Outstanding {
    std::uint64_t& count;
    explicit Outstanding(std::uint64_t& n) : count(n) { ++count; }
    ~Outstanding() { --count; }
  };
  const Outstanding outstanding{outstanding_};
  last_request_ = env_.clock.now();
  ++attempts_;
  is_replaced_ = false;
  env_.log.debug(names_.request, {{"stream", reader_.stream}, {"origin", origin_.name}, {"reader", reader_.name}, {"attempt", attempts_}});
  return attempt();
}

bool OriginConsumer::attempt() {
  if (looks_at_home() && origin_.name == reader_.stream) return false;  // a stream is no origin of itself
  if (const Status recovered = owner_.recover(); !recovered) {
    fail(api_errors::general("how far it has come cannot be read: " + recovered.error().text()));
    return false;
  }
  OriginFacts facts;
  if (!learn(facts) || is_closed_ || !meet(facts)) return false;
  is_acknowledged_ = facts.is_known && facts.retention != Retention::limits && !env_.defects.is_on(Defect::nats_3207);
  is_work_queue_ = is_acknowledged_ && facts.retention == Retention::work_queue;
  std::array<char, 32> buffer;
  const std::string token{random_.token(kTokenSize, buffer)};
  const bool has_prefix = origin_.external && !origin_.external->deliver.empty() && !looks_at_home();
  std::string deliver = has_prefix ? origin_.external->deliver + "." : "$JS.";
  deliver.append(names_.letter).append(".").append(token);
  std::string name = std::string(names_.prefix) + token;
  if (is_acknowledged_) name = std::string(names_.prefix) + short_hash(reader_.identity) + "-" + token;
  // Of two consumers on a work queue one is refused; on an interest stream the messages go with the last one.
  if (is_work_queue_ && !clear_leftovers({})) return false;

  const std::string subject = request_subject(name);
  const std::optional<std::string> answer = ask(subject, request_body(name, deliver), kReplyWait);
  if (!answer) {
    unanswered(subject);
    return false;
  }
  std::string given_name;
  Seq position;
  if (!read_answer(*answer, given_name, position)) return false;
  is_kept_ = is_acknowledged_;
  if (is_acknowledged_ && !is_work_queue_ && !clear_leftovers(given_name)) return false;
  // Before the owner writes what it has to, which a slow disk may take its time for: what nobody listens to the origin gives up.
  inbox_.clear();
  deliveries_ = bus_.subscribe(deliver, "", [this](const MessageView& message, bool) {
    const std::string_view shown = message.shown_subject.empty() ? message.subject : message.shown_subject;
    inbox_.try_push(
        Arrival{std::string(shown), std::string(message.reply), std::string(message.headers), std::string(message.payload), false});
  });
  if (ApiStatus refused = owner_.take_up(position, is_acknowledged_)) {
    fail(std::move(*refused));
    return false;
  }
  if (is_closed_) return false;
  if (!has_store_error_) error_.reset();
  consumer_ = given_name;
  consumer_seq_ = 0;
  last_heard_ = env_.clock.now();
  suspect_at_ = kForever;
  env_.log.info(names_.connected,
                {{"stream", reader_.stream}, {"origin", origin_.name}, {"reader", reader_.name}, {"from", position.next().value}});
  return true;
}

// False if the attempt ends here. Suspends.
bool OriginConsumer::meet(OriginFacts& facts) {
  const bool is_asked = facts.is_known && minds_identity();
  const std::optional<OriginProbe> before = is_asked ? owner_.probe() : std::nullopt;
  ApiStatus stranger = owner_.meet(facts);
  if (is_closed_) return false;
  const std::optional<OriginProbe> next = before && !stranger ? owner_.probe() : std::nullopt;
  if (next && next->seq != before->seq) {
    if (!look_for(*next, facts) || is_closed_) return false;
    stranger = owner_.meet(facts);
  }
  if (stranger) fail(*std::move(stranger));
  return !stranger && !is_closed_;
}

bool OriginConsumer::read_answer(const std::string& answer, std::string& name, Seq& position) {
  const std::optional<Json> json = parse_json(answer);
  if (!json || !json->is_object()) {
    fail(api_errors::general("the origin's answer is no JSON"));
    return false;
  }
  if (ApiStatus refused = error_in(*json)) {
    if (!looks_at_home()) fail(std::move(*refused));
    return false;
  }
  const Json* delivered = member(*json, "delivered");
  if (!read(*json, "name", name) || name.empty() || delivered == nullptr || !delivered->is_object() ||
      !read(*delivered, "stream_seq", position) || position > kSeqMax) {
    fail(api_errors::general("the origin's answer names no consumer, or an impossible sequence"));
    return false;
  }
  return true;
}

// Consumers that earlier attempts of ours left at the origin, but for the one of this name. False if they could not be
// deleted. Suspends.
bool OriginConsumer::clear_leftovers(std::string_view but) {
  const std::string subject = api("CONSUMER.NAMES");
  const std::optional<std::string> answer = ask(subject, {}, kReplyWait);
  const std::optional<Json> json = answer ? parse_json(*answer) : std::nullopt;
  std::vector<std::string> names;
  if (!json || !json->is_object() || !read(*json, "consumers", names)) {
    unanswered(subject);
    return false;
  }
  const std::string prefix = std::string(names_.prefix) + short_hash(reader_.identity) + "-";
  for (const std::string& name : names) {
    if (!name.starts_with(prefix) || name == but) continue;
    const std::string deletion = api("CONSUMER.DELETE") + "." + name;
    if (!ask(deletion, {}, kReplyWait)) {
      unanswered(deletion);
      return false;
    }
  }
  return true;
}

// As the release does when a link comes up, whatever is under way (nats-8111). Suspends.
void OriginConsumer::extra_attempt() {
  struct Outstanding {
    std::uint64_t& count;
    ~Outstanding() { --count; }
  };
  ++outstanding_;
  const Outstanding outstanding{outstanding_};
  const Instant until = after(env_.clock.now(), random_.between(kJitterMin, kJitterMax));
  while (!is_closed_ && env_.clock.now() < until) waiting_.wait(env_.tasks, "a copy's next attempt", until);
  if (is_closed_) return;
  ++attempts_;
  env_.log.debug(names_.request, {{"stream", reader_.stream}, {"origin", origin_.name}, {"reader", reader_.name}, {"attempt", attempts_}});
  std::array<char, 32> buffer;
  const std::string token{random_.token(kTokenSize, buffer)};
  const std::string name = std::string(names_.prefix) + token;
  const std::string deliver = "$JS." + std::string(names_.letter) + "." + token;
  if (!ask(request_subject(name), request_body(name, deliver), kReplyWait) || consumer_.empty()) return;
  is_replaced_ = true;  // by the consumer that was just made, which takes yet another attempt here
  nudge();
}

}  // namespace windtunnel::core
