// Replays a transcript against a node of ours in the simulated world.
#pragma once

#include <string>

#include "core/base/random.h"
#include "tests/support/transcript.h"

namespace windtunnel::tests {

// `path`: of the .jsonl.
[[nodiscard]] TranscriptReport replay_in_world(const std::string& path, const TranscriptOptions& options, core::Seed seed = core::Seed{1});

}  // namespace windtunnel::tests
