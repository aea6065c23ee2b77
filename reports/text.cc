#include "reports/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "faults/units.h"

namespace windtunnel::reports {
namespace {

constexpr std::size_t kDivergencesShown = 10;

std::string_view label(Outcome outcome) {
  switch (outcome) {
    case Outcome::passed: return "PASS";
    case Outcome::failed: return "FAIL";
    case Outcome::nondeterministic: return "NONDETERMINISTIC";
    case Outcome::refused: return "REFUSED";
    case Outcome::died: return "DIED";
  }
  return "";
}

std::string coloured(std::string_view text, Outcome outcome, TextStyle style) {
  if (!style.has_colours) return std::string{text};
  return fmt::format("\x1b[{}m{}\x1b[0m", outcome == Outcome::passed ? "32" : "1;31", text);
}

// Each line of `text` behind `indent`.
std::string indented(std::string_view text, std::string_view indent) {
  std::string out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    out += indent;
    out += text.substr(0, end);
    out += '\n';
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

// A value under a label; one of several lines begins below it.
std::string field(std::string_view name, std::string_view value) {
  if (value.find('\n') == std::string_view::npos) return fmt::format("  {:<9} {}\n", name, value);
  return fmt::format("  {}\n", name) + indented(value, "    ");
}

std::string place(const scenarios::Divergence& divergence) {
  std::string out;
  if (!divergence.stream.empty()) out += "stream " + divergence.stream;
  if (!divergence.node.empty()) out += (out.empty() ? "" : " ") + ("on " + divergence.node);
  if (divergence.first_seq.value != 0) out += fmt::format("{}from seq {}", out.empty() ? "" : ", ", divergence.first_seq.value);
  if (!divergence.message.empty()) out += fmt::format("{}message {}", out.empty() ? "" : ", ", divergence.message);
  return fmt::format("{}{}at {}", out, out.empty() ? "" : ", ", clock(divergence.at));
}

std::string story_title(const scenarios::Divergence& divergence) {
  if (!divergence.message.empty()) return "the life of " + divergence.message;
  if (divergence.first_seq.value != 0) return fmt::format("the life of seq {}", divergence.first_seq.value);
  return "what led there";
}

// What a number of seconds is to one who waits: one digit behind the point below a minute.
std::string waited(core::Duration wall) {
  const std::int64_t ms = std::chrono::duration_cast<std::chrono::milliseconds>(wall).count();
  if (ms < 60'000) return fmt::format("{}.{}s", ms / 1000, ms % 1000 / 100);
  return faults::format_duration(std::chrono::seconds{ms / 1000});
}

}  // namespace

std::string clock(core::Instant at) {
  const std::int64_t ns = at.time_since_epoch().count();
  const std::int64_t ms = ns / 1'000'000;
  const std::int64_t positive = ms < 0 ? -ms : ms;
  return fmt::format("{}{:02}:{:02}:{:02}.{:03}", ns < 0 ? "-" : "", positive / 3'600'000, positive / 60'000 % 60, positive / 1000 % 60,
                     positive % 1000);
}

std::string seconds(core::Duration wall) {
  const std::int64_t hundredths = (std::chrono::duration_cast<std::chrono::milliseconds>(wall).count() + 5) / 10;
  return fmt::format("{}.{:02}s", hundredths / 100, hundredths % 100);
}

std::string hash_text(std::uint64_t trace_hash) { return fmt::format("{:016x}", trace_hash); }

std::string divergence_text(const scenarios::Divergence& divergence) {
  std::string out = divergence.invariant + (divergence.sentence.empty() ? "" : ": " + divergence.sentence) + "\n";
  out += field("expected", divergence.expected);
  out += field("actual", divergence.actual);
  out += field("where", place(divergence));
  if (!divergence.life_story.empty()) {
    out += "  " + story_title(divergence) + "\n";
    for (const std::string& line : divergence.life_story) out += indented(line, "    ");
  }
  if (!divergence.faults_around.empty()) {
    out += "  faults around it\n";
    for (const std::string& line : divergence.faults_around) out += indented(line, "    ");
  }
  return out;
}

std::string run_text(const RunRecord& record, TextStyle style) {
  std::string out = coloured(label(record.outcome), record.outcome, style) +
                    fmt::format(" {} seed={}{}", record.scenario, record.seed.value, variant_text(record.variant));
  if (record.outcome != Outcome::refused && record.outcome != Outcome::died) {
    const auto ms = std::chrono::floor<std::chrono::milliseconds>(record.result.virtual_time);
    out += fmt::format(" events={} virtual={} wall={} trace={}", record.result.events, faults::format_duration(ms), seconds(record.wall),
                       hash_text(record.result.trace_hash));
  }
  out += '\n';
  for (const std::string& each : record.result.remarks) out += indented("remark: " + each, "  ");
  if (record.outcome == Outcome::passed) return out;
  if (!record.problem.empty()) out += indented(record.problem, "  ");
  for (std::size_t i = 0; i < std::min(record.result.divergences.size(), kDivergencesShown); ++i)
    out += indented(divergence_text(record.result.divergences[i]), "  ");
  if (record.result.divergences.size() > kDivergencesShown)
    out += fmt::format("  and {} more divergences\n", record.result.divergences.size() - kDivergencesShown);
  for (const std::string& note : record.result.notes) out += indented(note, "  ");
  if (!record.result.timeline.empty()) {
    out += "  what the swarm drew (as `faults:` takes it)\n";
    for (const std::string& entry : record.result.timeline) out += indented("- " + entry, "    ");
  }
  return out + "  replay: " + record.replay + "\n";
}

std::string hazards_text(const scenarios::CheckReport& report, std::string_view command) {
  std::string out;
  for (const scenarios::Hazard& hazard : report.hazards) {
    if (!hazard.is_accepted) out += indented(fmt::format("remark: hazard {}: {}", scenarios::name_of(hazard.kind), hazard.why), "  ");
  }
  if (out.empty()) return out;
  return out + fmt::format("  remark: how to mend or accept that: {}\n", check_command(command, report.file));
}

std::string totals_text(const Totals& totals, core::Duration wall) {
  std::string out = fmt::format("{} runs: {} passed", totals.runs, totals.passed);
  const auto add = [&out](std::uint64_t count, std::string_view what) {
    if (count > 0) fmt::format_to(std::back_inserter(out), ", {} {}", count, what);
  };
  add(totals.failed, "failed");
  add(totals.nondeterministic, "not deterministic");
  add(totals.refused, "refused");
  add(totals.died, "died");
  const auto ms =
      static_cast<std::uint64_t>(std::max<std::int64_t>(1, std::chrono::duration_cast<std::chrono::milliseconds>(wall).count()));
  return out + fmt::format("; {}, {} runs/s\n", waited(wall), totals.runs * 1000 / ms);
}

}  // namespace windtunnel::reports
