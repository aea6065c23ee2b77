// One file store on a disk in memory, to be stopped, killed and opened again.
#pragma once

#include <doctest/doctest.h>

#include <map>
#include <memory>
#include <string>

#include "core/store/file_store.h"
#include "tests/support/fake_env.h"

namespace windtunnel::tests {

struct StoreFixture {
  FakeWorld world;
  core::StoreSettings settings;
  core::StreamStoreOptions options;
  std::unique_ptr<core::Env> env;
  std::unique_ptr<core::StreamStore> store;

  StoreFixture() {
    options.name = "ORDERS";
    options.directory = "jetstream/$G/streams/ORDERS";
  }
  // Opens the store, which must succeed.
  void open() {
    env = std::make_unique<core::Env>(world.env());
    auto opened = core::open_file_store(*env, settings, options);
    REQUIRE_MESSAGE(opened.has_value(), (opened ? "" : opened.error().text()));
    store = *std::move(opened);
  }
  // The files stay as they are; everything in memory is gone.
  void kill() {
    store.reset();
    world.tasks.spawned.clear();
    open();
  }
  void restart() {
    REQUIRE(store->stop());
    kill();
  }
  // Runs the store's background task through so many waits.
  void run_background(int waits) { world.tasks.run_one(waits); }

  [[nodiscard]] core::WallTime now() const { return world.clock.wall_now(); }
  core::Seq put(std::string_view subject, std::string_view payload) {
    const auto seq = store->append({subject, "", payload}, now());
    REQUIRE_MESSAGE(seq.has_value(), (seq ? "" : seq.error().text()));
    return *seq;
  }
  // The payload, or the name of the error.
  std::string payload(std::uint64_t seq) {
    const auto message = store->load(core::Seq{seq});
    return message ? message->payload : std::string(core::name_of(message.error().code));
  }
  [[nodiscard]] std::string msgs(std::string_view name) const {
    return options.directory + "/msgs" + (name.empty() ? "" : "/") + std::string(name);
  }
  // Sizes of the block files, by name.
  std::map<std::string, std::size_t> blocks() {
    std::map<std::string, std::size_t> out;
    for (const auto& [path, content] : world.disk->files()) {
      if (path.starts_with(msgs("")) && path.ends_with(".blk")) out[path.substr(msgs("").size() + 1)] = content.size();
    }
    return out;
  }
};

}  // namespace windtunnel::tests
