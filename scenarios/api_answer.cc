#include "scenarios/api_answer.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <nlohmann/json.hpp>

namespace windtunnel::scenarios {

std::optional<std::string> api_error_text(std::string_view answer) {
  const nlohmann::json json = nlohmann::json::parse(answer, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded() || !json.is_object()) return "an answer that is no JSON";
  const auto error = json.find("error");
  if (error == json.end() || !error->is_object()) return std::nullopt;
  const auto description = error->find("description");
  const auto code = error->find("err_code");
  std::string text = description != error->end() && description->is_string() ? description->get<std::string>() : "an error";
  if (code != error->end() && code->is_number_integer()) text += " (" + std::to_string(code->get<int>()) + ")";
  return text;
}

std::optional<ConsumerPosition> consumer_position(std::string_view answer) {
  const nlohmann::json json = nlohmann::json::parse(answer, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return std::nullopt;
  const auto seq_of = [&json](const char* name) -> std::optional<core::Seq> {
    const auto pair = json.find(name);
    if (pair == json.end() || !pair->is_object()) return std::nullopt;
    const auto seq = pair->find("stream_seq");
    if (seq == pair->end() || !seq->is_number_unsigned()) return std::nullopt;
    return core::Seq{seq->get<std::uint64_t>()};
  };
  const std::optional<core::Seq> delivered = seq_of("delivered");
  const std::optional<core::Seq> ack_floor = seq_of("ack_floor");
  if (!delivered || !ack_floor) return std::nullopt;
  return ConsumerPosition{*delivered, *ack_floor};
}

bool has_limit(std::string_view create_body, std::string_view limit) {
  const nlohmann::json json = nlohmann::json::parse(create_body, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return false;
  const auto value = json.find(std::string{limit});
  return value != json.end() && value->is_number_integer() && value->get<std::int64_t>() > 0;
}

bool has_flag(std::string_view create_body, std::string_view flag) {
  const nlohmann::json json = nlohmann::json::parse(create_body, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return false;
  const auto value = json.find(std::string{flag});
  return value != json.end() && value->is_boolean() && value->get<bool>();
}

core::Duration duplicate_window(std::string_view create_body) {
  const nlohmann::json json = nlohmann::json::parse(create_body, nullptr, /*allow_exceptions=*/false);
  const auto field = [&json](const char* name) {
    const auto value = json.is_object() ? json.find(name) : json.end();
    return core::Duration{value != json.end() && value->is_number_integer() ? value->get<std::int64_t>() : 0};
  };
  const core::Duration given = field("duplicate_window");
  if (given.count() > 0) return given;
  const core::Duration age = field("max_age");
  return age.count() > 0 ? std::min<core::Duration>(age, std::chrono::minutes{2}) : std::chrono::minutes{2};
}

bool has_stream_limits(std::string_view create_body) {
  static constexpr std::array<std::string_view, 4> kLimits = {"max_msgs", "max_bytes", "max_age", "max_msgs_per_subject"};
  return std::any_of(kLimits.begin(), kLimits.end(), [&](std::string_view limit) { return has_limit(create_body, limit); });
}

}  // namespace windtunnel::scenarios
