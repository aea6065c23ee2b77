// A server as a child process, nats-server's or ours: on the loopback, a port of its own choosing, files in a directory of the
// test's.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace windtunnel::tests {

struct ServerProgram {
  enum class Kind { nats_server, windtunnel };
  Kind kind = Kind::nats_server;
  std::string path;

  // The nats-server that the environment variable names; nullopt if it names none.
  static std::optional<ServerProgram> from_environment(const char* variable = "WINDTUNNEL_NATS_SERVER");
  // The same, for a test case that is nothing without it: the output says then that it is skipped.
  static std::optional<ServerProgram> or_skipped(const char* variable = "WINDTUNNEL_NATS_SERVER");
};

// What makes a server a node of a leaf topology.
struct LeafSettings {
  std::string name;                         // of the server; empty: as it likes
  std::string domain = {};                  // of its JetStream
  std::optional<std::uint16_t> port = {};   // where it accepts leaf nodes; 0 picks one
  std::vector<std::uint16_t> remotes = {};  // the leaf ports that it dials
};

class LiveServer {
 public:
  // Starts `program` on `store` (what nats-server's configuration calls store_dir) and waits until it answers. `scratch`: an
  // empty directory for its configuration, log and port. `port`: 0 picks one. Throws std::runtime_error, with its log, if it does not come
  // up.
  static std::unique_ptr<LiveServer> start(const ServerProgram& program, const std::string& store, const std::string& scratch,
                                           std::uint16_t port = 0, const LeafSettings& leafs = {});
  ~LiveServer();  // kills it if it still runs
  LiveServer(const LiveServer&) = delete;
  LiveServer& operator=(const LiveServer&) = delete;

  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] std::uint16_t leaf_port() const { return leaf_port_; }  // 0: it accepts no leaf nodes
  [[nodiscard]] pid_t pid() const { return pid_; }
  // An orderly end, by signal, and waits for it. The exit status; 128 + signal if it died of one.
  int stop();
  void kill();  // SIGKILL
  [[nodiscard]] std::string log() const;
  // What it has in memory now, and at most so far (VmRSS, VmHWM); bytes.
  [[nodiscard]] std::uint64_t resident() const;
  [[nodiscard]] std::uint64_t peak_resident() const;

 private:
  LiveServer() = default;
  int end(int signal);
  pid_t pid_ = -1;
  std::uint16_t port_ = 0;
  std::uint16_t leaf_port_ = 0;
  std::string log_file_;
};

}  // namespace windtunnel::tests
