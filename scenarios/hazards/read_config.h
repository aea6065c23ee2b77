// NATS configuration objects, checked by the tables of the language, as facts. Internal to scenarios/hazards.
#pragma once

#include "scenarios/hazards/facts.h"
#include "scenarios/language/typed_value.h"

namespace windtunnel::scenarios {

// Requires: `value` was checked without a complaint against the table of streams, of consumers.
[[nodiscard]] StreamFacts stream_facts(const TypedValue& value, std::size_t server);
[[nodiscard]] ConsumerFacts consumer_facts(const TypedValue& value, std::size_t stream);

// A list of texts; empty if the key is not there.
[[nodiscard]] std::vector<PlacedText> texts_of(const TypedValue& value, std::string_view key);

}  // namespace windtunnel::scenarios
