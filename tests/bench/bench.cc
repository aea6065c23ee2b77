#include "tests/bench/bench.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>

namespace windtunnel::tests {
namespace {

constexpr std::size_t kSamples = 9;  // odd, so that there is a median

double seconds_of(const std::function<void(std::uint64_t)>& action, std::uint64_t count) {
  const auto begin = std::chrono::steady_clock::now();
  action(count);
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

// How often one sample repeats the operation, so that it lasts about `seconds`. Warms caches up, too.
std::uint64_t calibrate(const std::function<void(std::uint64_t)>& action, double seconds) {
  std::uint64_t count = 1;
  double took = seconds_of(action, count);
  while (took < seconds / 4 && count < (std::uint64_t{1} << 40)) {
    count *= 2;
    took = seconds_of(action, count);
  }
  return std::max<std::uint64_t>(1, static_cast<std::uint64_t>(static_cast<double>(count) * seconds / std::max(took, 1e-9)));
}

}  // namespace

Bench::Bench(int argc, char** argv) {
  for (int i = 1; i < argc; i += 2) {
    const std::string_view option = argv[i];
    if (i + 1 == argc || (option != "--seconds" && option != "--filter")) {
      std::fprintf(stderr, "usage: %s [--seconds S] [--filter TEXT]\n", argv[0]);
      is_usage_wrong_ = true;
      return;
    }
    if (option == "--seconds") seconds_ = std::atof(argv[i + 1]);
    if (option == "--filter") filter_ = argv[i + 1];
  }
}

void Bench::measure(std::string_view name, const std::function<void(std::uint64_t)>& action, BenchOptions options) {
  if (is_usage_wrong_ || name.find(filter_) == std::string_view::npos) return;
  const std::uint64_t count = calibrate(action, seconds_ / static_cast<double>(kSamples));
  std::array<double, kSamples> samples{};
  for (double& sample : samples) {
    sample = seconds_of(action, count) * 1e9 / (static_cast<double>(count) * static_cast<double>(options.per_call));
  }
  std::sort(samples.begin(), samples.end());
  const double median = samples[kSamples / 2];
  nanoseconds_.insert_or_assign(std::string{name}, median);
  std::printf("%-56.*s %12.2f ns/op %12.0f op/s  %8.2f .. %.2f", static_cast<int>(name.size()), name.data(), median, 1e9 / median,
              samples.front(), samples.back());
  if (const double baseline = nanoseconds(options.baseline); baseline > 0) {
    const double ratio = median / baseline;
    std::printf("  = %.2f x %.*s", ratio, static_cast<int>(options.baseline.size()), options.baseline.data());
    if (options.at_most > 0 && ratio > options.at_most) {
      std::printf("  MORE THAN %.2f", options.at_most);
      exceeded_.emplace_back(name);
    }
  }
  std::printf("\n");
  std::fflush(stdout);
}

void Bench::figure(std::string_view name, double value, std::string_view unit) {
  if (is_usage_wrong_ || name.find(filter_) == std::string_view::npos) return;
  nanoseconds_.try_emplace(std::string{name}, 0);
  // Three digits at least, also of a ratio.
  const int decimals = value < 10 ? 2 : value < 100 ? 1 : 0;
  std::printf("%-56.*s %12.*f %.*s\n", static_cast<int>(name.size()), name.data(), decimals, value, static_cast<int>(unit.size()),
              unit.data());
  std::fflush(stdout);
}

double Bench::nanoseconds(std::string_view name) const {
  const auto found = nanoseconds_.find(name);
  return found == nanoseconds_.end() ? 0 : found->second;
}

int Bench::finish() const {
  if (is_usage_wrong_ || nanoseconds_.empty()) {
    if (!is_usage_wrong_) std::fprintf(stderr, "no benchmark has \"%s\" in its name\n", filter_.c_str());
    return 2;
  }
  for (const std::string& name : exceeded_) std::fprintf(stderr, "slower than its bound: %s\n", name.c_str());
  return exceeded_.empty() ? 0 : 1;
}

}  // namespace windtunnel::tests
