// The `publish` workload: sends messages at its rate.

#include <algorithm>
#include <utility>

#include "core/env/clock.h"
#include "scenarios/ledger_writer.h"
#include "scenarios/workload_programs.h"

namespace windtunnel::scenarios {
namespace {

class Publisher final : public sim::Program {
 public:
  Publisher(core::Env& env, World& world, const WorkloadSpec& spec, std::uint16_t number)
      : env_(env),
        world_(world),
        spec_(spec),
        publish_(std::get<PublishSpec>(spec.work)),
        client_(env, client_options(spec)),
        writer_(env, world, spec, number, client_,
                {.domain = publish_.domain,
                 .timeout = publish_.timeout,
                 .retries = publish_.retries,
                 .msg_id = publish_.msg_id,
                 .size = publish_.size}) {}

  void run() override {
    connect_or_record(client_, world_, spec_);
    const core::Instant begin = core::after(kTimeZero, spec_.start);
    const std::uint64_t messages = publish_.messages();
    for (std::uint64_t i = 0; i < messages; ++i) {
      env_.tasks.sleep_until(std::max(env_.clock.now(), core::after(begin, publish_.rate.due(i))));
      publish_one();
    }
    env_.tasks.park("the end of the run", core::kForever);  // its connection stays, as a real client's would
  }

 private:
  void publish_one() {
    LedgerWriter::Letter letter = writer_.write();
    if (publish_.via == Via::core) return writer_.publish_plain(publish_.subject, letter);
    if (publish_.is_closed_loop) {
      writer_.publish_awaited(publish_.subject, letter);
      return;
    }
    env_.tasks.spawn("publish", [this, l = std::move(letter)] { writer_.publish_awaited(publish_.subject, l); });
  }

  core::Env& env_;
  World& world_;
  const WorkloadSpec& spec_;
  const PublishSpec& publish_;
  core::Client client_;
  LedgerWriter writer_;
};

}  // namespace

std::unique_ptr<sim::Program> make_publisher(core::Env& env, World& world, const WorkloadSpec& spec, std::uint16_t number) {
  return std::make_unique<Publisher>(env, world, spec, number);
}

}  // namespace windtunnel::scenarios
