#include "cli/crash_trials.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "core/base/hash.h"
#include "sim/disk_tree.h"

namespace windtunnel::cli {
namespace {

using sim::Survivors;

// Of a file with more volatile sectors, this many are lost or kept one by one; fewer during a recovery, which does little.
constexpr std::size_t kSectorsMax = 64;
constexpr std::size_t kSectorsMaxDeep = 8;
// A trial takes milliseconds of real time; one that takes this long hangs.
constexpr int kTrialMs = 60'000;
// So many failures are kept with their details; all are counted.
constexpr std::size_t kFailuresMax = 1000;

// On one line and without the marks that part fields.
std::string flat(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c == '\n' || c == '\t' || c == ';'; }, ' ');
  return text;
}

std::string names_of(const std::vector<scenarios::Divergence>& divergences) {
  std::vector<std::string> names;
  for (const scenarios::Divergence& each : divergences) {
    if (std::find(names.begin(), names.end(), each.invariant) == names.end()) names.push_back(each.invariant);
  }
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "" : ", ") + name;
  return out;
}

std::string_view take(std::string_view& text, char separator) {
  const std::size_t at = std::min(text.find(separator), text.size());
  const std::string_view out = text.substr(0, at);
  text.remove_prefix(std::min(at + 1, text.size()));
  return out;
}

// Everything that comes until the writer closes its end. False if that takes too long.
bool read_to_end(int fd, std::string& out) {
  std::array<char, 4096> buffer;
  for (;;) {
    pollfd waiting{.fd = fd, .events = POLLIN, .revents = 0};
    const int ready = ::poll(&waiting, 1, kTrialMs);
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) return false;
    const ssize_t got = ::read(fd, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return true;
    out.append(buffer.data(), static_cast<std::size_t>(got));
  }
}

void write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

}  // namespace

std::string failures_text(const std::vector<CrashFailure>& failures) {
  std::string out;
  for (const CrashFailure& failure : failures) {
    for (const scenarios::CrashAt& crash : failure.crashes) out += place_text(crash) + ";" + to_text(crash.keep) + ";";
    out += "\t" + flat(failure.operation) + "\t" + flat(failure.invariants) + "\t" + flat(failure.actual) + "\n";
  }
  return out;
}

std::vector<CrashFailure> parse_failures(std::string_view text) {
  std::vector<CrashFailure> out;
  while (!text.empty()) {
    std::string_view line = take(text, '\n');
    std::string_view crashes = take(line, '\t');
    CrashFailure failure;
    while (!crashes.empty()) {
      const auto place = scenarios::parse_crash_place(take(crashes, ';'));
      const auto keep = sim::parse_survivors(take(crashes, ';'));
      if (place && keep) failure.crashes.push_back({place->node, place->operation, *keep});
    }
    failure.operation = take(line, '\t');
    failure.invariants = take(line, '\t');
    failure.actual = take(line, '\t');
    if (!failure.crashes.empty()) out.push_back(std::move(failure));
  }
  return out;
}

std::vector<CrashFailure> CrashTrials::run(unsigned part, unsigned parts) {
  part_ = part;
  parts_ = parts;
  scenarios::RunOptions options;
  options.seed = setup_.seed;
  options.defects = setup_.defects;
  options.tells_stories = false;
  options.crash_hook = [this](const scenarios::CrashMoment& moment) { return on_moment(moment); };
  const core::Result<scenarios::RunResult> result = environment_.run(setup_.scenario, options);
  if (!crashes_.empty()) end_child(result);
  return std::move(failures_);
}

std::optional<Survivors> CrashTrials::on_moment(const scenarios::CrashMoment& moment) {
  if (crashes_.empty()) {
    if (part_ == 0) ++counters_.operations;
  } else if (!moment.is_recovering || crashes_.size() >= setup_.depth || moment.node != crashes_.back().node) {
    return std::nullopt;
  }
  std::uint64_t left_out = 0;
  const bool is_deep = !crashes_.empty();
  const std::vector<Survivors> ways =
      ways_to_leave(moment.disk, is_deep ? std::min<std::size_t>(1, moment.before.size()) : moment.before.size(),
                    is_deep ? kSectorsMaxDeep : kSectorsMax, left_out);
  // Every worker comes past the operations of the first run; each counts and tries its share of the ways.
  const std::uint64_t parts = is_deep ? 1 : parts_;
  if (part_ == 0 || is_deep) counters_.left_out += left_out;
  for (std::size_t i = 0; i < ways.size(); ++i) {
    if (parts > 1 && (moment.operation + i) % parts != part_) continue;
    ++counters_.images;
    if (!is_new(moment, ways[i])) continue;
    ++counters_.tried;
    if (is_deep) ++counters_.deep;
    if (fork_trial(moment, ways[i])) return ways[i];
  }
  return std::nullopt;
}

