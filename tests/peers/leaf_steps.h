// What tests of leaf chains do again and again. doctest's REQUIRE where a step must succeed.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/peers/leaf_chain.h"

namespace windtunnel::tests {

// The real servers that are there. 2.10.27 is what we copy; the newer one is a bonus. Says which are not.
[[nodiscard]] std::vector<ServerProgram> real_servers();
// What the PubAck says; null if there is none. A subject whose interest is still on its way is tried again.
nlohmann::json publish_acked(PeerClient& client, const std::string& subject, const std::string& payload);
// Numbers from `from` on; false at the first that is not acknowledged.
bool publish_many(PeerClient& client, const std::string& subject, int from, int count);
void create(LeafChain& chain, std::size_t node, nlohmann::json config);
// As a mirror's or a source's section names it.
[[nodiscard]] nlohmann::json origin(const std::string& name, std::size_t domain);
// What a stream that allows direct gets holds, in order; "" where a sequence is a hole.
[[nodiscard]] std::vector<std::string> contents(PeerClient& client, const std::string& stream);
// -1: it does not say.
[[nodiscard]] int messages_of(PeerClient& client, const std::string& stream);
// As publish_many publishes them, from 0.
[[nodiscard]] std::vector<std::string> numbers(int count);

}  // namespace windtunnel::tests
