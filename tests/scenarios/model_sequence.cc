#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "core/base/random.h"
#include "faults/units.h"
#include "tests/scenarios/model_driver.h"

namespace windtunnel::scenarios {
namespace {

using namespace std::chrono_literals;
using Json = nlohmann::json;
using Kind = ModelOperation::Kind;

constexpr std::array<std::string_view, static_cast<std::size_t>(Kind::count_)> kKindNames = {
    "publish", "get", "get_last", "get_next", "remove",      "purge", "add_consumer", "delete_consumer",
    "fetch",   "ack", "nak",      "term",     "in_progress", "wait",  "seal",         "restart"};

class Drawing {
 public:
  explicit Drawing(std::uint64_t seed) : random_(core::Random{core::Seed{seed}}.child("sequence")) {}

  ModelSequence draw(std::size_t size) {
    ModelSequence out;
    out.config = config();
    if (one_in(2)) out.block_size = random_.between(300, 2000);
    is_interest_ = out.config.retention == ModelRetention::interest;
    for (std::size_t i = 0; i < size; ++i) out.operations.push_back(operation(i));
    return out;
  }

 private:
  bool one_in(std::uint32_t n) { return random_.chance({1, n}); }

  ModelStreamConfig config() {
    ModelStreamConfig out;
    out.name = "S";
    out.retention = static_cast<ModelRetention>(random_.below(3));
    is_workqueue_ = out.retention == ModelRetention::workqueue;
    out.discard_new = one_in(3);
    if (one_in(3)) out.max_msgs = static_cast<std::int64_t>(random_.between(3, 12));
    if (one_in(3)) out.max_bytes = static_cast<std::int64_t>(random_.between(300, 1500));
    if (one_in(2)) out.max_msgs_per_subject = static_cast<std::int64_t>(random_.between(1, 4));
    if (out.discard_new && out.max_msgs_per_subject > 0) out.discard_new_per_subject = one_in(2);
    if (one_in(4)) out.max_msg_size = static_cast<std::int64_t>(random_.between(60, 150));
    if (one_in(4)) out.max_age = std::chrono::seconds{random_.between(20, 60)};
    if (one_in(2)) out.duplicate_window = std::chrono::seconds{random_.between(5, 20)};
    if (out.max_age > 0ns) out.duplicate_window = std::min(out.duplicate_window, out.max_age);
    out.allow_rollup_hdrs = one_in(2);
    out.deny_delete = one_in(8);
    out.deny_purge = one_in(8) && !out.allow_rollup_hdrs;
    return out;
  }

  std::string subject() {
    static constexpr std::array<const char*, 4> kSubjects = {"s.a", "s.b", "s.c.d", "s.c.e"};
    return kSubjects[random_.below(kSubjects.size())];
  }
  std::string filter() {
    static constexpr std::array<const char*, 6> kFilters = {"", "s.a", "s.c.*", "s.>", "s.b", "s.*"};
    return kFilters[random_.below(kFilters.size())];
  }

  ModelOperation operation(std::size_t index) {
    static constexpr std::array<std::pair<Kind, std::uint64_t>, 15> kWeights = {{{Kind::publish, 40},
                                                                                 {Kind::get, 3},
                                                                                 {Kind::get_last, 3},
                                                                                 {Kind::get_next, 3},
                                                                                 {Kind::remove, 5},
                                                                                 {Kind::purge, 3},
                                                                                 {Kind::add_consumer, 5},
                                                                                 {Kind::delete_consumer, 1},
                                                                                 {Kind::fetch, 16},
                                                                                 {Kind::ack, 14},
                                                                                 {Kind::nak, 4},
                                                                                 {Kind::term, 2},
                                                                                 {Kind::in_progress, 2},
                                                                                 {Kind::wait, 4},
                                                                                 {Kind::restart, 2}}};
    std::uint64_t total = 0;
    for (const auto& [kind, weight] : kWeights) total += weight;
    std::uint64_t draw = random_.below(total);
    ModelOperation out;
    for (const auto& [kind, weight] : kWeights) {
      if (draw < weight) {
        out.kind = kind;
        break;
      }
      draw -= weight;
    }
    if (index > 25 && one_in(40)) out.kind = Kind::seal;  // near the end: after it not much happens
    if (index == 0 && is_interest_) out.kind = Kind::add_consumer;
    out.consumer.name = one_in(2) ? "c1" : "c2";
    out.number = random_.between(0, 25);
    fill(out);
    return out;
  }

