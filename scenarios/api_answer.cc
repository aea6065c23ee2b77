#include "scenarios/api_answer.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <nlohmann/json.hpp>

#include "core/base/assert.h"
#include "scenarios/final_state.h"

namespace windtunnel::scenarios {

namespace {

// "stream not found (10059)" of what has an `error`.
std::optional<std::string> error_text(const nlohmann::json& json) {
  const auto error = json.find("error");
  if (error == json.end() || !error->is_object()) return std::nullopt;
  const auto description = error->find("description");
  const auto code = error->find("err_code");
  std::string text = description != error->end() && description->is_string() ? description->get<std::string>() : "an error";
  if (code != error->end() && code->is_number_integer()) text += " (" + std::to_string(code->get<int>()) + ")";
  return text;
}

// "$JS.hub.API" -> "hub"; another prefix as it is.
std::string place_of(const std::string& api) {
  constexpr std::string_view kBegin{"$JS."};
  constexpr std::string_view kEnd{".API"};
  if (api.size() <= kBegin.size() + kEnd.size() || !api.starts_with(kBegin) || !api.ends_with(kEnd)) return api;
  return api.substr(kBegin.size(), api.size() - kBegin.size() - kEnd.size());
}

std::optional<OriginStatus> read_origin_status(const nlohmann::json& json) {
  if (!json.is_object()) return std::nullopt;
  const auto name = json.find("name");
  const auto lag = json.find("lag");
  const auto active = json.find("active");
  if (name == json.end() || !name->is_string() || lag == json.end() || !lag->is_number_unsigned() || active == json.end() ||
      !active->is_number_integer())
    return std::nullopt;
  OriginStatus out;
  out.origin = name->get<std::string>();
  if (const auto external = json.find("external"); external != json.end() && external->is_object()) {
    if (const auto api = external->find("api"); api != external->end() && api->is_string())
      out.origin += "@" + place_of(api->get<std::string>());
  }
  if (const auto filter = json.find("filter_subject"); filter != json.end() && filter->is_string())
    out.origin += " (" + filter->get<std::string>() + ")";
  out.lag = lag->get<std::uint64_t>();
  if (const auto since = active->get<std::int64_t>(); since >= 0) out.active = core::Duration{since};
  out.error = error_text(json).value_or("");
  return out;
}

}  // namespace

std::optional<std::string> api_error_text(std::string_view answer) {
  const nlohmann::json json = nlohmann::json::parse(answer, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded() || !json.is_object()) return "an answer that is no JSON";
  return error_text(json);
}

std::optional<std::vector<OriginStatus>> read_origin_statuses(std::string_view answer) {
  const nlohmann::json json = nlohmann::json::parse(answer, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object() || error_text(json)) return std::nullopt;
  std::vector<OriginStatus> out;
  const auto add = [&out](const nlohmann::json& each) {
    std::optional<OriginStatus> status = read_origin_status(each);
    if (!status) return false;
    out.push_back(*std::move(status));
    return true;
  };
  if (const auto mirror = json.find("mirror"); mirror != json.end() && !add(*mirror)) return std::nullopt;
  if (const auto sources = json.find("sources"); sources != json.end()) {
    if (!sources->is_array()) return std::nullopt;
    for (const nlohmann::json& source : *sources) {
      if (!add(source)) return std::nullopt;
    }
  }
  return out.empty() ? std::nullopt : std::optional{std::move(out)};
}

bool read_consumer_info(std::string_view answer, FinalConsumer& consumer) {
  const nlohmann::json json = nlohmann::json::parse(answer, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return false;
  const auto seq_of = [&json](const char* name) -> std::optional<core::Seq> {
    const auto pair = json.find(name);
    if (pair == json.end() || !pair->is_object()) return std::nullopt;
    const auto seq = pair->find("stream_seq");
    if (seq == pair->end() || !seq->is_number_unsigned()) return std::nullopt;
    return core::Seq{seq->get<std::uint64_t>()};
  };
  const auto number = [](const nlohmann::json& object, const char* name) -> std::uint64_t {
    const auto value = object.find(name);
    return value != object.end() && value->is_number_unsigned() ? value->get<std::uint64_t>() : 0;
  };
  const auto text = [](const nlohmann::json& object, const char* name) -> std::string {
    const auto value = object.find(name);
    return value != object.end() && value->is_string() ? value->get<std::string>() : std::string{};
  };
  const std::optional<core::Seq> delivered = seq_of("delivered");
  const std::optional<core::Seq> ack_floor = seq_of("ack_floor");
  const auto config = json.find("config");
  if (!delivered || !ack_floor || config == json.end() || !config->is_object()) return false;
  consumer.exists = true;
  consumer.delivered = *delivered;
  consumer.ack_floor = *ack_floor;
  consumer.num_pending = number(json, "num_pending");
  consumer.num_ack_pending = number(json, "num_ack_pending");
  consumer.num_redelivered = number(json, "num_redelivered");
  consumer.max_ack_pending = number(*config, "max_ack_pending");
  if (consumer.max_ack_pending == 0) consumer.max_ack_pending = ~std::uint64_t{0};
  const std::string ack = text(*config, "ack_policy");
  consumer.ack = ack == "explicit" ? AckPolicy::explicit_ : ack == "all" ? AckPolicy::all : AckPolicy::none;
  consumer.delivers_all = text(*config, "deliver_policy") == "all";
  const auto max_deliver = config->find("max_deliver");
  const bool is_limited = max_deliver != config->end() && max_deliver->is_number_integer() && max_deliver->get<std::int64_t>() > 0;
  consumer.max_deliver = is_limited ? max_deliver->get<std::uint64_t>() : 0;
  consumer.ack_wait = core::Duration{static_cast<std::int64_t>(number(*config, "ack_wait"))};
  if (const auto backoff = config->find("backoff"); backoff != config->end() && backoff->is_array()) {
    for (const nlohmann::json& each : *backoff) {
      if (each.is_number_integer()) consumer.ack_wait = std::max(consumer.ack_wait, core::Duration{each.get<std::int64_t>()});
    }
  }
  consumer.is_paced = text(*config, "replay_policy") == "original";
  consumer.is_durable = config->contains("durable_name");
  if (const std::string filter = text(*config, "filter_subject"); !filter.empty()) consumer.filters.push_back(filter);
  if (const auto filters = config->find("filter_subjects"); filters != config->end() && filters->is_array()) {
    for (const nlohmann::json& filter : *filters) consumer.filters.push_back(filter.get<std::string>());
  }
  return true;
}

namespace {

// Requires: an object. 0: it has no such number above 0.
std::int64_t positive(const nlohmann::json& json, std::string_view name) {
  const auto value = json.find(std::string{name});
  return value != json.end() && value->is_number_integer() ? std::max<std::int64_t>(0, value->get<std::int64_t>()) : 0;
}

}  // namespace

StreamLimits limits_of(std::string_view create_body) {
  StreamLimits limits;
  const nlohmann::json json = nlohmann::json::parse(create_body, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return limits;
  limits.max_msgs_per_subject = static_cast<std::uint64_t>(positive(json, "max_msgs_per_subject"));
  limits.max_age = core::Duration{positive(json, "max_age")};
  limits.has_totals = positive(json, "max_msgs") > 0 || positive(json, "max_bytes") > 0;
  limits.is_discard_new = json.value("discard", std::string{}) == "new";
  limits.is_discard_new_per_subject = has_flag(create_body, "discard_new_per_subject");
  limits.allows_rollup = has_flag(create_body, "allow_rollup_hdrs");
  return limits;
}

bool have_same_sources(std::string_view create_body, std::string_view other) {
  const auto sources = [](std::string_view body) {
    const nlohmann::json json = nlohmann::json::parse(body, nullptr, /*allow_exceptions=*/false);
    return json.is_object() ? json.value("sources", nlohmann::json{}) : nlohmann::json{};
  };
  return sources(create_body) == sources(other);
}

std::uint64_t limit_of(std::string_view create_body, std::string_view limit) {
  const nlohmann::json json = nlohmann::json::parse(create_body, nullptr, /*allow_exceptions=*/false);
  return json.is_object() ? static_cast<std::uint64_t>(positive(json, limit)) : 0;
}

bool has_limit(std::string_view create_body, std::string_view limit) { return limit_of(create_body, limit) > 0; }

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

std::string updated_body(std::string_view create_body, std::string_view update) {
  nlohmann::ordered_json whole = nlohmann::ordered_json::parse(create_body, nullptr, /*allow_exceptions=*/false);
  const nlohmann::ordered_json fields = nlohmann::ordered_json::parse(update, nullptr, /*allow_exceptions=*/false);
  WT_ASSERT(whole.is_object());
  WT_ASSERT(fields.is_object());
  whole.update(fields);
  return whole.dump();
}

bool has_stream_limits(std::string_view create_body) {
  static constexpr std::array<std::string_view, 4> kLimits = {"max_msgs", "max_bytes", "max_age", "max_msgs_per_subject"};
  return std::any_of(kLimits.begin(), kLimits.end(), [&](std::string_view limit) { return has_limit(create_body, limit); });
}

}  // namespace windtunnel::scenarios
