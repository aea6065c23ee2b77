#include "core/client/pub_ack.h"

#include <limits>
#include <nlohmann/json.hpp>

namespace windtunnel::core {
namespace {

using Json = nlohmann::json;

std::string text_of(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
}

int number_of(const Json& json, const char* key) {
  const auto found = json.find(key);
  if (found == json.end() || !found->is_number_integer()) return 0;
  const auto number = found->get<std::int64_t>();
  return number >= 0 && number <= std::numeric_limits<int>::max() ? static_cast<int>(number) : 0;
}

}  // namespace

Result<PubAnswer> parse_pub_ack(std::string_view text) {
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return error(Errc::corrupt, "the ack is no JSON object");
  PubAnswer answer;
  answer.ack.stream = text_of(json, "stream");
  if (const auto failure = json.find("error"); failure != json.end()) {
    if (!failure->is_object()) return error(Errc::corrupt, "the ack's error is no JSON object");
    answer.failure = ApiFailure{number_of(*failure, "code"), number_of(*failure, "err_code"), text_of(*failure, "description")};
    return answer;
  }
  const auto seq = json.find("seq");
  if (answer.ack.stream.empty() || seq == json.end() || !seq->is_number_unsigned()) {
    return error(Errc::corrupt, "the ack names no stream and sequence");
  }
  answer.ack.seq = Seq{seq->get<std::uint64_t>()};
  answer.ack.domain = text_of(json, "domain");
  const auto duplicate = json.find("duplicate");
  answer.ack.duplicate = duplicate != json.end() && duplicate->is_boolean() && duplicate->get<bool>();
  return answer;
}

}  // namespace windtunnel::core
