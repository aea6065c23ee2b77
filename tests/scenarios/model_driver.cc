#include "tests/scenarios/model_driver.h"

#include <algorithm>
#include <memory>

#include "core/nats/headers.h"
#include "tests/sim/jetstream_fixture.h"

namespace windtunnel::scenarios {
namespace {

using namespace std::chrono_literals;
using tests::Heard;
using tests::Json;
using Kind = ModelOperation::Kind;

// Around a moment at which time alone changes something nobody asks: a server's timers may be so late (expiry looks every
// second at most), and consumer files keep whole seconds.
constexpr core::Duration kBefore = 1100ms;
constexpr core::Duration kAfter = 1300ms;
// A fetch that may have to wait for acknowledgements is over after this.
constexpr core::Duration kFetchExpires = 100ms;

// One sequence against one node.
class Pair {
 public:
  Pair(const ModelSequence& sequence, const core::Defects& defects) : world_(core::Seed{1}), model_(sequence.config) {
    core::NodeConfig config = tests::node_config("hub");
    if (sequence.block_size > 0) config.store.block_size = core::Bytes{sequence.block_size};
    world_.add(config, defects);
    world_.start("hub");
    connect();
    const Json made = js_->create_stream("S", json_of(sequence.config));
    if (made.contains("error")) differ("a stream", made.dump());
  }

  std::string run(const std::vector<ModelOperation>& operations) {
    for (std::size_t i = 0; i < operations.size() && difference_.empty(); ++i) {
      calm();
      apply(operations[i]);
      calm();
      compare_states();
      if (!difference_.empty()) difference_ = "operation " + std::to_string(i + 1) + ", " + text_of(operations[i]) + ": " + difference_;
    }
    return difference_;
  }

 private:
  [[nodiscard]] core::Instant now() const { return world_.kernel.now(); }
  void connect() { js_ = std::make_unique<tests::JetStreamClient>(world_, "client" + std::to_string(++connections_), "hub"); }

  void differ(const std::string& expected, const std::string& actual) {
    if (difference_.empty()) difference_ = "the model says " + expected + ", the node " + actual;
  }
  template <typename T>
  void same(const char* what, const T& expected, const T& actual) {
    if (expected != actual) differ(std::string(what) + " " + std::to_string(expected), std::to_string(actual));
  }

  // Lets time pass until no moment is near at which it alone changes something.
  void calm() {
    for (bool is_near = true; is_near;) {
      is_near = false;
      for (const core::Instant moment : model_.moments()) {
        if (moment - now() >= kBefore || now() - moment >= kAfter) continue;
        world_.run_for(moment + kAfter - now());
        is_near = true;
      }
    }
    model_.expire(now());
  }

  void apply(const ModelOperation& op) {
    switch (op.kind) {
      case Kind::publish: return publish(op);
      case Kind::get: return get(op);
      case Kind::get_last: return get_last(op);
      case Kind::get_next: return get_next(op);
      case Kind::remove: return remove(op);
      case Kind::purge: return purge(op);
      case Kind::add_consumer: return add_consumer(op);
      case Kind::delete_consumer: return delete_consumer(op);
      case Kind::fetch: return fetch(op);
      case Kind::ack:
      case Kind::nak:
      case Kind::term:
      case Kind::in_progress: return answer(op);
      case Kind::wait: return world_.run_for(op.time);
      case Kind::seal: return seal();
      case Kind::restart: return restart(op);
      case Kind::count_: return;
    }
  }

  void publish(const ModelOperation& op) {
    std::string lines;
    std::string block;
    for (const auto& [key, given] : op.headers) {
      std::string value = given;
      // A number that is right, or off by so much, when it is sent.
      if (key == "Nats-Expected-Last-Sequence") value = std::to_string(model_.last_seq() + std::stoull(given));
      if (key == "Nats-Expected-Last-Subject-Sequence") value = std::to_string(model_.last_of(op.subject) + std::stoull(given));
      core::append_header(block, key, value);
      lines += key + ": " + value + "\r\n";
    }
    const std::string payload(op.size, 'x');
    const ModelPubAck expected = model_.publish(op.subject, block, payload, now());
    const Json told = js_->publish(op.subject, payload, lines);
    const ModelPubAck actual{told.empty(), tests::error_of(told), told.contains("error") ? 0 : tests::seq_of(told),
                             told.value("duplicate", false)};
    if (actual != expected) differ(text(expected), text(actual));
  }
  static std::string text(const ModelPubAck& ack) {
    if (ack.is_silent) return "nothing";
    if (ack.error != 0) return "error " + std::to_string(ack.error);
    return "seq " + std::to_string(ack.seq) + (ack.is_duplicate ? ", duplicate" : "");
  }

