// The recorded conversations about JetStream, and every difference that is meant, with its reason: one list, whoever replays them.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "tests/support/transcript.h"

namespace windtunnel::tests {

struct TranscriptTopic {
  std::string name;      // transcripts/2.10.27/NAME.jsonl
  std::size_t compared;  // messages that are there to compare
  TranscriptOptions options;
};

[[nodiscard]] std::vector<TranscriptTopic> transcript_topics();

}  // namespace windtunnel::tests
