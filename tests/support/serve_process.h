// `windtunnel serve` as a child process, on the loopback and a port of its own choosing.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

namespace windtunnel::tests {

class ServeProcess {
 public:
  // Waits for its first line; throws std::runtime_error if none comes. `log`: where its standard error goes; empty: nowhere.
  ServeProcess(const std::string& binary, std::vector<std::string> options, const std::string& log = {});
  ~ServeProcess();  // kills it if it still runs
  ServeProcess(const ServeProcess&) = delete;
  ServeProcess& operator=(const ServeProcess&) = delete;

  // Sends the signal and waits for the end. The exit status; 128 + signal if it died of one.
  int end(int signal);
  // Whether it still runs; what became of it otherwise is end()'s answer.
  [[nodiscard]] bool is_running();
  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] const std::string& line() const { return line_; }  // its first
  [[nodiscard]] std::uint16_t port() const { return port_after("listening on 127.0.0.1:"); }
  [[nodiscard]] std::uint16_t leaf_port() const { return port_after("for leaf nodes on 127.0.0.1:"); }
  // Resident memory now and at most so far, in bytes.
  [[nodiscard]] std::uint64_t resident() const { return memory("VmRSS:"); }
  [[nodiscard]] std::uint64_t peak_resident() const { return memory("VmHWM:"); }
  [[nodiscard]] std::size_t descriptors() const;  // open ones

 private:
  [[nodiscard]] std::uint16_t port_after(const std::string& words) const;
  [[nodiscard]] std::uint64_t memory(const std::string& field) const;

  pid_t pid_ = -1;
  int status_ = -1;
  std::string line_;
};

}  // namespace windtunnel::tests
