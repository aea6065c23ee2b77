// The `admin` workload: an operator at work. One action after the other, in turn: purges, deletions.

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>

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
  void act(AdminAction action) {
    if (action == AdminAction::purge) return purge();
    const std::optional<core::Seq> seq = some_sequence();
    if (!seq) return;
    RequestedRemoval removal = blank_removal();
    removal.seq = *seq;
    core::JsonWriter json;
    json.begin_object().field("seq", seq->value);
    if (action == AdminAction::delete_message) json.field("no_erase", true);
    json.end_object();
    ask("STREAM.MSG.DELETE." + admin_.stream, json.view(), std::move(removal));
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
    ask("STREAM.PURGE." + admin_.stream, json.view(), std::move(removal));
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

  // Once: what has no answer may have been done, or may not.
  void ask(const std::string& verb, std::string_view json, RequestedRemoval removal) {
    const std::size_t index = world_.removals().add(std::move(removal));
    const core::Reply reply = jetstream_.api(verb, json, core::after(env_.clock.now(), kApiTimeout));
    std::string told = "no answer";
    if (reply.kind == core::Reply::Kind::message) {
      const std::optional<std::string> refused = api_error_text(reply.message.payload);
      told = refused.value_or("done");
      world_.removals().answered(index, env_.clock.now(), !refused);
    }
    world_.record(node_, core::LogLevel::info, "admin.asked", {{"workload", spec_.name}, {"verb", verb}, {"body", json}, {"told", told}});
  }

  core::Env& env_;
  World& world_;
  const WorkloadSpec& spec_;
  const AdminSpec& admin_;
  core::Random random_;
  sim::NodeId node_;
  core::Client client_;
  core::JetStreamClient jetstream_;
};

}  // namespace

std::unique_ptr<sim::Program> make_admin(core::Env& env, World& world, const WorkloadSpec& spec) {
  return std::make_unique<AdminProgram>(env, world, spec);
}

}  // namespace windtunnel::scenarios
