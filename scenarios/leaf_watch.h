// LeafWatch: looks on as nodes pass messages and interest to each other over leaf links, and notes what must not be: a message that
// comes by twice, one that somebody should have had and did not get or got twice, interest that is announced without anybody
// behind it or not announced although somebody is. It changes nothing in the run.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/server/interest_reading.h"
#include "core/server/route_watcher.h"
#include "scenarios/ledger.h"
#include "scenarios/scenario.h"
#include "sim/kernel.h"

namespace windtunnel::core {
class Server;
}

namespace windtunnel::scenarios {

// What was found, once a node and kind.
struct LeafFinding {
  enum class Kind : std::uint8_t { loop, interest };
  Kind kind = Kind::loop;
  std::string node;
  std::string message;  // "careful#17"; empty: of no message
  std::string expected;
  std::string actual;
  core::Instant at;
};

class LeafWatch {
 public:
  LeafWatch(const Scenario& scenario, const Ledger& ledger, sim::Kernel& kernel);
  ~LeafWatch();
  LeafWatch(const LeafWatch&) = delete;
  LeafWatch& operator=(const LeafWatch&) = delete;

  // To be given to each incarnation of that node's server.
  [[nodiscard]] core::RouteWatcher& watcher(const std::string& node);
  // Whether it is time to look again.
  [[nodiscard]] bool is_due() const;
  // Compares what the nodes have announced with what is behind them, and what they know of each other: of those that run.
  void look(const std::map<std::string, const core::Server*>& servers);
  [[nodiscard]] const std::vector<LeafFinding>& findings() const { return findings_; }

 private:
  class Watcher;
  void find(LeafFinding finding);
  void check_announced(const NodeSpec& node, const core::InterestReading& reading);
  void check_known(const std::map<std::string, core::InterestReading>& readings);

  const Scenario& scenario_;
  const Ledger& ledger_;
  sim::Kernel& kernel_;
  std::map<std::string, std::unique_ptr<Watcher>> watchers_;
  std::map<std::string, core::InterestReading> readings_;  // of what was looked at last
  core::Instant looked_at_{};
  std::vector<LeafFinding> findings_;
};

}  // namespace windtunnel::scenarios
