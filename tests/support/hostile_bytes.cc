#include "tests/support/hostile_bytes.h"

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

namespace windtunnel::tests {
namespace {

using core::Random;

template <std::size_t N>
std::string_view one_of(Random& random, const std::array<std::string_view, N>& all) {
  return all[random.below(N)];
}

std::string bytes(Random& random, std::size_t size) {
  std::string out;
  while (out.size() < size) out += static_cast<char>(random.below(256));
  return out;
}

std::string letters(Random& random, std::size_t size, std::string_view alphabet) {
  std::string out;
  while (out.size() < size) out += alphabet[random.below(alphabet.size())];
  return out;
}

std::string size_word(Random& random) {
  static constexpr std::array<std::string_view, 18> kSizes = {"0",
                                                              "1",
                                                              "5",
                                                              "00005",
                                                              "1048576",
                                                              "1048577",
                                                              "2147483648",
                                                              "4294967296",
                                                              "9223372036854775807",
                                                              "18446744073709551616",
                                                              "-1",
                                                              "+5",
                                                              "",
                                                              "0x5",
                                                              "5.0",
                                                              "1e3",
                                                              "99999999999999999999999999999999",
                                                              "five"};
  return std::string(one_of(random, kSizes));
}

std::string subject(Random& random, const std::string& stream, const std::string& consumer) {
  switch (random.below(12)) {
    case 0: return "$JS.API.STREAM.INFO." + stream;
    case 1: return "$JS.API.CONSUMER.MSG.NEXT." + stream + "." + consumer;
    case 2: return "$JS.API.CONSUMER.CREATE." + stream;
    case 3: return "$JS.API.STREAM.MSG.GET." + stream;
    case 4: {
      std::string ack = "$JS.ACK." + stream + "." + consumer;
      for (int i = 0; i < 5; ++i) ack += "." + std::to_string(random.below(random.below(2) == 0 ? 50 : UINT64_MAX));
      return ack;
    }
    case 5: return "$JS.API.DIRECT.GET." + stream;
    case 6: return "$JS.API." + letters(random, 1 + random.below(30), "STREAM.CONSUMER.*>.$");
    case 7: return letters(random, random.below(40), "a.b.*>.$_ ");
    case 8: return std::string(1 + random.below(5000), 'a');
    default: return "hostile." + std::to_string(random.below(8));
  }
}

std::string json(Random& random) {
  static constexpr std::array<std::string_view, 14> kBodies = {
      "{}",
      "",
      "null",
      "[]",
      "{\"batch\":-1}",
      "{\"batch\":1e400}",
      "{\"expires\":9223372036854775807,\"batch\":100000000}",
      "5",
      "{\"stream_name\":\"H\",\"config\":{\"ack_policy\":\"explicit\",\"max_deliver\":-9223372036854775808}}",
      "{\"seq\":18446744073709551615}",
      "{\"last_by_subj\":\"\\u0000\"}",
      "-NAK {\"delay\":-1}",
      "+NXT 99999999999",
      "+WPI"};
  if (random.below(4) != 0) return std::string(one_of(random, kBodies));
  return std::string(random.below(3000), random.below(2) == 0 ? '[' : '{');
}

std::string header_block(Random& random) {
  static constexpr std::array<std::string_view, 10> kLines = {"Nats-Msg-Id: 1",
                                                              "Nats-Rollup: all",
                                                              "Nats-Expected-Last-Sequence: x",
                                                              "Nats-Rollup: what",
                                                              ": ",
                                                              "a",
                                                              "Nats-Expected-Stream: X",
                                                              "\x01\x02: \xff",
                                                              "Nats-Msg-Id:",
                                                              "Nats-Expected-Last-Subject-Sequence: 18446744073709551616"};
  std::string block = random.below(8) == 0 ? letters(random, 8, "NATS/1.0 ") : "NATS/1.0";
  if (random.below(6) == 0) block += " " + size_word(random);
  block += "\r\n";
  for (std::uint64_t i = random.below(4); i > 0; --i) block += std::string(one_of(random, kLines)) + "\r\n";
  if (random.below(50) == 0) block += "X: " + std::string(70'000, 'x') + "\r\n";
  if (random.below(5) != 0) block += "\r\n";
  return block;
}

// An operation as it should be.
std::string operation(Random& random, const std::string& stream, const std::string& consumer) {
  const std::string sid = std::to_string(random.below(5));
  switch (random.below(8)) {
    case 0: return "PING\r\n";
    case 1: return "PONG\r\n";
    case 2: return "SUB " + subject(random, stream, consumer) + " " + sid + "\r\n";
    case 3: return "SUB hostile.> group " + sid + "\r\n";
    case 4: return "UNSUB " + sid + " " + size_word(random) + "\r\n";
    case 5: {
      const std::string block = header_block(random);
      const std::string body = json(random);
      std::string text = "HPUB " + subject(random, stream, consumer);
      if (random.below(2) == 0) text += " reply.x";
      text += " " + std::to_string(block.size()) + " " + std::to_string(block.size() + body.size()) + "\r\n";
      return text + block + body + "\r\n";
    }
    default: {
      const std::string body = json(random);
      std::string text = "PUB " + subject(random, stream, consumer);
      if (random.below(2) == 0) text += " reply.x";
      return text + " " + std::to_string(body.size()) + "\r\n" + body + "\r\n";
    }
  }
}

std::string connect(Random& random) {
  switch (random.below(6)) {
    case 0: return "CONNECT {}\r\n";
    case 1: return "CONNECT {\"verbose\":true,\"pedantic\":true,\"headers\":true,\"no_responders\":true}\r\n";
    case 2: return "CONNECT {\"name\":\"" + std::string(random.below(200'000), 'n') + "\"}\r\n";
    case 3: return "CONNECT " + std::string(random.below(4000), '{') + "\r\n";
    case 4: return "CONNECT {\"protocol\":" + size_word(random) + ",\"user\":\"" + bytes(random, random.below(100)) + "\"}\r\n";
    default: return "CONNECT {\"headers\":true,\"no_responders\":true,\"lang\":\"x\"}\r\n";
  }
}

void damage(Random& random, std::string& text) {
  if (text.empty()) return;
  const std::size_t at = random.below(text.size());
  const std::size_t size = random.below(std::min<std::size_t>(text.size() - at, 64) + 1);
  switch (random.below(6)) {
    case 0: text[at] = static_cast<char>(random.below(256)); break;
    case 1: text.erase(at, size); break;
    case 2: text.insert(at, text.substr(at, size)); break;
    case 3: text.insert(at, bytes(random, size)); break;
    case 4: text.resize(at); break;
    default: text.insert(at, size_word(random)); break;
  }
}

std::string broken_sizes(Random& random) {
  static constexpr std::array<std::string_view, 6> kVerbs = {"PUB hostile.1",          "PUB hostile.1 reply.x", "HPUB hostile.1",
                                                             "HPUB hostile.1 reply.x", "pub hostile.1",         "PUB\thostile.1"};
  std::string text{one_of(random, kVerbs)};
  text += " " + size_word(random);
  if (random.below(2) == 0) text += " " + size_word(random);
  return text + "\r\n" + bytes(random, random.below(300)) + "\r\n";
}

}  // namespace

std::string hostile_bytes(Random& random, const std::string& stream, const std::string& consumer) {
  static constexpr std::string_view kProtocol = " \r\n\tPUBSHCONETIG0123456789{}\":.,>*$_+-'";
  switch (random.below(8)) {
    case 0: return bytes(random, 1 + random.below(4096));
    case 1: return letters(random, 1 + random.below(4096), kProtocol);
    case 2: return connect(random) + broken_sizes(random);
    case 3: return "SUB " + std::string(random.below(200'000), 'a');  // a line that never ends
    case 4: {
      // A message that ends early.
      const std::string whole = connect(random) + "PUB hostile.2 5000\r\n" + bytes(random, 5000) + "\r\n";
      return whole.substr(0, random.below(whole.size()));
    }
    default: break;
  }
  std::string text = connect(random);
  for (std::uint64_t i = random.below(20); i > 0; --i) text += operation(random, stream, consumer);
  for (std::uint64_t i = random.below(8); i > 0; --i) damage(random, text);
  return text;
}

}  // namespace windtunnel::tests