  void get(const ModelOperation& op) {
    const ModelMessage* expected = model_.at(op.number);
    compare_message(op.number * (expected != nullptr ? 1 : 0), js_->api("STREAM.MSG.GET.S", Json{{"seq", op.number}}.dump()));
  }
  void get_last(const ModelOperation& op) {
    const std::uint64_t expected = model_.last_of(op.subject);
    compare_message(expected, js_->api("STREAM.MSG.GET.S", Json{{"last_by_subj", op.subject}}.dump()));
    const auto directly = js_->wire().request("$JS.API.DIRECT.GET.S." + op.subject, "");
    std::uint64_t seq = 0;
    if (directly) seq = std::stoull("0" + std::string(core::header_value(directly->headers, "Nats-Sequence").value_or("")));
    same("a direct get of sequence", expected, seq);
  }
  void get_next(const ModelOperation& op) {
    compare_message(model_.next_of(op.subject, std::max<std::uint64_t>(op.number, 1)),
                    js_->api("STREAM.MSG.GET.S", Json{{"next_by_subj", op.subject}, {"seq", op.number}}.dump()));
  }
  void compare_message(std::uint64_t seq, const Json& answer) {
    const bool is_there = answer.contains("message");
    same("message", seq, is_there ? answer["message"].value("seq", std::uint64_t{0}) : 0);
    if (seq == 0 || !is_there) return;
    const std::string subject = answer["message"].value("subject", "");
    if (subject != model_.at(seq)->subject) differ("subject " + model_.at(seq)->subject, subject);
    const std::size_t size = answer["message"].value("data", "").size();
    same("base64 letters", (model_.at(seq)->payload.size() + 2) / 3 * 4, size);
  }

  void remove(const ModelOperation& op) {
    const bool expected = model_.remove(op.number);
    const Json told = js_->api("STREAM.MSG.DELETE.S", Json{{"seq", op.number}, {"no_erase", op.keep == 0}}.dump());
    same("a deletion", expected, told.value("success", false));
  }

  void purge(const ModelOperation& op) {
    const ModelPurge purge{op.subject, op.number, op.keep};
    const std::optional<std::uint64_t> expected = model_.purge(purge);
    Json body = Json::object();
    if (!op.subject.empty()) body["filter"] = op.subject;
    if (op.number > 0) body["seq"] = op.number;
    if (op.keep > 0) body["keep"] = op.keep;
    const Json told = js_->api("STREAM.PURGE.S", body.empty() ? "" : body.dump());
    same("a purge", expected.has_value(), told.value("success", false));
    if (expected) same("purged", *expected, told.value("purged", std::uint64_t{0}));
  }

  void seal() {
    if (model_.config().sealed) return;
    model_.seal();
    const Json told = js_->api("STREAM.UPDATE.S", R"({"name":"S",)" + json_of(model_.config()) + R"(,"sealed":true})");
    if (told.contains("error")) differ("that it is sealed", told.dump());
  }

  // --- consumers

  void add_consumer(const ModelOperation& op) {
    if (model_.consumer(op.consumer.name) != nullptr) return;  // an update is another story
    const bool expected = model_.add_consumer(op.consumer);
    const Json told = js_->create_consumer("S", op.consumer.name, json_of(op.consumer));
    same("a consumer", expected, !told.contains("error"));
  }
  void delete_consumer(const ModelOperation& op) {
    const bool expected = model_.delete_consumer(op.consumer.name);
    const Json told = js_->api("CONSUMER.DELETE.S." + op.consumer.name);
    same("a deletion", expected, told.value("success", false));
    std::erase_if(handed_out_, [&](const HandedOut& each) { return each.consumer == op.consumer.name; });
    floors_.erase(op.consumer.name);
  }

