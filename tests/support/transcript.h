// Replays a recorded conversation between a client and a real nats-server against a node of ours, and compares what the
// two servers said.
//
// What the client said is sent again at the recorded times. What the server said is compared field by field after the
// values that differ from run to run were replaced, by the name of their field. Answers to different requests may come in
// another order than recorded; those to one subject of one subscription may not.
//
// Where ours differs for a reason, the reason is listed with the line. An exception that is not needed (any more) is an
// error as much as a difference is.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "core/base/defects.h"
#include "core/base/random.h"

namespace windtunnel::tests {

// We answer, with something else.
struct TranscriptException {
  std::size_t line;  // of the transcript file, from 1: what the real server said
  const char* why;
};

// Client lines that the recorder left out: sent just before `line`.
struct TranscriptInsertion {
  std::size_t line;
  std::string bytes;
};

struct TranscriptOptions {
  std::vector<TranscriptException> exceptions;
  std::vector<TranscriptInsertion> insertions;
  // Subjects of which we say nothing at all, with the reason. A message of ours on one of them is an error.
  std::vector<std::pair<std::string, const char*>> silent_subjects;
  core::Seed seed{1};
  core::Defects defects;  // of the recorded release
};

struct TranscriptReport {
  std::size_t compared = 0;             // messages of the real server that ours said as well
  std::vector<std::string> complaints;  // differences, and exceptions without need
};

// `path`: of the .jsonl.
[[nodiscard]] TranscriptReport replay_transcript(const std::string& path, const TranscriptOptions& options);

}  // namespace windtunnel::tests
