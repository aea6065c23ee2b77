#include "reports/check_json.h"

#include <cstdint>
#include <vector>

#include "core/base/json_writer.h"

namespace windtunnel::reports {
namespace {

using core::JsonWriter;

struct Finding {
  std::string_view id;
  std::string_view severity;
  const scenarios::SourcePosition& where;
  std::string_view why;
  std::string mend;
  std::string docs;
};

std::string finding_json(const Finding& finding, const std::string& scenario) {
  JsonWriter out;
  out.begin_object();
  out.field("id", finding.id).field("severity", finding.severity).field("scenario", scenario);
  out.field("file", finding.where.file).field("line", finding.where.line).field("column", finding.where.column);
  out.field("why", finding.why).field("mend", finding.mend).field("docs", finding.docs);
  out.end_object();
  return out.take();
}

struct Counts {
  std::uint64_t errors = 0;
  std::uint64_t hazards = 0;
  std::uint64_t accepted = 0;
  std::uint64_t warnings = 0;
};

void add(const scenarios::CheckReport& report, Counts& counts, std::vector<std::string>& out) {
  for (const scenarios::Diagnostic& error : report.errors) {
    ++counts.errors;
    out.push_back(finding_json({"invalid", "error", error.where, error.message, {}, {}}, report.name));
  }
  for (const scenarios::Hazard& hazard : report.hazards) {
    ++(hazard.is_accepted ? counts.accepted : counts.hazards);
    out.push_back(finding_json({scenarios::name_of(hazard.kind), hazard.is_accepted ? "accepted" : "hazard", hazard.where, hazard.why,
                                std::string{scenarios::info_of(hazard.kind).mend}, scenarios::link_of(hazard.kind)},
                               report.name));
  }
  for (const scenarios::AcceptedHazard& accepted : report.not_there) {
    ++counts.warnings;
    out.push_back(finding_json({accepted.name, "warning", accepted.where, "The hazard is accepted and not there", "Take it off `hazards`",
                                "docs/hazards.md#" + accepted.name},
                               report.name));
  }
}

}  // namespace

std::string check_json(std::span<const scenarios::CheckReport> reports, std::string_view windtunnel_version) {
  Counts counts;
  std::vector<std::string> findings;
  for (const scenarios::CheckReport& report : reports) add(report, counts, findings);
  JsonWriter head;
  head.field("schema", "windtunnel.check").field("version", kCheckJsonVersion).field("windtunnel", windtunnel_version);
  head.key("totals").begin_object();
  head.field("checked", reports.size()).field("errors", counts.errors).field("hazards", counts.hazards);
  head.field("accepted", counts.accepted).field("warnings", counts.warnings);
  head.end_object();
  // A line a finding, so that reports can be compared by lines.
  std::string out = "{" + head.take() + ",\"findings\":[";
  for (std::size_t i = 0; i < findings.size(); ++i) out += (i == 0 ? "\n" : ",\n") + findings[i];
  return out + "\n]}\n";
}

}  // namespace windtunnel::reports
