// The `admin` workload: an operator at work. One action after the other, in turn: purges, deletions, other configurations, consumers
// that go and come.

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>

#include "core/base/assert.h"
#include "core/base/json_writer.h"
#include "core/client/client.h"
#include "core/client/jetstream_client.h"
#include "core/env/clock.h"
#include "scenarios/api_answer.h"
#include "scenarios/workload_programs.h"

namespace windtunnel::scenarios {
namespace {

using namespace std::chrono_literals;

constexpr core::Duration kApiTimeout = 5s;

// A store says in several ways that it has no such message: it never had, it is gone, it lies beyond the last one.
bool says_absent(std::string_view answer) {
  for (const std::string_view words : {"no message found", "stream store EOF", "not found"}) {
    if (answer.find(words) != std::string_view::npos && answer.find("stream not found") == std::string_view::npos) return true;
  }
  return false;
}

std::optional<std::uint64_t> purged_of(std::string_view answer) {
  const nlohmann::json json = nlohmann::json::parse(answer, nullptr, false);
  if (!json.is_object() || !json.contains("purged") || !json["purged"].is_number_unsigned()) return std::nullopt;
  return json["purged"].get<std::uint64_t>();
}

class AdminProgram final : public sim::Program {
 public:
  AdminProgram(core::Env& env, World& world, const WorkloadSpec& spec)
      : env_(env),
        world_(world),
        spec_(spec),
        admin_(std::get<AdminSpec>(spec.work)),
        random_(env.random.child("choices")),
        node_(world.client_node(spec.name)),
        client_(env, client_options(spec)),
        jetstream_(client_, admin_.domain) {}

  void run() override {
    connect_or_record(client_, world_, spec_);
    core::Instant next = core::after(kTimeZero, spec_.start);
    for (std::uint64_t i = 0; i < admin_.times(); ++i) {
      next = core::after(next, admin_.every);
      env_.tasks.sleep_until(std::max(env_.clock.now(), next));
      act(admin_.actions[i % admin_.actions.size()]);
    }
    env_.tasks.park("the end of the run", core::kForever);
  }

 private:
  enum class Answer : std::uint8_t { none, refused, done };

  void act(AdminAction action) {
    switch (action) {
      case AdminAction::purge: return purge();
      case AdminAction::delete_message:
      case AdminAction::erase_message: return remove_message(action);
      case AdminAction::update: return update();
      case AdminAction::delete_consumer:
      case AdminAction::create_consumer: return change_consumer(action == AdminAction::delete_consumer);
    }
  }

  void update() {
    const StreamKey key = stream_key();
    const std::size_t index = world_.changes().of(key).size();
    ConfigChange change;
    change.asked_at = env_.clock.now();
    change.body = admin_.updates[updates_++ % admin_.updates.size()];
    world_.changes().of(key).push_back(change);
    const Answer answer = ask("STREAM.UPDATE." + admin_.stream, change.body);
    if (answer != Answer::none) note(world_.changes().of(key)[index], answer);
  }

  void change_consumer(bool is_deletion) {
    const ConsumerKey key{stream_key(), admin_.consumer};
    const std::size_t index = world_.changes().of(key).size();
    ConsumerChange change;
    change.asked_at = env_.clock.now();
    change.is_deletion = is_deletion;
    world_.changes().of(key).push_back(change);
    const std::string name = admin_.stream + "." + admin_.consumer;
    const Answer answer =
        is_deletion ? ask("CONSUMER.DELETE." + name, "") : ask("CONSUMER.DURABLE.CREATE." + name, listed_consumer().create_body);
    if (answer != Answer::none) note(world_.changes().of(key)[index], answer);
  }

  void note(Change& change, Answer answer) const {
    change.answered_at = env_.clock.now();
    change.is_refused = answer == Answer::refused;
  }

  [[nodiscard]] StreamKey stream_key() { return {world_.node(admin_.on).process->node(), admin_.stream}; }

  [[nodiscard]] const ConsumerSpec& listed_consumer() const {
    const std::vector<ConsumerSpec>& all = world_.scenario().consumers;
    const auto found = std::find_if(all.begin(), all.end(), [this](const ConsumerSpec& consumer) {
      return consumer.on == admin_.on && consumer.stream == admin_.stream && consumer.name == admin_.consumer;
    });
    WT_ASSERT(found != all.end());  // the loader has looked
    return *found;
  }