bool CrashTrials::is_new(const scenarios::CrashMoment& moment, const Survivors& how) const {
  const bool is_kill = how.how == Survivors::How::kill;
  std::uint64_t image = 0;
  if (is_kill) {
    image = moment.disk.image_hash();
  } else {
    const std::unique_ptr<sim::DiskTree> left = moment.disk.clone();
    const bool has_older = how.how == Survivors::How::prefix && how.which <= moment.before.size();
    left->lose_power(how, has_older ? moment.before[moment.before.size() - how.which].get() : nullptr);
    image = left->image_hash();
  }
  // A power loss owes nothing but what was synced, which the image shows, unless each promise was synced.
  const bool was_power_lost =
      std::any_of(crashes_.begin(), crashes_.end(), [](const scenarios::CrashAt& crash) { return crash.keep.how != Survivors::How::kill; });
  std::uint64_t key = core::fold(core::hash_bytes(moment.node), image);
  key = core::fold(key, (is_kill ? 1u : 2u) + (was_power_lost ? 4u : 0u));
  key = core::fold(key, is_kill || moment.syncs_always ? moment.promises : 0);
  return tried_.insert(key);
}

bool CrashTrials::fork_trial(const scenarios::CrashMoment& moment, const Survivors& how) {
  std::array<int, 2> pipe{};
  std::string told;
  std::string death;
  if (::pipe2(pipe.data(), O_CLOEXEC) != 0) {
    note({}, "a pipe to a trial cannot be made", moment, how);
    return false;
  }
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(0);
    ::close(pipe[0]);
    if (told_ >= 0) ::close(told_);
    told_ = pipe[1];
    failures_.clear();
    crashes_.push_back({std::string{moment.node}, moment.operation, how});
    operation_ = moment.what;
    return true;
  }
  ::close(pipe[1]);
  if (pid < 0) {
    death = "a process for a trial cannot be made";
  } else {
    if (!read_to_end(pipe[0], told)) {
      ::kill(pid, SIGKILL);
      death = "it hangs";
    }
    int status = 0;
    while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (death.empty() && WIFSIGNALED(status)) death = "signal " + std::to_string(WTERMSIG(status));
    if (death.empty() && WEXITSTATUS(status) != 0) death = "exit status " + std::to_string(WEXITSTATUS(status));
  }
  ::close(pipe[0]);
  note(told, death, moment, how);
  return false;
}

void CrashTrials::add_failure(CrashFailure failure) {
  if (failures_.size() < kFailuresMax) failures_.push_back(std::move(failure));
}

void CrashTrials::note(const std::string& told, const std::string& death, const scenarios::CrashMoment& moment, const Survivors& how) {
  for (CrashFailure& failure : parse_failures(told)) add_failure(std::move(failure));
  if (death.empty()) return;
  ++counters_.failures;
  CrashFailure failure;
  failure.crashes = crashes_;
  failure.crashes.push_back({std::string{moment.node}, moment.operation, how});
  failure.operation = moment.what;
  failure.invariants = "died";
  failure.actual = "windtunnel itself failed in this trial: " + death;
  add_failure(std::move(failure));
}

// No destructors, no buffers: they are copies of the parent's.
void CrashTrials::end_child(const core::Result<scenarios::RunResult>& result) {
  CrashFailure failure;
  failure.crashes = crashes_;
  failure.operation = operation_;
  if (!result) {
    failure.invariants = "refused";
    failure.actual = result.error().detail;
  } else if (!result->passed()) {
    failure.invariants = names_of(result->divergences);
    failure.actual = result->divergences.front().actual;
    if (result->divergences.front().invariant == "expectation")
      failure.actual = result->divergences.front().sentence + " " + failure.actual;
  }
  if (!failure.invariants.empty()) {
    ++counters_.failures;
    add_failure(std::move(failure));
  }
  write_all(told_, failures_text(failures_));
  ::_exit(0);
}

}  // namespace windtunnel::cli
