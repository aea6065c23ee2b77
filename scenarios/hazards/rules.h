// The rules, by what they look at. Each adds what it finds. Internal to scenarios/hazards.
#pragma once

#include <string>
#include <vector>

#include "scenarios/hazards/graph.h"
#include "scenarios/hazards/hazard.h"

namespace windtunnel::scenarios {

class Findings {
 public:
  // More say nothing that the first did not.
  static constexpr std::size_t kMax = 1000;

  void add(HazardKind kind, const SourcePosition& where, std::string why) {
    if (list_.size() < kMax) list_.push_back({.kind = kind, .where = where, .why = std::move(why)});
  }
  // Another group of rules begins, which may make as many comparisons as the one before.
  void begin_rules() {
    was_cut_short_ = is_cut_short();
    spent_ = 0;
  }
  // Comparisons that a rule is about to make. A file that asks for more than any real one is looked at no further.
  void spend(std::size_t steps) { spent_ += steps; }
  [[nodiscard]] bool is_full() const { return list_.size() >= kMax || spent_ > kStepsMax; }
  // Whether some rule has not seen everything.
  [[nodiscard]] bool is_cut_short() const { return was_cut_short_ || is_full(); }
  [[nodiscard]] std::vector<Hazard> take() { return std::move(list_); }

 private:
  static constexpr std::size_t kStepsMax = 20'000'000;
  std::vector<Hazard> list_;
  std::size_t spent_ = 0;
  bool was_cut_short_ = false;
};

void find_server_hazards(const Graph& graph, Findings& findings);   // names and domains
void find_subject_hazards(const Graph& graph, Findings& findings);  // who captures what besides
void find_copy_hazards(const Graph& graph, Findings& findings);     // origins and what the two ends allow
void find_route_hazards(const Graph& graph, Findings& findings);    // circles, and two ways to one place
void find_publish_hazards(const Graph& graph, Findings& findings);  // publishers and message ids
void find_durability_hazards(const Graph& graph, Findings& findings);
void find_consumer_hazards(const Graph& graph, Findings& findings);

// "stream `A` on `hub`"
[[nodiscard]] std::string named(const Graph& graph, std::size_t stream);

}  // namespace windtunnel::scenarios