  void remove_message(AdminAction action) {
    const std::optional<core::Seq> seq = some_sequence();
    if (!seq) return;
    RequestedRemoval removal = blank_removal();
    removal.seq = *seq;
    core::JsonWriter json;
    json.begin_object().field("seq", seq->value);
    if (action == AdminAction::delete_message) json.field("no_erase", true);
    json.end_object();
    ask_for("STREAM.MSG.DELETE." + admin_.stream, json.view(), std::move(removal));
  }

  void purge() {
    RequestedRemoval removal = blank_removal();
    removal.filter_subject = admin_.filter_subject;
    removal.keep = admin_.keep;
    core::JsonWriter json;
    json.begin_object();
    if (!admin_.filter_subject.empty()) json.field("filter", admin_.filter_subject);
    if (admin_.keep > 0) json.field("keep", admin_.keep);
    json.end_object();
    ask_for("STREAM.PURGE." + admin_.stream, json.view(), std::move(removal));
  }

  // One of the sequences that the stream has, or had.
  std::optional<core::Seq> some_sequence() {
    const core::Reply reply = jetstream_.api("STREAM.INFO." + admin_.stream, "", core::after(env_.clock.now(), kApiTimeout));
    if (reply.kind != core::Reply::Kind::message) return std::nullopt;
    const nlohmann::json info = nlohmann::json::parse(reply.message.payload, nullptr, false);
    if (!info.is_object() || !info.contains("state")) return std::nullopt;
    const nlohmann::json& state = info["state"];
    const std::uint64_t first = state.value("first_seq", std::uint64_t{0});
    const std::uint64_t last = state.value("last_seq", std::uint64_t{0});
    if (state.value("messages", std::uint64_t{0}) == 0 || first > last) return std::nullopt;
    return core::Seq{random_.between(first, last)};
  }

  [[nodiscard]] RequestedRemoval blank_removal() const {
    RequestedRemoval out;
    out.node = admin_.on;
    out.stream = admin_.stream;
    out.asked_at = env_.clock.now();
    return out;
  }

  void ask_for(const std::string& verb, std::string_view json, RequestedRemoval removal) {
    const std::size_t index = world_.removals().add(std::move(removal));
    const Answer answer = ask(verb, json);
    if (answer == Answer::none) return;
    RequestedRemoval& asked = world_.removals().at(index);
    asked.answered_at = env_.clock.now();
    asked.is_done = answer == Answer::done;
    asked.is_absent = answer == Answer::refused && asked.seq.value != 0 && says_absent(answer_);
    if (asked.is_done && asked.seq.value == 0) asked.purged = purged_of(answer_);
  }

  // Once: what has no answer may have been done, or may not.
  Answer ask(const std::string& verb, std::string_view json) {
    const core::Reply reply = jetstream_.api(verb, json, core::after(env_.clock.now(), kApiTimeout));
    std::string told = "no answer";
    Answer answer = Answer::none;
    if (reply.kind == core::Reply::Kind::message) {
      answer_ = reply.message.payload;
      const std::optional<std::string> refused = api_error_text(reply.message.payload);
      told = refused.value_or("done");
      answer = refused ? Answer::refused : Answer::done;
    }
    world_.record(node_, core::LogLevel::info, "admin.asked", {{"workload", spec_.name}, {"verb", verb}, {"body", json}, {"told", told}});
    return answer;
  }

  core::Env& env_;
  World& world_;
  const WorkloadSpec& spec_;
  const AdminSpec& admin_;
  core::Random random_;
  sim::NodeId node_;
  core::Client client_;
  core::JetStreamClient jetstream_;
  std::size_t updates_ = 0;  // made so far
  std::string answer_;       // the latest
};

}  // namespace

std::unique_ptr<sim::Program> make_admin(core::Env& env, World& world, const WorkloadSpec& spec) {
  return std::make_unique<AdminProgram>(env, world, spec);
}

}  // namespace windtunnel::scenarios
