// Header blocks: "NATS/1.0[ code[ description]]\r\nKey: Value\r\n...\r\n\r\n" (reference: wire 9).
//
// Lookups are nats-server's own: a case-sensitive search for the bytes of the key, of which only the first occurrence
// counts. If that is not a whole key, the header is absent, even if a later line has it. So key "A" is never found: the
// version line has one.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace windtunnel::core {

inline constexpr std::string_view kHeaderVersion = "NATS/1.0";

// The value of the first such header, without leading spaces; nullopt if it is absent.
[[nodiscard]] std::optional<std::string_view> header_value(std::string_view block, std::string_view key);

// Appends "key: value" before the final blank line; an empty `block` becomes a new header block first.
void append_header(std::string& block, std::string_view key, std::string_view value);

// Removes every line of this key; a block without lines and status becomes empty (a message without headers).
// True if something was removed.
bool remove_header(std::string& block, std::string_view key);
// The same for every key that begins with `prefix`.
bool remove_headers_with_prefix(std::string& block, std::string_view prefix);

// A block with a status line: status_block(503, "") is the "no responders" one. append_header adds lines to it.
[[nodiscard]] std::string status_block(unsigned code, std::string_view description = {});

struct HeaderStatus {
  unsigned code = 0;             // 100, 404, 408, 409, 503, ...
  std::string_view description;  // may be empty
};
// The status in the block's first line; nullopt if it has none.
[[nodiscard]] std::optional<HeaderStatus> header_status(std::string_view block);

// Walks the header lines of a block in order, for tests and listings. Lines without ":" are skipped.
class HeaderLines {
 public:
  explicit HeaderLines(std::string_view block);
  bool next(std::string_view& key, std::string_view& value);

 private:
  std::string_view rest_;
};

}  // namespace windtunnel::core
