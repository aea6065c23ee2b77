#include "core/client/pub_ack.h"

#include <charconv>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>

namespace windtunnel::core {
namespace {

using Json = nlohmann::json;

// Takes what an ack is made of as it comes by: every message that a workload publishes has one, and a tree of it would cost
// more than the rest of its way.
class AckReader final : public nlohmann::json_sax<Json> {
 public:
  [[nodiscard]] Result<PubAnswer> result() && {
    if (!is_object_) return error(Errc::corrupt, "the ack is no JSON object");
    if (has_error_) {
      if (!answer_.failure) return error(Errc::corrupt, "the ack's error is no JSON object");
      answer_.ack = PubAck{.stream = std::move(answer_.ack.stream), .domain = {}, .seq = {}};
      return std::move(answer_);
    }
    if (answer_.ack.stream.empty() || !has_seq_) return error(Errc::corrupt, "the ack names no stream and sequence");
    return std::move(answer_);
  }

  bool null() override { return true; }
  bool boolean(bool is_true) override {
    if (depth_ == 1 && name_ == Name::duplicate) answer_.ack.duplicate = is_true;
    return true;
  }
  bool number_integer(number_integer_t) override { return true; }  // below 0: none of ours is
  bool number_unsigned(number_unsigned_t number) override {
    if (depth_ == 1 && name_ == Name::seq) {
      answer_.ack.seq = Seq{number};
      has_seq_ = true;
    } else if (is_in_error()) {
      const int code = number <= std::numeric_limits<int>::max() ? static_cast<int>(number) : 0;
      if (inner_ == Name::code) answer_.failure->code = code;
      if (inner_ == Name::err_code) answer_.failure->err_code = code;
    }
    return true;
  }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t& text) override {
    if (depth_ == 1 && name_ == Name::stream) answer_.ack.stream = text;
    if (depth_ == 1 && name_ == Name::domain) answer_.ack.domain = text;
    if (is_in_error() && inner_ == Name::description) answer_.failure->description = text;
    return true;
  }
  bool binary(binary_t&) override { return true; }

  bool start_object(std::size_t) override {
    if (depth_ == 0) is_object_ = true;
    if (depth_ == 1 && name_ == Name::error) answer_.failure.emplace();
    ++depth_;
    return true;
  }
  bool end_object() override {
    --depth_;
    return true;
  }
  bool start_array(std::size_t) override {
    ++depth_;
    return true;
  }
  bool end_array() override {
    --depth_;
    return true;
  }
  bool key(string_t& text) override {
    if (depth_ == 1) {
      name_ = name_of(text);
      has_error_ = has_error_ || name_ == Name::error;
    } else if (is_in_error()) {
      inner_ = name_of(text);
    }
    return true;
  }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override {
    is_object_ = false;
    return false;
  }

 private:
  enum class Name : std::uint8_t { other, stream, domain, seq, duplicate, error, code, err_code, description };
  static Name name_of(std::string_view text) {
    if (text == "stream") return Name::stream;
    if (text == "domain") return Name::domain;
    if (text == "seq") return Name::seq;
    if (text == "duplicate") return Name::duplicate;
    if (text == "error") return Name::error;
    if (text == "code") return Name::code;
    if (text == "err_code") return Name::err_code;
    return text == "description" ? Name::description : Name::other;
  }
  [[nodiscard]] bool is_in_error() const { return depth_ == 2 && name_ == Name::error && answer_.failure; }

  PubAnswer answer_;
  int depth_ = 0;
  Name name_ = Name::other;
  Name inner_ = Name::other;
  bool is_object_ = false;
  bool has_error_ = false;
  bool has_seq_ = false;
};

// Takes `word`, a literal, from the front of `text`.
template <std::size_t kSize>
bool take(std::string_view& text, const char (&word)[kSize]) {
  constexpr std::size_t kLength = kSize - 1;
  if (text.size() < kLength || std::memcmp(text.data(), word, kLength) != 0) return false;
  text.remove_prefix(kLength);
  return true;
}

// The rest of a string, with its closing quote; false if there is more to it than plain characters.
bool take_plain(std::string_view& text, std::string& into) {
  std::size_t size = 0;
  while (size < text.size() && text[size] != '"') {
    const char c = text[size];
    if (c == '\\' || c < ' ' || c > '~') return false;
    ++size;
  }
  if (size == 0 || size == text.size()) return false;
  into = text.substr(0, size);
  text.remove_prefix(size + 1);
  return true;
}

// From one field to the value of the next, of that name.
template <std::size_t kSize>
bool take_next(std::string_view& text, const char (&name)[kSize]) {
  std::string_view rest = text;
  if (!take(rest, ",")) return false;
  take(rest, " ");
  if (!take(rest, name) || !take(rest, ":")) return false;
  take(rest, " ");
  text = rest;
  return true;
}

// What servers write: {"stream":"ORDERS", "domain":"hub", "seq":7,"duplicate": true}, in this order. nullopt: it is anything else,
// good or bad.
std::optional<PubAnswer> read_usual(std::string_view text) {
  PubAnswer answer;
  if (!take(text, R"({"stream":")") || !take_plain(text, answer.ack.stream)) return std::nullopt;
  if (take_next(text, R"("domain")") && !(take(text, "\"") && take_plain(text, answer.ack.domain))) return std::nullopt;
  if (!take_next(text, R"("seq")") || text.starts_with('0')) return std::nullopt;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), answer.ack.seq.value);
  if (failed != std::errc{}) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  if (take_next(text, R"("duplicate")") && !(answer.ack.duplicate = take(text, "true"))) return std::nullopt;
  return text == "}" ? std::optional{std::move(answer)} : std::nullopt;
}

}  // namespace

Result<PubAnswer> parse_pub_ack(std::string_view text) {
  if (std::optional<PubAnswer> usual = read_usual(text)) return std::move(*usual);
  AckReader reader;
  if (!Json::sax_parse(text, &reader)) return error(Errc::corrupt, "the ack is no JSON object");
  return std::move(reader).result();
}

}  // namespace windtunnel::core
