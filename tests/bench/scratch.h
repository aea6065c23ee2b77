// Scratch: directories for a benchmark's files.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <stdexcept>
#include <string>
#include <system_error>

namespace windtunnel::tests {

// Directories below one that goes at the end.
class Scratch {
 public:
  Scratch() : root_((std::filesystem::temp_directory_path() / "windtunnel-bench-XXXXXX").string()) {
    if (::mkdtemp(root_.data()) == nullptr) throw std::runtime_error("no temporary directory");
  }
  ~Scratch() {
    std::error_code ignored;
    std::filesystem::remove_all(root_, ignored);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  std::string fresh(const std::string& name) {
    const std::filesystem::path path = std::filesystem::path(root_) / (std::to_string(++made_) + "-" + name);
    std::filesystem::create_directories(path);
    return path.string();
  }

 private:
  std::string root_;
  int made_ = 0;
};

}  // namespace windtunnel::tests
