// Our store code on real files, as a node would use it: for stores that a real server is to open.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "core/jetstream/stream_config.h"
#include "core/posix/posix_disk.h"
#include "core/store/consumer_store.h"
#include "core/store/stream_store.h"
#include "tests/peers/spoiled_disk.h"
#include "tests/support/fake_env.h"

namespace windtunnel::tests {

// One stream in `root`/jetstream/$G. Its background work (compression, syncs, index snapshots by time) runs when it is told to.
class OurStore {
 public:
  // `config`: the JSON of a create request. `now`: the wall clock.
  OurStore(const std::string& root, const std::string& config, core::WallTime now, core::StoreSettings settings = {});

  [[nodiscard]] core::StreamStore& stream() { return *store_; }
  [[nodiscard]] core::Env& env() { return *env_; }
  core::Seq put(std::string_view subject, std::string_view payload, std::string_view headers = {});
  // Its meta.inf and o.dat. `config`: JSON.
  void consumer(const std::string& name, const std::string& config, const core::ConsumerState& state);
  // The page in which block `index` ends cannot be read any more: the next message is refused.
  void spoil_end(std::uint32_t index);
  void stop();  // in order
  void kill();  // what is in files stays
  void reopen();
  // What the background task does at once, without waiting: blocks that are full are compressed. It is dead afterwards, and
  // with it the process: kill and reopen.
  void run_background();

 private:
  core::StoreSettings settings_;
  core::StreamConfig config_;
  std::string directory_;
  core::WallTime now_;
  std::int64_t stored_ = 0;
  std::unique_ptr<core::PosixDisk> files_;
  std::unique_ptr<SpoiledDisk> disk_;
  FakeClock clock_;
  FakeTasks tasks_{clock_};
  FakeNetwork network_;
  FakeLog log_;
  core::Defects defects_;
  std::unique_ptr<core::Env> env_;
  std::unique_ptr<core::StreamStore> store_;
};

}  // namespace windtunnel::tests
