#include "core/store/meta_file.h"

#include <doctest/doctest.h>

#include "tests/support/fake_env.h"

using namespace windtunnel::core;
using namespace windtunnel::tests;

TEST_CASE("meta.sum is nats-server's checksum of meta.inf") {
  FakeWorld world;
  Env env = world.env();
  REQUIRE(world.disk->make_directories("s/ORDERS"));
  REQUIRE(write_meta(env, "s/ORDERS", "ORDERS", R"({"Created":"2024-01-01T00:00:00Z","name":"ORDERS"})"));
  CHECK(world.disk->file("s/ORDERS/meta.sum") == "3bae0760b2457691");
  REQUIRE(world.disk->make_directories("s/ORDERS/obs/worker"));
  REQUIRE(write_meta(env, "s/ORDERS/obs/worker", "ORDERS/worker", "{}"));
  CHECK(world.disk->file("s/ORDERS/obs/worker/meta.sum") == "1de056e0a7a0cdcf");
  CHECK(read_meta(env, "s/ORDERS/obs/worker", "ORDERS/worker").value() == "{}");
}

TEST_CASE("a meta file without its sum, or with another, is refused") {
  FakeWorld world;
  Env env = world.env();
  REQUIRE(world.disk->make_directories("d"));
  CHECK(read_meta(env, "d", "S").error().code == Errc::not_found);
  REQUIRE(write_meta(env, "d", "S", "{}"));
  world.disk->file("d/meta.inf") = "{ }";
  CHECK(read_meta(env, "d", "S").error().code == Errc::corrupt);
  world.disk->files().erase("d/meta.sum");
  CHECK(read_meta(env, "d", "S").error().code == Errc::not_found);
}

TEST_CASE("a kill at any operation of write_meta leaves the old pair or the new one") {
  bool was_completed = false;
  for (std::int64_t point = 0; !was_completed; ++point) {
    CAPTURE(point);
    FakeWorld world;
    Env env = world.env();
    REQUIRE(world.disk->make_directories("d"));
    REQUIRE(write_meta(env, "d", "S", "{\"old\":1}"));
    world.disk->operations_left = point;
    world.disk->killed_write_keeps = 4;
    try {
      was_completed = write_meta(env, "d", "S", "{\"new\":2}").has_value();  // doctest would swallow the kill
    } catch (const TaskKilled&) {
    }
    world.disk->operations_left = -1;
    const auto after = read_meta(env, "d", "S");
    REQUIRE(after);
    CHECK((*after == "{\"old\":1}" || *after == "{\"new\":2}"));
    if (was_completed) CHECK(*after == "{\"new\":2}");
    // What was mended stays mended.
    CHECK(read_meta(env, "d", "S").value() == *after);
  }
}

TEST_CASE("what is read was made durable, with the names above it: whoever wrote it may have died before") {
  FakeWorld world;
  Env env = world.env();
  REQUIRE(world.disk->make_directories("s/ORDERS"));
  REQUIRE(write_meta(env, "s/ORDERS", "ORDERS", "{}"));
  world.disk->is_recording = true;
  CHECK(read_meta(env, "s/ORDERS", "ORDERS").value() == "{}");
  CHECK(world.disk->operations == std::vector<std::string>{"sync_directory s/ORDERS", "sync_directory s", "sync_directory "});
  // If that fails it is no worse than it was.
  world.disk->fails = [](std::string_view operation, std::string_view) {
    return operation == "sync_directory" ? std::optional{Errc::io_error} : std::nullopt;
  };
  CHECK(read_meta(env, "s/ORDERS", "ORDERS").value() == "{}");
}
