#include "scenarios/hazards/read_config.h"

#include <algorithm>

#include "scenarios/hazards/patterns.h"
#include "scenarios/language/build.h"

namespace windtunnel::scenarios {
namespace {

PlacedText placed(const TypedValue* value) { return value == nullptr ? PlacedText{} : PlacedText{value->as<std::string>(), value->where}; }

// A limit; NATS writes -1 or 0 for none.
std::int64_t limit_of(const TypedValue& value, std::string_view key) {
  return std::max<std::int64_t>(value.get_or<std::int64_t>(key, 0), 0);
}

// What is not there and what is empty are the same to NATS.
std::string text_or(const TypedValue& value, std::string_view key, std::string_view otherwise) {
  std::string text = value.get_or<std::string>(key, "");
  return text.empty() ? std::string{otherwise} : text;
}

core::Duration duration_of(const TypedValue& value, std::string_view key) { return core::Duration{limit_of(value, key)}; }

CopyFacts copy_facts(const TypedValue& value, bool is_mirror) {
  CopyFacts copy;
  copy.origin = placed(value.find("name"));
  copy.where = value.where;
  copy.is_mirror = is_mirror;
  if (const TypedValue* domain = value.find("domain")) {
    copy.is_external = true;
    copy.domain = placed(domain);
  } else if (const TypedValue* external = value.find("external")) {
    const TypedValue& api = *external->find("api");
    copy.is_external = true;
    copy.domain = {domain_of_api(api.as<std::string>()), api.where};
    copy.deliver = external->get_or<std::string>("deliver", "");
  }
  if (const TypedValue* filter = value.find("filter_subject")) copy.filters.push_back(placed(filter));
  if (const TypedValue* transforms = value.find("subject_transforms")) {
    for (const TypedValue& transform : transforms->items) {
      const TypedValue* from = transform.find("src");
      const std::string source = from == nullptr ? "" : from->as<std::string>();
      const std::string destination = transform.get_or<std::string>("dest", "");
      copy.filters.push_back({source.empty() ? ">" : source, from == nullptr ? transform.where : from->where});
      copy.destinations.resize(copy.filters.size());
      if (!destination.empty() && destination != source) copy.destinations.back() = pattern_of_destination(destination);
    }
  }
  return copy;
}

bool is_true(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c); });
  return text == "true" || text == "yes" || text == "1";
}

}  // namespace

std::vector<PlacedText> texts_of(const TypedValue& value, std::string_view key) {
  std::vector<PlacedText> out;
  const TypedValue* list = value.find(key);
  if (list == nullptr) return out;
  for (const TypedValue& item : list->items) out.push_back(placed(&item));
  return out;
}

