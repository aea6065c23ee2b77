// Runs as the tests of the reports tell them.
#pragma once

#include "reports/run_record.h"

namespace windtunnel::reports {

inline RunRecord passed_run() {
  RunRecord run;
  run.file = "catalog/hub-outage.yaml";
  run.scenario = "hub-outage";
  run.seed = core::Seed{7};
  run.result.scenario = "hub-outage";
  run.result.seed = core::Seed{7};
  run.result.events = 48211;
  run.result.virtual_time = std::chrono::seconds{90} + std::chrono::nanoseconds{999};
  run.result.trace_hash = 0x9f3c5e0d12ab34cd;
  run.result.notes = {"careful: published=1200 acked=800"};
  run.result.catch_ups = {{"COPY", "leaf", "ORDERS", std::chrono::milliseconds{1234}, std::chrono::seconds{6}},
                          {"ALL", "hub", "EDGE", std::nullopt, std::chrono::seconds{7}}};
  run.result.surfacings = {{"ALL", "hub", "EDGE", std::chrono::milliseconds{20'100}, std::chrono::seconds{40}}};
  run.wall = std::chrono::milliseconds{123};
  run.replay = "windtunnel run catalog/hub-outage.yaml --seed 7";
  return run;
}

inline RunRecord failed_run() {
  RunRecord run = passed_run();
  run.outcome = Outcome::failed;
  run.is_verified = true;
  run.result.divergences.push_back({.invariant = "no-silent-drop",
                                    .sentence = "A message is in a stream, or its publisher was told of an error.",
                                    .expected = "no lost message",
                                    .actual = "417 lost messages",
                                    .stream = "ORDERS",
                                    .message = "careless#17",
                                    .first_seq = core::Seq{17},
                                    .life_story = {"00:00:20.100 client published seq=17", "00:00:20.101 leaf dropped seq=17"},
                                    .faults_around = {"00:00:20.000 SIGABRT hub"},
                                    .at = core::Instant{std::chrono::milliseconds{90'250}},
                                    .node = "hub"});
  return run;
}

}  // namespace windtunnel::reports
