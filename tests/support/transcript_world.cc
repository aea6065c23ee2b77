#include "tests/support/transcript_world.h"

#include "tests/support/node_world.h"

namespace windtunnel::tests {

using namespace std::chrono_literals;

TranscriptReport replay_in_world(const std::string& path, const TranscriptOptions& options, core::Seed seed) {
  const std::vector<TranscriptLine> lines = read_transcript(path);
  NodeWorld world{seed};
  // The recorded server wrote to a RAM disk: its answer was there before the next request.
  const sim::DurationRange fast{1us, 1us};
  world.add(node_config("srv"), options.defects, sim::DiskTraits{fast, fast, fast, fast});
  world.start("srv");
  const core::Instant zero = world.kernel.now();

  std::map<int, NodeClient*> clients;
  for (const TranscriptLine& line : lines) {
    NodeClient*& client = clients[line.connection];
    if (client == nullptr) client = &world.dial("client" + std::to_string(line.connection), "srv");
    for (const TranscriptInsertion& insertion : options.insertions) {
      if (insertion.line == line.number) client->send(insertion.bytes);
    }
    if (!is_sent(line)) continue;
    world.kernel.run_until(zero + line.at);
    client->send(bytes_of(line));
  }
  const core::Duration rest = lines.empty() ? core::Duration{0} : lines.back().at;
  world.kernel.run_until(zero + rest + 1ms);

  std::map<int, std::vector<TranscriptSaid>> ours;
  for (const auto& [number, client] : clients) {
    for (const Heard& heard : client->heard()) {
      if (!is_of_connection(heard.line)) ours[number].push_back(said_by(heard.line, heard.headers, heard.payload));
    }
  }
  return compare_transcript(lines, options, std::move(ours));
}

}  // namespace windtunnel::tests
