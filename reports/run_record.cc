#include "reports/run_record.h"

namespace windtunnel::reports {
namespace {

// As a POSIX shell reads it: plain where every character is harmless, else in single quotes.
std::string shell_quoted(std::string_view text) {
  static constexpr std::string_view kHarmless = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./+:=@%,";
  if (!text.empty() && text.find_first_not_of(kHarmless) == std::string_view::npos) return std::string{text};
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'') {
      out += "'\\''";
    } else {
      out += c;
    }
  }
  return out + "'";
}

}  // namespace

std::string_view name_of(Outcome outcome) {
  switch (outcome) {
    case Outcome::passed: return "passed";
    case Outcome::failed: return "failed";
    case Outcome::nondeterministic: return "nondeterministic";
    case Outcome::refused: return "refused";
    case Outcome::died: return "died";
  }
  return "";
}

void Totals::add(Outcome outcome) {
  ++runs;
  switch (outcome) {
    case Outcome::passed: ++passed; break;
    case Outcome::failed: ++failed; break;
    case Outcome::nondeterministic: ++nondeterministic; break;
    case Outcome::refused: ++refused; break;
    case Outcome::died: ++died; break;
  }
}

std::string replay_command(std::string_view command, std::string_view file, core::Seed seed) {
  // A file whose name begins with a dash would be taken for an option.
  const std::string path = file.starts_with('-') ? "./" + std::string{file} : std::string{file};
  return std::string{command} + " run " + shell_quoted(path) + " --seed " + std::to_string(seed.value);
}

}  // namespace windtunnel::reports
