#include "tests/layering/layers.h"

#include <doctest/doctest.h>

#include <string>

using namespace windtunnel::tests;

namespace {

// A tree in which every folder has one empty header, and `file` besides.
SourceTree tree_with(SourceFile file) {
  SourceTree tree;
  for (const char* folder : {"core/base", "core/env", "core/fiber", "core/nats", "core/store", "core/jetstream", "core/server",
                             "core/client", "core/posix", "sim", "faults", "scenarios", "reports", "cli", "tests"}) {
    tree.push_back({std::string{folder} + "/a.h", "#pragma once\n"});
  }
  tree.push_back(std::move(file));
  return tree;
}

struct Row {
  const char* what;
  const char* path;
  const char* include;
  bool is_allowed;
};

constexpr Row kRows[] = {
    {"a folder knows itself", "core/store/x.cc", "\"core/store/a.h\"", true},
    {"a folder knows what is below it", "core/store/x.cc", "\"core/nats/a.h\"", true},
    {"the store does not know streams", "core/store/x.h", "\"core/jetstream/a.h\"", false},
    {"base knows nothing", "core/base/x.cc", "\"core/env/a.h\"", false},
    {"the core does not know the world", "core/server/x.cc", "\"sim/a.h\"", false},
    {"the core does not know its fibers", "core/jetstream/x.cc", "\"core/fiber/a.h\"", false},
    {"the server does not know the client", "core/server/x.cc", "\"core/client/a.h\"", false},
    {"the client does not know the server", "core/client/x.cc", "\"core/server/a.h\"", false},
    {"fibers know the ports", "core/fiber/x.cc", "\"core/env/a.h\"", true},
    {"fibers do not know the wire", "core/fiber/x.cc", "\"core/nats/a.h\"", false},
    {"the real world knows fibers", "core/posix/x.cc", "\"core/fiber/a.h\"", true},
    {"the world knows the server", "sim/x.cc", "\"core/server/a.h\"", true},
    {"the world does not know real files", "sim/x.cc", "\"core/posix/a.h\"", false},
    {"the world does not know what goes wrong", "sim/x.cc", "\"faults/a.h\"", false},
    {"scenarios know faults", "scenarios/x.cc", "\"faults/a.h\"", true},
    {"scenarios do not know their reports", "scenarios/x.cc", "\"reports/a.h\"", false},
    {"reports do not know the command line", "reports/x.cc", "\"cli/a.h\"", false},
    {"the command line knows everything", "cli/x.cc", "\"core/posix/a.h\"", true},
    {"nothing but tests knows tests", "cli/x.cc", "\"tests/a.h\"", false},
    {"tests know everything", "tests/core/x_test.cc", "\"cli/a.h\"", true},
    {"paths begin at the root", "core/store/x.cc", "\"a.h\"", false},
    {"no path leads upwards", "core/store/x.cc", "\"../base/a.h\"", false},
    {"Boost in a .cc of the fiber runtime", "core/fiber/x.cc", "<boost/fiber/all.hpp>", true},
    {"Boost in the store", "core/store/x.cc", "<boost/crc.hpp>", false},
    {"yaml-cpp in the loader", "scenarios/x.cc", "<yaml-cpp/yaml.h>", true},
    {"JSON in the wire", "core/nats/x.cc", "<nlohmann/json.hpp>", false},
    {"the C++ library anywhere", "core/base/x.h", "<vector>", true},
};

}  // namespace

TEST_CASE("includes follow the layers") {
  for (const Row& row : kRows) {
    CAPTURE(row.what);
    const auto violations = find_layer_violations(tree_with({row.path, std::string{"\n#include "} + row.include + "\n"}));
    CHECK(violations.empty() == row.is_allowed);
    if (!violations.empty()) {
      CHECK(violations.front().path == row.path);
      CHECK(violations.front().line == 2);
    }
  }
}

TEST_CASE("a package may stand in a header that only .cc files of its folder see") {
  const SourceFile header{"core/jetstream/json.h", "#include <nlohmann/json.hpp>"};
  const auto violations_when_seen_by = [&](const char* path) {
    SourceTree tree = tree_with(header);
    tree.push_back({path, "#include \"core/jetstream/json.h\""});
    return find_layer_violations(tree).size();
  };
  CHECK(violations_when_seen_by("core/jetstream/x.cc") == 0);
  CHECK(violations_when_seen_by("tests/core/jetstream/x_test.cc") == 0);
  CHECK(violations_when_seen_by("core/jetstream/x.h") == 1);
  CHECK(violations_when_seen_by("core/server/x.cc") == 1);
}

TEST_CASE("an include is found however it is spaced") {
  CHECK(find_layer_violations(tree_with({"core/base/x.h", "  #  include   \"sim/a.h\""})).size() == 1);
}

TEST_CASE("a C++ file outside the folders is found") {
  CHECK(find_layer_violations(tree_with({"utils/x.h", ""})).size() == 1);
  CHECK(find_layer_violations(tree_with({"core/x.h", ""})).size() == 1);
}

TEST_CASE("this repository keeps its layers") {
  REQUIRE(this_source_tree().size() > 50);
  CHECK(to_text(find_layer_violations(this_source_tree())) == "");
}
