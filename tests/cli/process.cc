#include "tests/cli/process.h"

#include <doctest/doctest.h>
#include <stdlib.h>
#include <sys/wait.h>

#include <filesystem>
#include <fstream>
#include <sstream>

namespace windtunnel::cli {

Folder::Folder() {
  std::string name = (std::filesystem::temp_directory_path() / "windtunnel-cli-XXXXXX").string();
  REQUIRE(::mkdtemp(name.data()) != nullptr);
  path_ = name;
}

Folder::~Folder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

void Folder::write(const std::string& name, const std::string& text) const {
  const std::filesystem::path path = std::filesystem::path{path_} / name;
  std::filesystem::create_directories(path.parent_path());
  std::ofstream{path, std::ios::binary} << text;
}

void Folder::scenario(const std::string& file, const std::string& name) const {
  write(file, "scenario: " + name + "\nabout: A test. And more.\nnodes: { hub: {} }\nexpect: [ { invariants: [acked-is-durable] } ]\n");
}

std::string Folder::read(const std::string& name) const {
  std::ifstream in{std::filesystem::path{path_} / name, std::ios::binary};
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

Said Folder::run(const std::string& words, const std::string& variables) const {
  return call(std::getenv("WINDTUNNEL_UNDER_TEST"), words, variables);
}

Said Folder::run_real(const std::string& words) const { return call(std::getenv("WINDTUNNEL_REAL"), words, ""); }

Said Folder::call(const char* binary, const std::string& words, const std::string& variables) const {
  REQUIRE(binary != nullptr);
  const std::string command =
      "cd '" + path_ + "' && env -u WINDTUNNEL_COMMAND " + variables + " '" + binary + "' " + words + " >.out 2>.err";
  const int status = std::system(command.c_str());
  return {.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), .out = read(".out"), .err = read(".err")};
}

}  // namespace windtunnel::cli
