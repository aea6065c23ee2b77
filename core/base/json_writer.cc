#include "core/base/json_writer.h"

#include <array>
#include <chrono>

namespace windtunnel::core {
namespace {

void append_padded(std::string& out, std::uint64_t value, int width) {
  std::array<char, 20> digits;
  for (int i = width - 1; i >= 0; --i) {
    digits[static_cast<std::size_t>(i)] = static_cast<char>('0' + value % 10);
    value /= 10;
  }
  out.append(digits.data(), static_cast<std::size_t>(width));
}

// The length of the UTF-8 sequence that starts at `at`, or 0 if the bytes there are not valid UTF-8.
std::size_t utf8_length(std::string_view s, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(s[i]); };
  const unsigned char lead = byte(at);
  std::size_t size = 0;
  std::uint32_t code = 0;
  if (lead < 0x80) return 1;
  if (lead >= 0xc2 && lead <= 0xdf) {
    size = 2;
    code = lead & 0x1fu;
  } else if ((lead & 0xf0) == 0xe0) {
    size = 3;
    code = lead & 0x0fu;
  } else if (lead >= 0xf0 && lead <= 0xf4) {
    size = 4;
    code = lead & 0x07u;
  } else {
    return 0;
  }
  if (at + size > s.size()) return 0;
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(at + i) & 0xc0) != 0x80) return 0;
    code = code << 6 | (byte(at + i) & 0x3fu);
  }
  const bool is_overlong = (size == 3 && code < 0x800) || (size == 4 && code < 0x10000);
  const bool is_surrogate = code >= 0xd800 && code <= 0xdfff;
  return is_overlong || is_surrogate || code > 0x10ffff ? 0 : size;
}

}  // namespace

std::string rfc3339(WallTime time) {
  using namespace std::chrono;
  const sys_time<nanoseconds> point{nanoseconds{time.unix_ns}};
  const auto day = floor<days>(point);
  const year_month_day date{day};
  const hh_mm_ss<nanoseconds> clock{point - day};
  std::string out;
  append_padded(out, static_cast<std::uint64_t>(static_cast<int>(date.year())), 4);
  out += '-';
  append_padded(out, static_cast<unsigned>(date.month()), 2);
  out += '-';
  append_padded(out, static_cast<unsigned>(date.day()), 2);
  out += 'T';
  append_padded(out, static_cast<std::uint64_t>(clock.hours().count()), 2);
  out += ':';
  append_padded(out, static_cast<std::uint64_t>(clock.minutes().count()), 2);
  out += ':';
  append_padded(out, static_cast<std::uint64_t>(clock.seconds().count()), 2);
  if (const auto fraction = static_cast<std::uint64_t>(clock.subseconds().count()); fraction != 0) {
    out += '.';
    append_padded(out, fraction, 9);
    while (out.back() == '0') out.pop_back();
  }
  out += 'Z';
  return out;
}

std::string base64(std::string_view bytes) {
  static constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    const auto byte = [&](std::size_t i) { return at + i < bytes.size() ? std::uint32_t{static_cast<unsigned char>(bytes[at + i])} : 0u; };
    const std::uint32_t group = byte(0) << 16 | byte(1) << 8 | byte(2);
    out += kDigits[group >> 18];
    out += kDigits[group >> 12 & 63];
    out += at + 1 < bytes.size() ? kDigits[group >> 6 & 63] : '=';
    out += at + 2 < bytes.size() ? kDigits[group & 63] : '=';
  }
  return out;
}

void JsonWriter::separate() {
  if (needs_comma_) out_ += ',';
  needs_comma_ = true;
}

JsonWriter& JsonWriter::begin_object() {
  separate();
  out_ += '{';
  needs_comma_ = false;
  return *this;
}

JsonWriter& JsonWriter::end_object() {
  out_ += '}';
  needs_comma_ = true;
  return *this;
}

JsonWriter& JsonWriter::begin_array() {
  separate();
  out_ += '[';
  needs_comma_ = false;
  return *this;
}

JsonWriter& JsonWriter::end_array() {
  out_ += ']';
  needs_comma_ = true;
  return *this;
}

JsonWriter& JsonWriter::key(std::string_view name) {
  text(name);
  out_ += ':';
  needs_comma_ = false;
  return *this;
}

JsonWriter& JsonWriter::text(std::string_view value) {
  static constexpr std::string_view kHex = "0123456789abcdef";
  separate();
  out_ += '"';
  for (std::size_t at = 0; at < value.size();) {
    const auto c = static_cast<unsigned char>(value[at]);
    if (c == '"' || c == '\\') {
      out_ += '\\';
      out_ += static_cast<char>(c);
      ++at;
    } else if (c == '\n' || c == '\r' || c == '\t') {
      out_ += c == '\n' ? "\\n" : c == '\r' ? "\\r" : "\\t";
      ++at;
    } else if (c < 0x20 || c == '<' || c == '>' || c == '&') {
      out_ += "\\u00";
      out_ += kHex[c >> 4];
      out_ += kHex[c & 15];
      ++at;
    } else if (const std::size_t size = utf8_length(value, at); size == 0) {
      out_ += "\\ufffd";  // as Go does with bytes that are no UTF-8
      ++at;
    } else if (const std::string_view letter = value.substr(at, size); letter == "\xe2\x80\xa8" || letter == "\xe2\x80\xa9") {
      out_ += letter.back() == '\xa8' ? "\\u2028" : "\\u2029";  // JavaScript ends a line there
      at += size;
    } else {
      out_.append(value.substr(at, size));
      at += size;
    }
  }
  out_ += '"';
  return *this;
}

JsonWriter& JsonWriter::number(std::int64_t value) {
  separate();
  out_ += std::to_string(value);
  return *this;
}

JsonWriter& JsonWriter::number(std::uint64_t value) {
  separate();
  out_ += std::to_string(value);
  return *this;
}

JsonWriter& JsonWriter::boolean(bool value) {
  separate();
  out_ += value ? "true" : "false";
  return *this;
}

JsonWriter& JsonWriter::null() {
  separate();
  out_ += "null";
  return *this;
}

JsonWriter& JsonWriter::raw(std::string_view json) {
  separate();
  out_ += json;
  return *this;
}

}  // namespace windtunnel::core
