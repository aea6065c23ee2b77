#include "reports/junit.h"

#include <doctest/doctest.h>

#include "tests/reports/sample_runs.h"

namespace windtunnel::reports {
namespace {

TEST_CASE("a suite a file and a case a seed, with the times and the counts that CI systems add up") {
  JunitReport report;
  report.add(passed_run());
  RunRecord other = passed_run();
  other.file = "catalog/cross-mirror.yaml";
  other.scenario = "cross-mirror";
  report.add(other);
  report.add(failed_run());
  RunRecord died = passed_run();
  died.outcome = Outcome::died;
  died.problem = "the worker died\nof something";
  died.result = {};
  report.add(died);
  CHECK(report.xml() ==
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
        "<testsuites name=\"windtunnel\" tests=\"4\" failures=\"1\" errors=\"1\" skipped=\"0\" time=\"0.492\">\n"
        "  <testsuite name=\"hub-outage\" file=\"catalog/hub-outage.yaml\" tests=\"3\" failures=\"1\" errors=\"1\" skipped=\"0\" "
        "time=\"0.369\">\n"
        "    <testcase classname=\"hub-outage\" name=\"seed 7\" time=\"0.123\"/>\n"
        "    <testcase classname=\"hub-outage\" name=\"seed 7\" time=\"0.123\">\n"
        "      <failure type=\"no-silent-drop\" message=\"no-silent-drop: expected no lost message, actual 417 lost messages\">"
        "FAIL hub-outage seed=7 events=48211 virtual=1m30s wall=0.12s trace=9f3c5e0d12ab34cd\n"
        "  no-silent-drop: A message is in a stream, or its publisher was told of an error.\n"
        "    expected  no lost message\n"
        "    actual    417 lost messages\n"
        "    where     stream ORDERS on hub, from seq 17, message careless#17, at 00:01:30.250\n"
        "    the life of careless#17\n"
        "      00:00:20.100 client published seq=17\n"
        "      00:00:20.101 leaf dropped seq=17\n"
        "    faults around it\n"
        "      00:00:20.000 SIGABRT hub\n"
        "  careful: published=1200 acked=800\n"
        "  replay: windtunnel run catalog/hub-outage.yaml --seed 7\n"
        "</failure>\n"
        "    </testcase>\n"
        "    <testcase classname=\"hub-outage\" name=\"seed 7\" time=\"0.123\">\n"
        "      <error type=\"died\" message=\"the worker died\">DIED hub-outage seed=7\n"
        "  the worker died\n"
        "  of something\n"
        "  replay: windtunnel run catalog/hub-outage.yaml --seed 7\n"
        "</error>\n"
        "    </testcase>\n"
        "  </testsuite>\n"
        "  <testsuite name=\"cross-mirror\" file=\"catalog/cross-mirror.yaml\" tests=\"1\" failures=\"0\" errors=\"0\" skipped=\"0\" "
        "time=\"0.123\">\n"
        "    <testcase classname=\"cross-mirror\" name=\"seed 7\" time=\"0.123\"/>\n"
        "  </testsuite>\n"
        "</testsuites>\n");
}

TEST_CASE("any text is a text in XML") {
  CHECK(xml_text("a<b>&\"c'") == "a&lt;b&gt;&amp;&quot;c&apos;");
  CHECK(xml_text("]]>") == "]]&gt;");
  CHECK(xml_text("a\nb\tc") == "a\nb\tc");
  CHECK(xml_attribute("a\nb\tc") == "a&#10;b&#9;c");
  CHECK(xml_text(std::string_view{"a\0b\x01\x1b[31m\x7f\rz", 12}) == "ab[31mz");
  CHECK(xml_text("caf\xc3\xa9 \xf0\x9f\x98\x80") == "caf\xc3\xa9 \xf0\x9f\x98\x80");
  CHECK(xml_text("\xff\xc0\xaf\xed\xa0\x80") == "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
  CHECK(xml_text("\xef\xbf\xbe") == "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");  // U+FFFE is valid UTF-8 and no XML character
  CHECK(xml_text("\xc3") == "\xef\xbf\xbd");
}

}  // namespace
}  // namespace windtunnel::reports
