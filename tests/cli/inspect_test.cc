// `windtunnel inspect` from outside: exit status, and which stream of output says what.
#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "cli/arguments.h"
#include "tests/cli/process.h"

namespace windtunnel::cli {
namespace {

std::string recorded(const std::string& name) { return "'" WT_FIXTURES "/stores/" + name + "/store'"; }

InspectCommand parsed(const std::vector<std::string>& words) {
  const auto command = parse_arguments(words);
  if (!command) FAIL(command.error().detail);
  return std::get<InspectCommand>(*command);
}

TEST_CASE("inspect takes one directory and its options in any order") {
  const InspectCommand plain = parsed({"inspect", "dir"});
  CHECK(plain.path == "dir");
  CHECK_FALSE((plain.json || plain.messages || plain.consumers || plain.at));
  const InspectCommand all = parsed({"inspect", "--json", "--at", "2024-05-01T10:00:00Z", "dir", "--messages", "--consumers"});
  CHECK((all.json && all.messages && all.consumers));
  CHECK(all.at == core::WallTime{1714557600000000000});
  for (const std::vector<std::string>& wrong : std::vector<std::vector<std::string>>{
           {"inspect"}, {"inspect", "a", "b"}, {"inspect", "a", "--at", "yesterday"}, {"inspect", "a", "--jsn"}}) {
    CHECK_FALSE(parse_arguments(wrong));
  }
}

TEST_CASE("a clean store exits 0, one with problems 1, and what is none 2") {
  const Folder folder;
  const Said clean = folder.run("inspect " + recorded("plain-graceful"));
  CHECK(clean.status == 0);
  CHECK(clean.out.find("PLAIN") != std::string::npos);
  CHECK(clean.out.ends_with("\nno problem found\n"));
  CHECK(clean.err == "");
  const Said damaged = folder.run("inspect " + recorded("limits-missing-middle-blk"));
  CHECK(damaged.status == 1);
  CHECK(damaged.out.find("msgs/2.blk: the file is not there") != std::string::npos);
  CHECK(damaged.err == "");
  // Worth a note, and no problem: so a store looks while its server runs.
  CHECK(folder.run("inspect " + recorded("stale-index-after-kill")).status == 0);

  const Said absent = folder.run("inspect nothing-here");
  CHECK(absent.status == 2);
  CHECK(absent.err == "windtunnel: `nothing-here`: No such file or directory\n");
  const Said empty = folder.run("inspect .");
  CHECK(empty.status == 2);
  CHECK(empty.err.starts_with("windtunnel: `.` is no JetStream store"));
  folder.write("file", "x");
  CHECK(folder.run("inspect file").status == 2);
}

TEST_CASE("the JSON is one document on standard output, from wherever it is called") {
  const Folder folder;
  const Said said = folder.run("inspect " + recorded("headers-graceful") + "/jetstream/\\$G/streams/HDRS/ --json --messages");
  CHECK(said.status == 0);
  const auto document = nlohmann::json::parse(said.out);
  CHECK(document.at("schema") == "windtunnel.inspect");
  CHECK(document.at("streams").at(0).at("messages").size() == 11);
  const Said inside = folder.run("inspect . --json", "-C " + recorded("headers-graceful") + "/jetstream/\\$G/streams/HDRS");
  CHECK(inside.status == 0);
  CHECK(nlohmann::json::parse(inside.out).at("streams").at(0).at("name") == "HDRS");
}

}  // namespace
}  // namespace windtunnel::cli
