// What every Disk does, as cases that run on any of them: the real one, the simulated one, those in memory.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/env/disk.h"

namespace windtunnel::tests {

// Collects what was not as expected: a case may run in a fiber, where no assertion of the test framework may be.
class Verdicts {
 public:
  void expect(bool holds, std::string_view what) {
    if (!holds) failed_.emplace_back(what);
  }
  void expect(const core::Status& status, std::string_view what) {
    if (!status) failed_.push_back(std::string(what) + ": " + status.error().text());
  }
  template <typename T>
  void expect_error(const core::Result<T>& result, core::Errc code, std::string_view what) {
    if (result.has_value()) {
      failed_.push_back(std::string(what) + ": no error");
    } else if (result.error().code != code) {
      failed_.push_back(std::string(what) + ": " + result.error().text());
    }
  }
  [[nodiscard]] const std::vector<std::string>& failed() const { return failed_; }

 private:
  std::vector<std::string> failed_;
};

struct DiskCase {
  std::string_view what;
  std::function<void(core::Disk& disk, Verdicts& verdicts)> run;  // `disk` is empty
};

[[nodiscard]] const std::vector<DiskCase>& disk_cases();

}  // namespace windtunnel::tests
