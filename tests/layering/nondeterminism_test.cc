#include "tests/layering/nondeterminism.h"

#include <doctest/doctest.h>

#include <string>

using namespace windtunnel::tests;

namespace {

const std::vector<Exception>& exceptions() {
  static const std::vector<Exception> list = {
      {"core/base/assert.cc", "getenv", "asked once the run is over, to choose between exit and a core file"},
      {"core/fiber/switcher.cc", "steady_clock",
       "Boost.Fiber's interface speaks of its time points; ours aborts when asked to wait for one"},
      {"core/fiber/switcher.cc", "thread_local", "lets the fibers go before Boost's own object of the thread does"},
  };
  return list;
}

struct Row {
  const char* what;
  const char* code;
  bool is_found;
};

constexpr Row kWords[] = {
    {"a real clock", "auto t = std::chrono::steady_clock::now();", true},
    {"the time of day", "return std::time(nullptr);", true},
    {"a function of ours called time", "auto t = message.time();", false},
    {"a C random number", "int n = rand () % 6;", true},
    {"a longer name", "auto n = grand(x);", false},
    {"a variable of that name", "int rand = 3;", false},
    {"our stream of random draws", "Random link = kernel.random(\"link\");", false},
    {"a distribution", "std::uniform_int_distribution<int> die{1, 6};", true},
    {"a thread", "std::thread worker;", true},
    {"an algorithm with unspecified draws", "std::shuffle(a.begin(), a.end(), random);", true},
    {"a fiber that sleeps in real time", "boost::this_fiber::sleep_for(1s);", true},
    {"a word in a comment", "// not steady_clock: it is real\n/* nor rand() */", false},
    {"a word in a message", "say(\"steady_clock is forbidden\");", false},
    {"a word after a string with a quote in it", "say(\"\\\"\"); srand(1);", true},
    {"a word after a digit separator", "int a = 1'000; srand(1);", true},
    {"a word after a raw string", "say(R\"x(\")\" )x\"); srand(1);", true},
    {"a printed pointer", "printf(\"%p\", x);", true},
    {"a map ordered by addresses", "std::map<const Fiber*, int> order;", true},
    {"a map to addresses", "std::map<int, Fiber*> fibers;", false},
    {"a set of pairs of ids", "std::set<std::pair<int, int>> ids;", false},
};

constexpr Row kLoops[] = {
    {"a range-for", "std::unordered_map<int, std::vector<int>> index_;\nvoid f() { for (auto& [k, v] : index_) {} }", true},
    {"a range-for through an object", "std::unordered_set<int> ids;\nvoid f() { for (int id : self.ids) {} }", true},
    {"an iterator", "std::unordered_set<int> ids;\nauto f() { return ids.begin(); }", true},
    {"a look-up", "std::unordered_set<int> ids;\nauto f() { return ids.find(3) != ids.end(); }", false},
    {"a loop over something else", "std::unordered_set<int> ids;\nvoid f() { for (int id : sorted) ids.insert(id); }", false},
    {"an ordered map", "std::map<int, int> index_;\nvoid f() { for (auto& [k, v] : index_) {} }", false},
};

constexpr Row kCatches[] = {
    {"swallows", "void f() { try { g(); } catch (...) { count++; } }", true},
    {"throws on", "void f() { try { g(); } catch (...) { if (x) { y(); } throw; } }", false},
    {"ends the process", "void f() { try { g(); } catch (...) { std::terminate(); } }", false},
    {"catches by type", "void f() { try { g(); } catch (const std::exception& e) { } }", false},
    {"throws only after the block", "void f() { try { g(); } catch (...) { } throw; }", true},
};

SourceTree one(const char* path, const char* text) { return {{path, text}}; }

}  // namespace

TEST_CASE("words of the real world are found in code, and only there") {
  for (const Row& row : kWords) {
    CAPTURE(row.what);
    CHECK(find_real_world_words(one("sim/x.cc", row.code), {}).empty() != row.is_found);
  }
}

TEST_CASE("the real world may be named where it belongs") {
  const char* code = "auto t = std::chrono::steady_clock::now();";
  CHECK(find_real_world_words(one("core/posix/clock.cc", code), {}).empty());
  CHECK(find_real_world_words(one("cli/main.cc", code), {}).empty());
  for (const char* path : {"core/store/x.h", "sim/x.cc", "faults/x.cc", "scenarios/x.cc"}) {
    CAPTURE(path);
    CHECK(find_real_world_words(one(path, code), {}).size() == 1);
  }
}

TEST_CASE("an exception holds for its file and word, and must be needed") {
  const SourceTree tree = one("core/base/x.cc", "\ngetenv(name);");
  CHECK(find_real_world_words(tree, {{"core/base/x.cc", "getenv", ""}}).empty());
  CHECK(find_real_world_words(tree, {{"core/base/y.cc", "getenv", ""}}).size() == 2);  // found, and not needed
  CHECK(find_real_world_words(tree, {}) == std::vector<Violation>{{"core/base/x.cc", 2, "getenv"}});
}

TEST_CASE("iteration over unordered containers is found") {
  for (const Row& row : kLoops) {
    CAPTURE(row.what);
    CHECK(find_unordered_iteration(one("core/store/x.cc", row.code)).empty() != row.is_found);
  }
}

TEST_CASE("iteration over an unordered member is found although the header declares it") {
  const SourceTree tree = {{"core/store/x.h", "std::unordered_map<int, int> index_;"}, {"core/store/x.cc", "for (auto& e : index_) {}"}};
  CHECK(find_unordered_iteration(tree).size() == 1);
}

TEST_CASE("catch (...) must let the kill of a task pass") {
  for (const Row& row : kCatches) {
    CAPTURE(row.what);
    CHECK(find_swallowed_kills(one("core/server/x.cc", row.code)).empty() != row.is_found);
  }
}

TEST_CASE("paths of somebody's machine are found") {
  CHECK(find_stray_words(one("docs/a.md",
                             "see /ho"
                             "me/me/notes"))
            .size() == 1);
  CHECK(find_stray_words(one("docs/a.md",
                             "see https://example.org/wo"
                             "rk/notes"))
            .empty());
}

TEST_CASE("this repository stays inside its world") {
  REQUIRE(this_source_tree().size() > 50);
  CHECK(to_text(find_real_world_words(this_source_tree(), exceptions())) == "");
  CHECK(to_text(find_unordered_iteration(this_source_tree())) == "");
  CHECK(to_text(find_swallowed_kills(this_source_tree())) == "");
}

TEST_CASE("this repository stands alone") {
  REQUIRE(this_source_tree().size() > 50);
  CHECK(to_text(find_stray_words(this_source_tree())) == "");
}
