// libFuzzer target: no bytes may break the wire parser, and no way of cutting them up may change what it makes of them.
// The first byte picks the role, the second seeds the cuts.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "core/base/random.h"
#include "tests/support/parser_log.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace windtunnel;
  if (size < 2) return 0;
  const auto role = static_cast<core::ParserRole>(data[0] % 3);
  core::ParserLimits limits;
  // Small, so that inputs of a few bytes reach them.
  limits.max_control_line = core::Bytes{64};
  limits.max_payload = core::Bytes{256};
  limits.has_headers = (data[0] & 4) == 0;
  limits.is_connect_required = (data[0] & 24) == 24;
  const std::string_view stream{reinterpret_cast<const char*>(data) + 2, size - 2};
  const std::vector<std::string> whole = tests::parse_pieces(role, limits, {stream});

  core::Random random{core::Seed{data[1]}};
  std::vector<std::string_view> pieces;
  for (std::size_t at = 0; at < stream.size();) {
    const std::size_t piece = random.between(std::uint64_t{1}, std::uint64_t{9});
    pieces.push_back(stream.substr(at, piece));
    at += piece;
  }
  if (tests::parse_pieces(role, limits, pieces) != whole) std::abort();

  std::vector<std::string_view> bytes;
  for (std::size_t i = 0; i < stream.size(); ++i) bytes.push_back(stream.substr(i, 1));
  if (tests::parse_pieces(role, limits, bytes) != whole) std::abort();
  return 0;
}
