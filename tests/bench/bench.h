// Bench: a small harness for benchmarks. Each is run for a fixed wall time, in samples; what is shown is the median of the
// samples in nanoseconds an operation, how far the samples lie apart, and, where a baseline is named, the ratio to it.
// Only ratios within one run mean anything from one machine to the next.
//
//   int main(int argc, char** argv) {
//     Bench bench{argc, argv};
//     bench.measure("memcpy 8 KiB", [&](std::uint64_t count) { while (count-- > 0) copy(); });
//     bench.measure("hash 8 KiB", [&](std::uint64_t count) { while (count-- > 0) hash(); }, {.baseline = "memcpy 8 KiB"});
//     return bench.finish();
//   }
//
// Arguments: --seconds S (time for each benchmark, 0.5), --filter TEXT (only those whose name contains it, and their baselines).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace windtunnel::tests {

struct BenchOptions {
  std::string_view baseline = {};  // a benchmark measured before; "": none
  double at_most = 0;              // not 0: finish() says so and fails if the ratio to the baseline is higher
  std::uint64_t per_call = 1;      // operations that the action does for one count
};

class Bench {
 public:
  Bench(int argc, char** argv);

  // `action(count)` does its operation `count` times. Preparation that should not be measured belongs before.
  void measure(std::string_view name, const std::function<void(std::uint64_t count)>& action, BenchOptions options = {});

  // A figure that is no time an operation (virtual seconds per wall second, bytes): shown as it is.
  void figure(std::string_view name, double value, std::string_view unit);

  // Nanoseconds an operation of a benchmark measured before; 0 if it was filtered out.
  [[nodiscard]] double nanoseconds(std::string_view name) const;

  // The exit status: 1 if a bound was exceeded, else 0; 2 if the arguments or the filter fit nothing.
  [[nodiscard]] int finish() const;

 private:
  double seconds_ = 0.5;
  std::string filter_;
  bool is_usage_wrong_ = false;
  std::map<std::string, double, std::less<>> nanoseconds_;
  std::vector<std::string> exceeded_;
};

// Makes the compiler believe that `value` is used.
template <typename T>
void keep(const T& value) {
  asm volatile("" : : "g"(&value) : "memory");  // NOLINT: the only way
}

}  // namespace windtunnel::tests