  void fetch(const ModelOperation& op) {
    const ConsumerModel* consumer = model_.consumer(op.consumer.name);
    if (consumer == nullptr) return;
    // One that does not wait stays as long as max_ack_pending holds messages back; one with a time does not.
    const auto& config = consumer->config();
    const bool may_stall =
        config.max_ack_pending > 0 && consumer->ack_pending() + op.number > static_cast<std::size_t>(config.max_ack_pending);
    const std::vector<ModelDelivery> expected = model_.fetch(op.consumer.name, {.batch = op.number, .waits = may_stall}, now());
    Json body{{"batch", op.number}};
    if (may_stall) {
      body["expires"] = kFetchExpires.count();
    } else {
      body["no_wait"] = true;
    }
    const std::string sid = js_->pull("S", op.consumer.name, body.dump());
    std::vector<Heard> heard;
    for (const core::Instant limit = now() + 2 * kFetchExpires; now() < limit && heard.size() < op.number;) {
      world_.run_for(1ms);
      for (Heard& each : js_->wire().take(sid)) heard.push_back(std::move(each));
      if (!heard.empty() && !heard.back().status().empty()) break;
    }
    js_->wire().unsubscribe(sid);
    if (!heard.empty() && !heard.back().status().empty()) heard.pop_back();
    std::vector<ModelDelivery> actual;
    for (const Heard& each : heard) {
      actual.push_back({tests::stream_seq_of(each), tests::deliveries_of(each), tests::consumer_seq_of(each), tests::pending_of(each)});
      handed_out_.push_back({op.consumer.name, actual.back(), each});
    }
    if (actual != expected) differ(text(expected), text(actual));
  }
  static std::string text(const std::vector<ModelDelivery>& deliveries) {
    std::string out = "deliveries (seq:count:consumer_seq:pending)";
    for (const ModelDelivery& each : deliveries)
      out += " " + std::to_string(each.seq) + ":" + std::to_string(each.count) + ":" + std::to_string(each.consumer_seq) + ":" +
             std::to_string(each.pending);
    return out;
  }

  void answer(const ModelOperation& op) {
    if (handed_out_.empty()) return;
    const HandedOut taken = handed_out_[op.number % handed_out_.size()];
    std::string what = op.kind == Kind::ack ? "+ACK" : op.kind == Kind::term ? "+TERM" : op.kind == Kind::nak ? "-NAK" : "+WPI";
    ConsumerModel& consumer = *model_.consumer(taken.consumer);
    consumer.pass_time(now());
    if (op.kind == Kind::nak) {
      consumer.nak(taken.delivery, op.time > 0ns ? std::optional{op.time} : std::nullopt, now());
      if (op.time > 0ns) what += " " + Json{{"delay", op.time.count()}}.dump();
    } else if (op.kind == Kind::in_progress) {
      consumer.in_progress(taken.delivery.seq, now());
    } else {
      model_.ack(taken.consumer, taken.delivery);
    }
    js_->ack(taken.message, what);
  }

  // --- the node's end and return

  // Whether what is due again and was not fetched yet counts from its delivery or from when it fell due, nobody promises over a
  // restart: it depends on what else the consumer had to write down.
  [[nodiscard]] bool has_queued() {
    return std::any_of(model_.consumers().begin(), model_.consumers().end(), [this](const auto& each) {
      model_.consumer(each.first)->pass_time(now());
      return each.second.has_queued();
    });
  }

  void restart(const ModelOperation& op) {
    if (has_queued()) return;
    world_.run_for(300ms);  // consumers write their files
    world_.signal("hub", op.number % 2 == 0 ? sim::Signal::term : sim::Signal::kill);
    for (const core::Instant limit = now() + 10s; world_.process("hub").is_running() && now() < limit;) world_.run_for(1ms);
    world_.start("hub");
    connect();
    calm();
    // A message that ran out of deliveries at the floor is kept, in the file, by a lower floor.
    for (const auto& [name, consumer] : model_.consumers()) {
      if (consumer.config().max_deliver > 0) floors_[name] = 0;
    }
    model_.restart(now() + 1s);  // nothing is delivered again in the first half to one and a half seconds
    world_.run_for(3s);
    calm();
  }

