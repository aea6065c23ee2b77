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

// A file whose name begins with a dash would be taken for an option.
std::string argument(std::string_view file) { return shell_quoted((file.starts_with('-') ? "./" : "") + std::string{file}); }

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

std::string replay_command(std::string_view command, std::string_view file, core::Seed seed, const RunVariant& variant) {
  std::string out = std::string{command} + " run " + argument(file) + " --seed " + std::to_string(seed.value);
  if (!variant.profile.empty()) out += " --as " + variant.profile;
  for (const std::string& defect : variant.defects) out += " --defect " + defect;
  for (const scenarios::CrashAt& crash : variant.crashes)
    out += " --crash-at " + shell_quoted(place_text(crash)) + " --keep " + to_text(crash.keep);
  return out;
}

std::string check_command(std::string_view command, std::string_view file) { return std::string{command} + " check " + argument(file); }

std::string variant_text(const RunVariant& variant) {
  std::string out;
  if (!variant.profile.empty()) out += " as=" + variant.profile;
  for (std::size_t i = 0; i < variant.defects.size(); ++i) out += (i == 0 ? " defect=" : ",") + variant.defects[i];
  for (const scenarios::CrashAt& crash : variant.crashes) out += " crash-at=" + place_text(crash) + "," + to_text(crash.keep);
  return out;
}

}  // namespace windtunnel::reports
