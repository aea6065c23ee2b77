// The runs as JUnit XML, the form that CI systems read: a test suite a scenario file, a test case a seed.
#pragma once

#include <string>
#include <vector>

#include "reports/run_record.h"

namespace windtunnel::reports {

// Collects runs and writes the document. Keeps of each run only its test case.
class JunitReport {
 public:
  // Runs of one file may come in any order and between others; suites stand in the order of their first run.
  void add(const RunRecord& record);
  // The whole document. A divergence is a <failure>; what else is wrong is an <error>. Each has the replay command.
  [[nodiscard]] std::string xml() const;

 private:
  struct Suite {
    std::string file;
    std::string scenario;
    Totals totals;
    core::Duration wall{};
    std::string cases;
  };
  std::vector<Suite> suites_;
};

// `text` as it stands in XML, in an element or in an attribute: escaped, control characters that XML has no place for
// removed, bytes that are no UTF-8 replaced by U+FFFD.
[[nodiscard]] std::string xml_text(std::string_view text);
[[nodiscard]] std::string xml_attribute(std::string_view text);

}  // namespace windtunnel::reports