  // --- what both say of themselves

  void compare_states() {
    const Json info = js_->api("STREAM.INFO.S");
    const Json state = info.contains("state") ? info["state"] : Json::object();
    const auto number = [](const Json& json, const char* name) { return json.value(name, std::uint64_t{0}); };
    same("messages", std::uint64_t{model_.messages().size()}, number(state, "messages"));
    same("bytes", model_.bytes(), number(state, "bytes"));
    same("last_seq", model_.last_seq(), number(state, "last_seq"));
    if (model_.last_seq() > 0) same("first_seq", model_.first_seq(), number(state, "first_seq"));
    same("consumer_count", std::uint64_t{model_.consumers().size()}, number(state, "consumer_count"));
    for (const auto& [name, consumer] : model_.consumers()) compare_consumer(name, consumer);
  }

  void compare_consumer(const std::string& name, const ConsumerModel& consumer) {
    const Json info = js_->consumer("S", name);
    model_.consumer(name)->pass_time(now());  // what its timer has found by now
    if (!info.contains("delivered")) return differ("consumer " + name, info.dump());
    const auto number = [](const Json& json, const char* field) { return json.value(field, std::uint64_t{0}); };
    std::uint64_t pending = 0;
    for (const auto& [seq, message] : model_.messages()) pending += seq >= consumer.next_seq() && consumer.matches(message.subject) ? 1 : 0;
    same((name + ": num_pending").c_str(), pending, number(info, "num_pending"));
    same((name + ": delivered.consumer_seq").c_str(), consumer.delivered(), number(info["delivered"], "consumer_seq"));
    same((name + ": num_ack_pending").c_str(), std::uint64_t{consumer.ack_pending()}, number(info, "num_ack_pending"));
    const std::uint64_t delivered = number(info["delivered"], "stream_seq");
    const std::uint64_t floor = number(info["ack_floor"], "stream_seq");
    if (delivered > model_.last_seq()) differ(name + ": delivered at most " + std::to_string(model_.last_seq()), std::to_string(delivered));
    if (floor > delivered) differ(name + ": an ack floor up to " + std::to_string(delivered), std::to_string(floor));
    if (const std::uint64_t lowest = consumer.lowest_pending(); lowest != 0 && floor >= lowest)
      differ(name + ": an ack floor below the pending " + std::to_string(lowest), std::to_string(floor));
    if (floor < floors_[name]) differ(name + ": an ack floor that stays at " + std::to_string(floors_[name]), std::to_string(floor));
    floors_[name] = floor;
    if (consumer.is_floor_exact()) same((name + ": ack_floor.stream_seq").c_str(), consumer.floor(), floor);
  }

  struct HandedOut {
    std::string consumer;
    ModelDelivery delivery;
    Heard message;
  };
  tests::NodeWorld world_;
  std::unique_ptr<tests::JetStreamClient> js_;
  StreamModel model_;
  std::vector<HandedOut> handed_out_;
  std::map<std::string, std::uint64_t> floors_;
  std::string difference_;
  int connections_ = 0;
};

}  // namespace

std::string run_sequence(const ModelSequence& sequence, const core::Defects& defects) {
  return Pair{sequence, defects}.run(sequence.operations);
}

ModelSequence shrink_sequence(ModelSequence sequence, const core::Defects& defects) {
  for (std::size_t chunk = sequence.operations.size() / 2; chunk > 0;) {
    bool is_shorter = false;
    for (std::size_t at = 0; at + chunk <= sequence.operations.size();) {
      ModelSequence without = sequence;
      const auto begin = without.operations.begin() + static_cast<std::ptrdiff_t>(at);
      without.operations.erase(begin, begin + static_cast<std::ptrdiff_t>(chunk));
      if (run_sequence(without, defects).empty()) {
        at += chunk;
      } else {
        sequence = std::move(without);
        is_shorter = true;
      }
    }
    if (!is_shorter || chunk > 1) chunk /= 2;
  }
  return sequence;
}

}  // namespace windtunnel::scenarios