  void fill(ModelOperation& out) {
    switch (out.kind) {
      case Kind::publish: return fill_publish(out);
      case Kind::get_last: out.subject = subject(); return;
      case Kind::get_next: out.subject = filter().empty() ? subject() : "s.>"; return;
      case Kind::remove: out.keep = random_.below(2); return;
      case Kind::purge:
        out.subject = filter();
        if (one_in(2)) out.number = 0;
        if (out.number == 0 && one_in(2)) out.keep = random_.between(1, 3);
        return;
      case Kind::add_consumer: return fill_consumer(out.consumer);
      case Kind::fetch: out.number = random_.between(1, 5); return;
      case Kind::nak:
        if (one_in(3)) out.time = std::chrono::seconds{random_.between(3, 15)};
        return;
      case Kind::wait: out.time = std::chrono::milliseconds{random_.between(500, 15'000)}; return;
      default: return;
    }
  }

  void fill_publish(ModelOperation& out) {
    out.subject = subject();
    out.size = random_.below(100);
    const auto off = [&] { return std::to_string(one_in(3) ? 1 : 0); };
    if (one_in(4)) out.headers.emplace_back("Nats-Msg-Id", "id" + std::to_string(random_.below(6)));
    if (one_in(12)) out.headers.emplace_back("Nats-Expected-Stream", one_in(3) ? "T" : "S");
    if (one_in(8)) out.headers.emplace_back("Nats-Expected-Last-Subject-Sequence", off());
    if (one_in(10)) out.headers.emplace_back("Nats-Expected-Last-Sequence", off());
    if (one_in(12)) out.headers.emplace_back("Nats-Expected-Last-Msg-Id", "id" + std::to_string(random_.below(6)));
    if (one_in(12)) out.headers.emplace_back("Nats-Rollup", one_in(12) ? "none" : one_in(2) ? "sub" : "all");
    if (one_in(6)) out.headers.emplace_back("X", std::string(random_.below(40), 'h'));
  }

  void fill_consumer(ModelConsumerConfig& out) {
    out.filter = filter();
    if (is_workqueue_ && !one_in(8)) {
      out.filter = out.name == "c1" ? "s.a" : "s.c.>";
    } else {
      out.ack_policy = one_in(2) ? ModelAckPolicy::explicit_ : one_in(2) ? ModelAckPolicy::all : ModelAckPolicy::none;
      out.deliver = one_in(2) ? ModelDeliver::all : static_cast<ModelDeliver>(random_.below(4));
      out.start_seq = random_.between(1, 20);
    }
    out.ack_wait = std::chrono::seconds{random_.between(5, 20)};
    if (one_in(3)) out.max_deliver = static_cast<std::int64_t>(random_.between(1, 3));
    if (one_in(3)) out.max_ack_pending = static_cast<std::int64_t>(random_.between(1, 4));
  }

  core::Random random_;
  bool is_workqueue_ = false;
  bool is_interest_ = false;
};

}  // namespace

std::string json_of(const ModelStreamConfig& config) {
  static constexpr std::array<const char*, 3> kRetentions = {"limits", "interest", "workqueue"};
  Json json;
  json["subjects"] = {"s.>"};
  json["retention"] = kRetentions[static_cast<std::size_t>(config.retention)];
  json["storage"] = "file";
  json["discard"] = config.discard_new ? "new" : "old";
  json["discard_new_per_subject"] = config.discard_new_per_subject;
  json["max_msgs"] = config.max_msgs;
  json["max_bytes"] = config.max_bytes;
  json["max_msgs_per_subject"] = config.max_msgs_per_subject;
  json["max_msg_size"] = config.max_msg_size;
  json["max_age"] = config.max_age.count();
  json["duplicate_window"] = config.duplicate_window.count();
  json["allow_rollup_hdrs"] = config.allow_rollup_hdrs;
  json["deny_delete"] = config.deny_delete;
  json["deny_purge"] = config.deny_purge;
  json["allow_direct"] = true;
  const std::string text = json.dump();
  return text.substr(1, text.size() - 2);
}

std::string json_of(const ModelConsumerConfig& config) {
  static constexpr std::array<const char*, 3> kPolicies = {"none", "all", "explicit"};
  static constexpr std::array<const char*, 4> kDelivers = {"all", "last", "new", "by_start_sequence"};
  Json json;
  json["ack_policy"] = kPolicies[static_cast<std::size_t>(config.ack_policy)];
  json["deliver_policy"] = kDelivers[static_cast<std::size_t>(config.deliver)];
  if (config.deliver == ModelDeliver::by_start_sequence) json["opt_start_seq"] = config.start_seq;
  if (!config.filter.empty()) json["filter_subject"] = config.filter;
  json["max_deliver"] = config.max_deliver;
  if (config.ack_policy != ModelAckPolicy::none) {
    json["ack_wait"] = config.ack_wait.count();
    json["max_ack_pending"] = config.max_ack_pending;
  }
  const std::string text = json.dump();
  return text.substr(1, text.size() - 2);
}

std::string text_of(const ModelOperation& op) {
  std::string out{kKindNames[static_cast<std::size_t>(op.kind)]};
  const auto add = [&out](const char* key, const std::string& value) { out += " " + std::string(key) + "=" + value; };
  if (!op.subject.empty()) add("subject", op.subject);
  switch (op.kind) {
    case Kind::publish:
      add("size", std::to_string(op.size));
      for (const auto& [key, value] : op.headers) out += " [" + key + ": " + value + "]";
      break;
    case Kind::get:
    case Kind::get_next:
    case Kind::remove: add("seq", std::to_string(op.number)); break;
    case Kind::purge:
      add("seq", std::to_string(op.number));
      add("keep", std::to_string(op.keep));
      break;
    case Kind::add_consumer: add("consumer", op.consumer.name + " {" + json_of(op.consumer) + "}"); break;
    case Kind::delete_consumer: add("consumer", op.consumer.name); break;
    case Kind::fetch:
      add("consumer", op.consumer.name);
      add("batch", std::to_string(op.number));
      break;
    case Kind::nak:
      add("delivery", std::to_string(op.number));
      add("delay", faults::format_duration(op.time));
      break;
    case Kind::ack:
    case Kind::term:
    case Kind::in_progress: add("delivery", std::to_string(op.number)); break;
    case Kind::wait: add("time", faults::format_duration(op.time)); break;
    case Kind::restart: add("signal", op.number % 2 == 0 ? "SIGTERM" : "SIGKILL"); break;
    default: break;
  }
  return out;
}

std::string text_of(const ModelSequence& sequence) {
  std::string out = "stream {" + json_of(sequence.config) + "}, block_size " + std::to_string(sequence.block_size) + "\n";
  for (const ModelOperation& operation : sequence.operations) out += "  " + text_of(operation) + "\n";
  return out;
}

ModelSequence draw_sequence(std::uint64_t seed, std::size_t size) { return Drawing{seed}.draw(size); }

}  // namespace windtunnel::scenarios
