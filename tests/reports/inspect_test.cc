#include "reports/inspect.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "core/posix/posix_disk.h"
#include "tests/support/temporary_directory.h"

using namespace windtunnel;
using nlohmann::json;
using tests::TemporaryDirectory;

namespace {

namespace fs = std::filesystem;

fs::path recorded(const std::string& name) { return fs::path(WT_FIXTURES) / "stores" / name / "store"; }

struct Inspected {
  core::Result<reports::InspectTotals> totals = core::error(core::Errc::closed, "not run");
  std::string out;
};

Inspected inspect(const fs::path& directory, bool is_json, reports::InspectOptions options = {}, reports::TextStyle style = {}) {
  auto disk = core::PosixDisk::open(directory.parent_path().string(), core::PosixDisk::Access::read_only);
  REQUIRE(disk);
  Inspected out;
  const reports::Sink sink = [&](std::string_view text) { out.out += text; };
  const auto writer = is_json ? reports::inspect_json(sink, options, "test") : reports::inspect_text(sink, options, style);
  out.totals = reports::inspect(**disk, directory.filename().string(), "SHOWN", options, *writer);
  return out;
}

// A copy of a recorded store, to be changed.
struct Copy {
  TemporaryDirectory directory;
  fs::path store;
  fs::path stream;
  explicit Copy(const std::string& name, const std::string& stream_name) : store(fs::path(directory.path()) / "store") {
    fs::copy(recorded(name), store, fs::copy_options::recursive);
    stream = store / "jetstream" / "$G" / "streams" / stream_name;
    REQUIRE(fs::is_directory(stream));
  }
};

std::string slurp(const fs::path& path) {
  std::ifstream in{path, std::ios::binary};
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

void spit(const fs::path& path, std::string_view text) { std::ofstream{path, std::ios::binary} << text; }

// Everything that one can see of a tree, times included.
std::string fingerprint(const fs::path& root) {
  std::vector<std::string> lines;
  for (const auto& entry : fs::recursive_directory_iterator(root)) {
    lines.push_back(entry.path().string() + " " + std::to_string(entry.last_write_time().time_since_epoch().count()) + " " +
                    (entry.is_regular_file() ? slurp(entry.path()) : "/"));
  }
  std::sort(lines.begin(), lines.end());
  std::string out;
  for (const std::string& line : lines) out += line + "\n";
  return out;
}

std::vector<std::string> kinds(const json& problems) {
  std::vector<std::string> out;
  for (const json& problem : problems) out.push_back(problem.at("kind"));
  return out;
}

}  // namespace

TEST_CASE("a store, its jetstream, an account, its streams and a stream all lead to the stream") {
  const Copy at{"plain-graceful", json::parse(slurp(recorded("plain-graceful").parent_path() / "manifest.json")).at("streams").at(0)};
  for (const fs::path& directory : {at.store, at.store / "jetstream", at.store / "jetstream" / "$G", at.stream.parent_path(), at.stream}) {
    CAPTURE(directory.string());
    const Inspected said = inspect(directory, true);
    REQUIRE(said.totals);
    const json document = json::parse(said.out);
    REQUIRE(document.at("streams").size() == 1);
    CHECK(document.at("streams")[0].at("name") == at.stream.filename().string());
    CHECK(document.at("streams")[0].at("problems").empty());
    // Files are named from the directory that was given.
    const fs::path block = directory / document.at("streams")[0].at("blocks")[0].at("file").get<std::string>();
    CHECK(fs::is_regular_file(block));
  }
}

TEST_CASE("what is no store is refused with what is missing") {
  const TemporaryDirectory directory;
  const fs::path root = directory.path();
  fs::create_directories(root / "empty");
  fs::create_directories(root / "consumer");
  spit(root / "consumer" / "meta.inf", "{}");
  spit(root / "consumer" / "o.dat", "x");
  fs::create_directories(root / "msgs");
  spit(root / "msgs" / "1.blk", "x");
  struct Row {
    const char* name;
    const char* part;
  };
  for (const Row& row :
       {Row{"empty", "is no JetStream store"}, Row{"consumer", "one consumer"}, Row{"msgs", "name the directory above it"}}) {
    CAPTURE(row.name);
    const Inspected said = inspect(root / row.name, false);
    REQUIRE_FALSE(said.totals);
    CHECK(said.totals.error().code == core::Errc::not_found);
    CHECK(said.totals.error().detail.find(row.part) != std::string::npos);
    CHECK(said.out.empty());
  }
}

TEST_CASE("a server that never had a stream has an empty store") {
  const TemporaryDirectory directory;
  fs::create_directories(fs::path(directory.path()) / "store" / "jetstream");
  const Inspected said = inspect(fs::path(directory.path()) / "store", false);
  REQUIRE(said.totals);
  CHECK(said.out == "SHOWN: no stream\n\nno problem found\n");
}

TEST_CASE("a stream without its blocks is still listed") {
  const Copy at{"plain-graceful", "PLAIN"};
  fs::remove_all(at.stream / "msgs");
  const json document = json::parse(inspect(at.stream, true).out);
  REQUIRE(document.at("streams").size() == 1);
  CHECK(document.at("streams")[0].at("config").at("name") == "PLAIN");
  CHECK(document.at("streams")[0].at("state").at("messages") == 0);
  CHECK(kinds(document.at("streams")[0].at("problems")) == std::vector<std::string>{"missing-blocks"});
}

TEST_CASE("inspecting writes nothing, whatever it finds") {
  for (const char* name :
       {"limits-torn-tail", "limits-meta-sum-wrong", "stale-index-purged", "workqueue-missing-last-blk", "compressed-killed"}) {
    CAPTURE(name);
    const TemporaryDirectory directory;
    const fs::path store = fs::path(directory.path()) / "store";
    fs::copy(recorded(name), store, fs::copy_options::recursive);
    spit(store / "jetstream" / "$G" / "streams" / "left.tmp", "x");
    for (const auto& entry : fs::recursive_directory_iterator(store))
      fs::permissions(entry.path(), entry.is_directory() ? fs::perms::owner_read | fs::perms::owner_exec : fs::perms::owner_read);
    const std::string before = fingerprint(store);
    const Inspected said = inspect(store, true, {.at = core::WallTime{1893456000000000000}, .with_messages = true, .with_consumers = true});
    CHECK(said.totals.has_value());
    CHECK(fingerprint(store) == before);
    for (const auto& entry : fs::recursive_directory_iterator(store))
      if (entry.is_directory()) fs::permissions(entry.path(), fs::perms::owner_all);
  }
}

TEST_CASE("a stream under another name is read by its own, and said to be renamed") {
  const Copy at{"plain-graceful", "PLAIN"};
  const fs::path renamed = at.stream.parent_path() / "PLAIN-backup";
  fs::rename(at.stream, renamed);
  const json stream = json::parse(inspect(renamed, true).out).at("streams").at(0);
  CHECK(stream.at("name") == "PLAIN");
  CHECK(stream.at("state").at("messages").get<int>() > 0);
  CHECK(kinds(stream.at("problems")) == std::vector<std::string>{"renamed-stream"});
}

TEST_CASE("an encrypted stream is refused by name, and others are still read") {
  const Copy at{"plain-graceful", "PLAIN"};
  fs::copy(at.stream, at.stream.parent_path() / "SECRET", fs::copy_options::recursive);
  spit(at.stream.parent_path() / "SECRET" / "meta.key", "x");
  const Inspected said = inspect(at.store, true);
  REQUIRE(said.totals);
  CHECK(said.totals->encrypted == 1);
  const json document = json::parse(said.out);
  REQUIRE(document.at("streams").size() == 2);
  CHECK(document.at("streams")[0].at("problems").empty());
  CHECK(document.at("streams")[1].at("state").is_null());
  CHECK(kinds(document.at("streams")[1].at("problems")) == std::vector<std::string>{"encrypted"});
}

TEST_CASE("metadata that is no configuration leaves the blocks readable") {
  for (const std::string& meta : {std::string("[]"), std::string("{\"name\":1}"), std::string(100'000, '['), std::string("\xff\xfe")}) {
    CAPTURE(meta.substr(0, 20));
    const Copy at{"plain-graceful", "PLAIN"};
    spit(at.stream / "meta.inf", meta);
    const Inspected said = inspect(at.stream, true, {.at = std::nullopt, .with_messages = true, .with_consumers = false});
    REQUIRE(said.totals);
    const json stream = json::parse(said.out).at("streams").at(0);
    CHECK(stream.at("messages").size() == stream.at("state").at("messages").get<std::size_t>());
    CHECK(said.totals->damages == 2);  // the sum, and what it is the sum of
  }
}

TEST_CASE("the text has no control characters and no colours unless asked") {
  const Copy at{"limits-bitflip-middle-blk", "BLOCKS"};
  const std::string plain = inspect(at.store, false).out;
  CHECK(plain.find('\x1b') == std::string::npos);
  CHECK(plain.find("DAMAGE   msgs/2.blk at offset 15649: 519 damaged bytes behind sequence 74 and ahead of 76\n") != std::string::npos);
  CHECK(plain.find("2 x damage\n") != std::string::npos);
  const std::string coloured = inspect(at.store, false, {}, {.has_colours = true}).out;
  CHECK(coloured.find("\x1b[1;31mDAMAGE\x1b[0m") != std::string::npos);
  const fs::path odd = at.stream.parent_path() / "BAD\x1b[2J";
  fs::rename(at.stream, odd);
  CHECK(inspect(at.store, false).out.find('\x1b') == std::string::npos);
}
