// connect.jsonl: the core protocol and its errors, each connection in turn, read to the end by a peer that answers nothing by itself.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

namespace windtunnel::tests {

// One line of the transcript: who said what.
struct ConnectEntry {
  bool is_server = false;
  std::string bytes;
};
// By connection. Notes are left out.
[[nodiscard]] std::map<int, std::vector<ConnectEntry>> read_connect_transcript(const std::string& path);
// Replaces what differs from run to run by its name.
[[nodiscard]] std::string without_volatile_info(std::string text);

// Reads as many lines as `lines` says, or until nothing more comes. `Peer`: line(), is_closed().
template <typename Peer>
std::string hear_lines(Peer& peer, std::size_t lines) {
  std::string text;
  for (std::size_t i = 0; i < lines; ++i) {
    const std::string line = peer.line();
    if (line.empty() && peer.is_closed()) break;
    text += line + "\r\n";
  }
  return text;
}

// Says what the client of one connection said, and checks what is answered. How many answers were compared. `Peer`: also send(), hear().
template <typename Peer>
std::size_t replay_connection(Peer& peer, const std::vector<ConnectEntry>& said) {
  std::size_t compared = 0;
  for (const ConnectEntry& entry : said) {
    CAPTURE(entry.bytes);
    if (!entry.is_server) {
      peer.send(entry.bytes);
      continue;
    }
    const auto lines = static_cast<std::size_t>(std::count(entry.bytes.begin(), entry.bytes.end(), '\n'));
    CHECK(without_volatile_info(hear_lines(peer, lines)) == without_volatile_info(entry.bytes));
    ++compared;
  }
  CHECK(peer.hear() == "");
  return compared;
}

}  // namespace windtunnel::tests
