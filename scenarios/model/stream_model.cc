#include "scenarios/model/stream_model.h"

#include <algorithm>
#include <charconv>

#include "core/nats/headers.h"
#include "core/nats/subject.h"

namespace windtunnel::scenarios {
namespace {

// err_code of jetstream-api 7.4.
constexpr int kSealed = 10109;
constexpr int kWrongStream = 10060;
constexpr int kWrongLastSeq = 10071;
constexpr int kWrongLastId = 10070;
constexpr int kRollup = 10111;
constexpr int kTooLarge = 10054;
constexpr int kStoreFailed = 10077;

std::string header(const std::string& block, std::string_view key) { return std::string(core::header_value(block, key).value_or("")); }
bool has_header(const std::string& block, std::string_view key) { return core::header_value(block, key).has_value(); }

std::uint64_t number(const std::string& text) {
  std::uint64_t value = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  return failed == std::errc{} && end == text.data() + text.size() ? value : ~std::uint64_t{0};
}

ModelPubAck refused(int error) { return {.is_silent = false, .error = error, .seq = 0, .is_duplicate = false}; }

}  // namespace

ModelPubAck StreamModel::publish(const std::string& subject, const std::string& headers, const std::string& payload, core::Instant now) {
  expire(now);
  if (config_.sealed) return refused(kSealed);
  const std::string id = header(headers, "Nats-Msg-Id");
  if (has_header(headers, "Nats-Expected-Stream") && header(headers, "Nats-Expected-Stream") != config_.name) return refused(kWrongStream);
  if (!id.empty()) load_ids(now);
  if (const std::uint64_t first = known_id(id, now); first != 0) return {false, 0, first, true};
  if (has_header(headers, "Nats-Expected-Last-Subject-Sequence") &&
      number(header(headers, "Nats-Expected-Last-Subject-Sequence")) != last_of(subject))
    return refused(kWrongLastSeq);
  if (has_header(headers, "Nats-Expected-Last-Sequence") && number(header(headers, "Nats-Expected-Last-Sequence")) != last_seq_)
    return refused(kWrongLastSeq);
  if (has_header(headers, "Nats-Expected-Last-Msg-Id")) load_ids(now);
  if (has_header(headers, "Nats-Expected-Last-Msg-Id") && header(headers, "Nats-Expected-Last-Msg-Id") != last_id_)
    return refused(kWrongLastId);
  const std::string rollup = header(headers, "Nats-Rollup");
  if (!rollup.empty()) {
    if (!config_.allow_rollup_hdrs || config_.deny_purge) return refused(kRollup);
    if (rollup != "sub" && rollup != "all") return {.is_silent = true, .error = 0, .seq = 0, .is_duplicate = false};
  }
  if (config_.max_msg_size >= 0 && headers.size() + payload.size() > static_cast<std::size_t>(config_.max_msg_size))
    return refused(kTooLarge);

  const ModelMessage message{subject, headers, payload, now};
  const bool is_wanted = config_.retention != ModelRetention::interest ||
                         std::any_of(consumers_.begin(), consumers_.end(), [&](const auto& each) { return each.second.matches(subject); });
  if (is_wanted) {
    if (const int error = check_limits(message)) return refused(error);
    messages_[last_seq_ + 1] = message;
  }
  const std::uint64_t seq = ++last_seq_;  // used up in any case
  last_id_ = id;
  if (!id.empty()) ids_[id] = {seq, now};
  if (is_wanted) enforce_limits(subject);
  if (is_wanted && !rollup.empty()) {
    std::vector<std::uint64_t> older;
    for (const auto& [each, stored] : messages_) {
      if (each != seq && (rollup == "all" || stored.subject == subject)) older.push_back(each);
    }
    drop_all(older, rollup == "all" ? "" : subject);
  }
  return {false, 0, seq, false};
}

// A.3: 0, or the error of a stream that discards what is new.
int StreamModel::check_limits(const ModelMessage& message) const {
  if (!config_.discard_new) return 0;
  const std::vector<std::uint64_t> own = of_subject(message.subject);
  const bool is_subject_full = config_.max_msgs_per_subject > 0 && own.size() >= static_cast<std::size_t>(config_.max_msgs_per_subject);
  if (is_subject_full && config_.discard_new_per_subject) return kStoreFailed;
  if (config_.max_msgs > 0 && messages_.size() >= static_cast<std::size_t>(config_.max_msgs) && !is_subject_full) return kStoreFailed;
  const bool makes_room = is_subject_full && messages_.at(own.front()).size() > message.size();
  if (config_.max_bytes > 0 && bytes() + message.size() >= static_cast<std::uint64_t>(config_.max_bytes) && !makes_room)
    return kStoreFailed;
  return 0;
}

void StreamModel::enforce_limits(const std::string& subject) {
  while (config_.max_msgs_per_subject > 0 && of_subject(subject).size() > static_cast<std::size_t>(config_.max_msgs_per_subject))
    drop(of_subject(subject).front());
  while (config_.max_msgs > 0 && messages_.size() > static_cast<std::size_t>(config_.max_msgs)) drop(messages_.begin()->first);
  while (config_.max_bytes > 0 && bytes() > static_cast<std::uint64_t>(config_.max_bytes)) drop(messages_.begin()->first);
}

void StreamModel::drop(std::uint64_t seq) {
  messages_.erase(seq);
  for (auto& [name, consumer] : consumers_) consumer.removed(seq);
}

// A purge: consumers whose messages these were go on behind them.
void StreamModel::drop_all(const std::vector<std::uint64_t>& seqs, const std::string& filter) {
  for (const std::uint64_t seq : seqs) drop(seq);
  for (auto& [name, consumer] : consumers_) {
    const std::string& own = consumer.config().filter;
    const bool is_of_others = !filter.empty() && !own.empty() && !core::collide(own, filter);
    consumer.moved_up(is_of_others ? 0 : first_seq());
  }
}

std::vector<std::uint64_t> StreamModel::of_subject(std::string_view subject) const {
  std::vector<std::uint64_t> out;
  for (const auto& [seq, message] : messages_) {
    if (message.subject == subject) out.push_back(seq);
  }
  return out;
}

// A.5: as long as the window from the first copy's time on, whatever became of it.
std::uint64_t StreamModel::known_id(std::string_view id, core::Instant now) const {
  const auto known = ids_.find(id);
  if (id.empty() || known == ids_.end() || now - known->second.second >= config_.duplicate_window) return 0;
  return known->second.first;
}

const ModelMessage* StreamModel::at(std::uint64_t seq) const {
  const auto found = messages_.find(seq);
  return found == messages_.end() ? nullptr : &found->second;
}

std::uint64_t StreamModel::last_of(std::string_view subject) const {
  std::uint64_t out = 0;
  for (const auto& [seq, message] : messages_) {
    if (core::matches(message.subject, subject)) out = seq;
  }
  return out;
}

std::uint64_t StreamModel::next_of(std::string_view filter, std::uint64_t from) const {
  for (const auto& [seq, message] : messages_) {
    if (seq >= from && (filter.empty() || core::matches(message.subject, filter))) return seq;
  }
  return 0;
}

std::uint64_t StreamModel::first_seq() const {
  if (!messages_.empty()) return messages_.begin()->first;
  return last_seq_ == 0 ? 0 : last_seq_ + 1;
}

std::uint64_t StreamModel::bytes() const {
  std::uint64_t out = 0;
  for (const auto& [seq, message] : messages_) out += message.size();
  return out;
}

bool StreamModel::remove(std::uint64_t seq) {
  if (config_.sealed || config_.deny_delete || !messages_.contains(seq)) return false;
  drop(seq);
  return true;
}

std::optional<std::uint64_t> StreamModel::purge(const ModelPurge& purge) {
  if (config_.sealed || config_.deny_purge) return std::nullopt;
  std::vector<std::uint64_t> meant;
  for (const auto& [seq, message] : messages_) {
    const bool is_below = purge.below == 0 || seq < purge.below;
    if (is_below && (purge.filter.empty() || core::matches(message.subject, purge.filter))) meant.push_back(seq);
  }
  meant.resize(meant.size() - std::min<std::size_t>(meant.size(), purge.keep));
  // Of everything below a sequence that is still to come: then that is the next one.
  if (purge.filter.empty() && purge.below > 0) last_seq_ = std::max(last_seq_, purge.below - 1);
  drop_all(meant, purge.filter);
  return meant.size();
}

std::uint64_t StreamModel::compact(std::uint64_t below) { return purge({.filter = {}, .below = below, .keep = 0}).value_or(0); }

core::Instant StreamModel::next_expiry() const {
  if (config_.max_age == core::Duration{0} || messages_.empty()) return core::kForever;
  return core::after(messages_.begin()->second.stored_at, config_.max_age);
}

std::vector<core::Instant> StreamModel::moments() const {
  std::vector<core::Instant> out;
  for (const auto& [seq, message] : messages_) {
    if (config_.max_age > core::Duration{0}) out.push_back(core::after(message.stored_at, config_.max_age));
  }
  for (const auto& [id, known] : ids_) out.push_back(core::after(known.second, config_.duplicate_window));
  for (const auto& [name, consumer] : consumers_) {
    for (const core::Instant due : consumer.moments()) out.push_back(due);
  }
  return out;
}

void StreamModel::expire(core::Instant now) {
  while (next_expiry() <= now) drop(messages_.begin()->first);
}

void StreamModel::restart(core::Instant now) {
  expire(now);
  ids_.clear();
  last_id_.clear();
  are_ids_loaded_ = false;
  for (auto& [name, consumer] : consumers_) consumer.restart(now);
}

// After a restart ids are read again from the messages, when first one is needed: only what the stream still has then is
// known. The last id is that of the message with the last sequence; there is none if that message is gone.
void StreamModel::load_ids(core::Instant now) {
  if (are_ids_loaded_) return;
  are_ids_loaded_ = true;
  expire(now);
  for (const auto& [seq, message] : messages_) {
    const std::string id = header(message.headers, "Nats-Msg-Id");
    if (!id.empty()) ids_[id] = {seq, message.stored_at};
  }
  const ModelMessage* last = at(last_seq_);
  last_id_ = last == nullptr ? "" : header(last->headers, "Nats-Msg-Id");
}

void StreamModel::seal() {
  config_.sealed = true;
  config_.max_age = core::Duration{0};
}

// --- consumers

bool StreamModel::add_consumer(const ModelConsumerConfig& config) {
  if (consumers_.contains(config.name)) return false;
  if (config_.retention == ModelRetention::workqueue) {
    if (config.ack_policy != ModelAckPolicy::explicit_ || config.deliver != ModelDeliver::all) return false;
    for (const auto& [name, other] : consumers_) {
      if (config.filter.empty() || other.config().filter.empty() || core::collide(config.filter, other.config().filter)) return false;
    }
  }
  std::uint64_t start = first_seq();
  if (config.deliver == ModelDeliver::last) {
    start = config.filter.empty() ? last_seq_ : last_of(config.filter);
    if (start == 0) start = last_seq_ + 1;
  }
  if (config.deliver == ModelDeliver::new_only) start = last_seq_ + 1;
  if (config.deliver == ModelDeliver::by_start_sequence) start = config.start_seq;
  start = std::max(start, first_seq());
  if (start > last_seq_) start = last_seq_ + 1;
  consumers_.emplace(config.name, ConsumerModel{config, std::max<std::uint64_t>(start, 1)});
  return true;
}

bool StreamModel::delete_consumer(const std::string& name) {
  if (consumers_.erase(name) == 0) return false;
  if (config_.retention != ModelRetention::interest) return true;
  std::vector<std::uint64_t> unwanted;
  for (const auto& [seq, message] : messages_) {
    if (!is_needed(seq)) unwanted.push_back(seq);
  }
  for (const std::uint64_t seq : unwanted) drop(seq);
  return true;
}

ConsumerModel* StreamModel::consumer(const std::string& name) {
  const auto found = consumers_.find(name);
  return found == consumers_.end() ? nullptr : &found->second;
}

std::vector<ModelDelivery> StreamModel::fetch(const std::string& name, const ModelFetch& request, core::Instant now) {
  expire(now);
  ConsumerModel* own = consumer(name);
  if (own == nullptr) return {};
  own->pass_time(now);
  ConsumerModel::Messages messages;
  messages.next = [this](std::string_view filter, std::uint64_t from) { return next_of(filter, from); };
  messages.has = [this](std::uint64_t seq) { return messages_.contains(seq); };
  messages.last_seq = last_seq_;
  std::vector<ModelDelivery> out = own->fetch(request, messages, now);
  if (own->config().ack_policy == ModelAckPolicy::none) {
    for (const ModelDelivery& delivery : out) acknowledged(delivery.seq);  // delivered is acknowledged
  }
  return out;
}

void StreamModel::ack(const std::string& name, const ModelDelivery& delivery) {
  ConsumerModel* own = consumer(name);
  if (own == nullptr) return;
  for (const std::uint64_t seq : own->ack(delivery)) acknowledged(seq);
}

bool StreamModel::is_needed(std::uint64_t seq) const {
  const std::string& subject = messages_.at(seq).subject;
  return std::any_of(consumers_.begin(), consumers_.end(), [&](const auto& each) { return each.second.needs(seq, subject); });
}

void StreamModel::acknowledged(std::uint64_t seq) {
  if (config_.retention == ModelRetention::limits || !messages_.contains(seq) || is_needed(seq)) return;
  messages_.erase(seq);
}

}  // namespace windtunnel::scenarios