StreamFacts stream_facts(const TypedValue& value, std::size_t server) {
  StreamFacts stream;
  stream.server = server;
  stream.where = value.where;
  stream.name = placed(value.find("name"));
  for (const TypedValue::Member& member : value.members) stream.keys.emplace(member.key, member.where);
  if (const TypedValue* mirror = value.find("mirror")) stream.copies.push_back(copy_facts(*mirror, true));
  if (const TypedValue* sources = value.find("sources"); sources != nullptr && stream.copies.empty()) {
    for (const TypedValue& source : sources->items) stream.copies.push_back(copy_facts(source, false));
  }
  const TypedValue* subjects = value.find("subjects");
  stream.has_subjects = subjects != nullptr && !subjects->items.empty();
  if (stream.has_subjects && !stream.is_mirror()) {  // a mirror's are refused, so they capture nothing
    for (const TypedValue& subject : subjects->items) stream.subjects.push_back(placed(&subject));
  } else if (stream.copies.empty()) {
    stream.subjects.push_back(stream.name);
  }
  if (const TypedValue* transform = value.find("subject_transform")) {
    const std::string destination = transform->get_or<std::string>("dest", "");
    stream.stored_from = text_or(*transform, "src", ">");
    if (!destination.empty() && destination != stream.stored_from) stream.stored_as = pattern_of_destination(destination);
  }
  if (const TypedValue* republish = value.find("republish")) {
    const std::string destination = republish->get_or<std::string>("dest", "");
    if (!destination.empty()) {
      stream.republish_from = {text_or(*republish, "src", ">"), republish->where};
      stream.republish_as = pattern_of_destination(destination);
    }
  }
  const std::string retention = value.get_or<std::string>("retention", "limits");
  stream.retention = retention == "interest" ? Retention::interest : retention == "workqueue" ? Retention::workqueue : Retention::limits;
  stream.storage = value.get_or<std::string>("storage", "file") == "memory" ? Storage::memory : Storage::file;
  stream.max_msgs = limit_of(value, "max_msgs");
  stream.max_bytes = limit_of(value, "max_bytes");
  stream.max_age = duration_of(value, "max_age");
  stream.max_msgs_per_subject = limit_of(value, "max_msgs_per_subject");
  stream.max_msg_size = limit_of(value, "max_msg_size");
  stream.discards_new = value.get_or<std::string>("discard", "old") == "new";
  stream.discards_new_per_subject = value.get_or("discard_new_per_subject", false);
  if (value.find("duplicate_window") != nullptr) stream.duplicate_window = duration_of(value, "duplicate_window");
  stream.allows_rollup = value.get_or("allow_rollup_hdrs", false);
  stream.denies_purge = value.get_or("deny_purge", false);
  stream.replicas = value.get_or<std::int64_t>("num_replicas", 1);
  if (const TypedValue* metadata = value.find("metadata")) {
    if (const TypedValue* critical = metadata->find("critical")) stream.is_critical = is_true(critical->as<std::string>());
  }
  return stream;
}

ConsumerFacts consumer_facts(const TypedValue& value, std::size_t stream) {
  ConsumerFacts consumer;
  consumer.stream = stream;
  consumer.where = value.where;
  const auto place_of = [&value](std::string_view key) {
    const TypedValue* found = value.find(key);
    return found == nullptr ? value.where : found->where;
  };
  consumer.name = value.get_or<std::string>("name", value.get_or<std::string>("durable_name", ""));
  if (const TypedValue* filter = value.find("filter_subject"); filter != nullptr && filter->as<std::string>() != ">")
    consumer.filters.push_back(placed(filter));
  if (const TypedValue* filters = value.find("filter_subjects")) {
    for (const TypedValue& filter : filters->items) consumer.filters.push_back(placed(&filter));
  }
  const std::string ack = value.get_or<std::string>("ack_policy", "none");
  consumer.ack_policy = ack == "explicit" ? AckPolicy::explicit_ : ack == "all" ? AckPolicy::all : AckPolicy::none;
  consumer.ack_where = place_of("ack_policy");
  consumer.deliver_policy = value.get_or<std::string>("deliver_policy", "all");
  if (consumer.deliver_policy == "undefined") consumer.deliver_policy = "all";
  consumer.deliver_where = place_of("deliver_policy");
  if (const core::Duration wait = duration_of(value, "ack_wait"); wait.count() > 0) consumer.ack_wait = wait;
  consumer.ack_wait_where = place_of("ack_wait");
  if (const TypedValue* backoff = value.find("backoff"); backoff != nullptr && !backoff->items.empty()) {
    consumer.ack_wait = core::Duration{backoff->items.front().as<std::int64_t>()};
    for (const TypedValue& each : backoff->items) consumer.ack_wait = std::min(consumer.ack_wait, core::Duration{each.as<std::int64_t>()});
    consumer.ack_wait_where = backoff->where;
  }
  if (const TypedValue* pending = value.find("max_ack_pending"); pending != nullptr && pending->as<std::int64_t>() != 0)
    consumer.max_ack_pending = pending->as<std::int64_t>();
  consumer.max_ack_pending_where = place_of("max_ack_pending");
  return consumer;
}

}  // namespace windtunnel::scenarios
