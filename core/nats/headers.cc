#include "core/nats/headers.h"

#include <charconv>

#include "core/base/assert.h"

namespace windtunnel::core {
namespace {

constexpr std::string_view kEnd = "\r\n";
constexpr std::string_view kEmptyBlock = "NATS/1.0\r\n\r\n";

// Removes the first line at or behind `from` whose key is `key` (or begins with it, if `is_prefix`). Unlike a lookup it
// is not led astray by a value that holds the key: what is to be removed must not stay.
bool remove_first(std::string& block, std::string_view key, bool is_prefix, std::size_t& from) {
  for (std::size_t start = block.find(key, from); start != std::string::npos; start = block.find(key, start + 1)) {
    if (start < 1 || block[start - 1] != '\n') continue;
    if (!is_prefix && (start + key.size() >= block.size() || block[start + key.size()] != ':')) continue;
    const std::size_t end = block.find(kEnd, start);
    if (end == std::string::npos) return false;
    block.erase(start, end + kEnd.size() - start);
    from = start;
    return true;
  }
  return false;
}

bool remove_all(std::string& block, std::string_view key, bool is_prefix) {
  if (key.empty()) return false;
  bool removed = false;
  for (std::size_t from = 0; remove_first(block, key, is_prefix, from);) removed = true;
  if (removed && block.size() <= kEmptyBlock.size()) block.clear();
  return removed;
}

}  // namespace

std::optional<std::string_view> header_value(std::string_view block, std::string_view key) {
  if (key.empty()) return std::nullopt;
  std::size_t at = block.find(key);
  if (at == std::string_view::npos || at < 2 || block[at - 1] != '\n' || block[at - 2] != '\r') return std::nullopt;
  at += key.size();
  if (at >= block.size() || block[at] != ':') return std::nullopt;
  ++at;
  while (at < block.size() && block[at] == ' ') ++at;
  return block.substr(at, block.find(kEnd, at) - at);
}

void append_header(std::string& block, std::string_view key, std::string_view value) {
  if (block.size() <= kEnd.size()) {
    block.assign(kHeaderVersion).append(kEnd);
  } else {
    block.resize(block.size() - kEnd.size());  // the blank line comes again below
  }
  block.append(key).append(": ").append(value).append(kEnd).append(kEnd);
}

bool remove_header(std::string& block, std::string_view key) { return remove_all(block, key, false); }

bool remove_headers_with_prefix(std::string& block, std::string_view prefix) { return remove_all(block, prefix, true); }

std::string status_block(unsigned code, std::string_view description) {
  WT_ASSERT(code >= 100 && code <= 999);
  std::string block{kHeaderVersion};
  block.append(" ").append(std::to_string(code));
  if (!description.empty()) block.append(" ").append(description);
  block.append(kEnd).append(kEnd);
  return block;
}

std::optional<HeaderStatus> header_status(std::string_view block) {
  if (!block.starts_with(kHeaderVersion)) return std::nullopt;
  std::string_view line = block.substr(0, block.find(kEnd)).substr(kHeaderVersion.size());
  if (line.empty() || line.front() != ' ') return std::nullopt;
  line.remove_prefix(1);
  HeaderStatus status;
  const char* const end = line.data() + line.size();
  const auto [rest, failure] = std::from_chars(line.data(), end, status.code);
  if (failure != std::errc{} || rest - line.data() != 3) return std::nullopt;
  line.remove_prefix(3);
  if (!line.empty() && line.front() != ' ') return std::nullopt;
  if (!line.empty()) status.description = line.substr(1);
  return status;
}

HeaderLines::HeaderLines(std::string_view block) {
  const std::size_t first = block.find(kEnd);
  if (first != std::string_view::npos) rest_ = block.substr(first + kEnd.size());
}

bool HeaderLines::next(std::string_view& key, std::string_view& value) {
  while (!rest_.empty()) {
    const std::size_t end = rest_.find(kEnd);
    const std::string_view line = rest_.substr(0, end);
    rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end + kEnd.size());
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    key = line.substr(0, colon);
    value = line.substr(colon + 1);
    while (!value.empty() && value.front() == ' ') value.remove_prefix(1);
    return true;
  }
  return false;
}

}  // namespace windtunnel::core
