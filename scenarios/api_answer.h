// Reading the JetStream API's JSON: answers, and the bodies of our own requests.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/types.h"

namespace windtunnel::scenarios {

struct FinalConsumer;
struct StreamLimits;

// "stream not found (10059)" if the answer is an error, or no JSON at all; else nullopt.
[[nodiscard]] std::optional<std::string> api_error_text(std::string_view answer);

// Writes what a CONSUMER.INFO answer says into `consumer`. False, and nothing is written, if it is an error or none.
bool read_consumer_info(std::string_view answer, FinalConsumer& consumer);

// The status of a mirror, or of one of a stream's sources, in a STREAM.INFO answer.
struct OriginStatus {
  // "ORDERS@hub (orders.eu)": its name, its domain (of an API prefix that names none, the prefix) and filter, if there are any.
  std::string origin;
  std::uint64_t lag = 0;
  std::optional<core::Duration> active;  // since anything was heard; nullopt (-1): never
  std::string error;                     // empty: none
};
// Of the mirror, or of each source in their order. nullopt if the answer is an error, has neither, or is none at all.
[[nodiscard]] std::optional<std::vector<OriginStatus>> read_origin_statuses(std::string_view answer);

// Of the configuration of a STREAM.CREATE body.
[[nodiscard]] StreamLimits limits_of(std::string_view create_body);
// A limit ("max_msgs_per_subject") of the configuration of a STREAM.CREATE body; 0: it has none.
[[nodiscard]] std::uint64_t limit_of(std::string_view create_body, std::string_view limit);
[[nodiscard]] bool has_limit(std::string_view create_body, std::string_view limit);
// Whether the configuration has this field, and it is true ("allow_direct").
[[nodiscard]] bool has_flag(std::string_view create_body, std::string_view flag);
// How long the stream of such a body remembers message ids.
[[nodiscard]] core::Duration duplicate_window(std::string_view create_body);
// The configuration with the fields that another JSON object gives. Requires: both are objects of the loader's making.
[[nodiscard]] std::string updated_body(std::string_view create_body, std::string_view update);
// Whether it limits messages, bytes, age or messages a subject.
[[nodiscard]] bool has_stream_limits(std::string_view create_body);
[[nodiscard]] bool have_same_sources(std::string_view create_body, std::string_view other);

}  // namespace windtunnel::scenarios
