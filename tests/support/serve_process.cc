#include "tests/support/serve_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>

namespace windtunnel::tests {
namespace {

constexpr int kStartMaxMs = 30'000;

int status_of(int waited) { return WIFEXITED(waited) ? WEXITSTATUS(waited) : 128 + WTERMSIG(waited); }

// Everything up to the end of the first line.
std::string read_line(int fd) {
  std::string text;
  while (text.find('\n') == std::string::npos) {
    pollfd waiting{.fd = fd, .events = POLLIN, .revents = 0};
    if (::poll(&waiting, 1, kStartMaxMs) != 1) throw std::runtime_error("the server says nothing");
    std::array<char, 4096> buffer;
    const ssize_t got = ::read(fd, buffer.data(), buffer.size());
    if (got <= 0) throw std::runtime_error("the server ended after: " + text);
    text.append(buffer.data(), static_cast<std::size_t>(got));
  }
  return text;
}

}  // namespace

ServeProcess::ServeProcess(const std::string& binary, std::vector<std::string> options, const std::string& log) {
  std::array<int, 2> out{};
  if (::pipe2(out.data(), O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
  options.insert(options.begin(), {"windtunnel", "serve", "--port", "0"});
  std::vector<char*> arguments;
  for (std::string& option : options) arguments.push_back(option.data());
  arguments.push_back(nullptr);
  pid_ = ::fork();
  if (pid_ < 0) throw std::runtime_error("no process");
  if (pid_ == 0) {
    ::dup2(out[1], STDOUT_FILENO);
    ::dup2(log.empty() ? ::open("/dev/null", O_WRONLY) : ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600), STDERR_FILENO);
    ::execv(binary.c_str(), arguments.data());
    ::_exit(127);
  }
  ::close(out[1]);
  try {
    line_ = read_line(out[0]);
  } catch (...) {
    ::close(out[0]);
    end(SIGKILL);
    throw;
  }
  ::close(out[0]);
}

ServeProcess::~ServeProcess() {
  if (pid_ > 0) end(SIGKILL);
}

int ServeProcess::end(int signal) {
  if (pid_ < 0) return status_;
  ::kill(pid_, signal);
  int status = 0;
  ::waitpid(pid_, &status, 0);
  pid_ = -1;
  return status_ = status_of(status);
}

bool ServeProcess::is_running() {
  if (pid_ < 0) return false;
  int status = 0;
  if (::waitpid(pid_, &status, WNOHANG) == 0) return true;
  pid_ = -1;
  status_ = status_of(status);
  return false;
}

std::uint16_t ServeProcess::port_after(const std::string& words) const {
  const std::size_t at = line_.find(words);
  if (at == std::string::npos) throw std::runtime_error("no port in: " + line_);
  return static_cast<std::uint16_t>(std::strtoul(line_.c_str() + at + words.size(), nullptr, 10));
}

std::uint64_t ServeProcess::memory(const std::string& field) const {
  std::ifstream in{"/proc/" + std::to_string(pid_) + "/status"};
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with(field)) return std::stoull(line.substr(field.size())) * 1024;
  }
  return 0;
}

std::size_t ServeProcess::descriptors() const {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator{"/proc/" + std::to_string(pid_) + "/fd"}) ++count;
  return count;
}

}  // namespace windtunnel::tests
