// Replays transcripts over TCP against `windtunnel serve`, in real time: all at once, each against a server of its own.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "tests/support/transcript_topics.h"

namespace windtunnel::tests {

// Real time is not exact. A line is sent when its time has come and everything that the real server had said by then has been
// heard, or has been waited for in vain. Who is late catches up, but keeps the pauses that the client made. A replay in which a line was
// late by more than timers of the conversation can bear says nothing if it differs: it is done again, with a new server, a few times.
// `folder`: of the .jsonl files. By topic.
[[nodiscard]] std::map<std::string, TranscriptReport> replay_over_tcp(const std::string& binary, const std::string& folder,
                                                                      const std::vector<TranscriptTopic>& topics);

}  // namespace windtunnel::tests
