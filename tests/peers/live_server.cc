#include "tests/peers/live_server.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <stdexcept>
#include <thread>
#include <vector>

namespace windtunnel::tests {
namespace {

constexpr auto kStartMax = std::chrono::seconds{120};  // of a large store, on a slow machine
constexpr auto kPause = std::chrono::milliseconds{1};

std::string slurp(const std::string& path) {
  std::ifstream in{path, std::ios::binary};
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

[[noreturn]] void give_up(const std::string& what) { throw std::runtime_error(what); }

// The client port out of the file that nats-server writes when it is ready; 0: not there yet.
std::uint16_t port_in_ports_file(const std::string& directory) {
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    if (entry.path().extension() != ".ports") continue;
    const auto ports = nlohmann::json::parse(slurp(entry.path().string()), nullptr, false);
    if (!ports.is_object() || ports.value("nats", nlohmann::json::array()).empty()) continue;
    const std::string url = ports.at("nats").at(0);
    return static_cast<std::uint16_t>(std::stoi(url.substr(url.rfind(':') + 1)));
  }
  return 0;
}

// The number behind the last of these words; 0 if they are not there.
std::uint16_t port_behind(std::string_view words, const std::string& text) {
  const std::size_t at = text.rfind(words);
  return at == std::string::npos ? std::uint16_t{0} : static_cast<std::uint16_t>(std::stoi(text.substr(at + words.size())));
}

// Out of the first line that ours says: "listening on 127.0.0.1:4222, for leaf nodes on 127.0.0.1:7422, ...".
std::uint16_t port_in_first_line(std::string_view words, const std::string& said) {
  return said.find('\n') == std::string::npos ? std::uint16_t{0} : port_behind(words, said);
}

void write_configuration(const std::string& file, const std::string& store, const std::string& scratch, std::uint16_t port,
                         const LeafSettings& leafs) {
  std::ofstream out{file};
  out << "listen: \"127.0.0.1:" << (port == 0 ? -1 : port) << "\"\nlog_file: \"" << scratch << "/server.log\"\nports_file_dir: \""
      << scratch << "\"\njetstream { store_dir: \"" << store << "\", max_memory_store: 64MB, max_file_store: 8GB"
      << (leafs.domain.empty() ? "" : ", domain: " + leafs.domain) << " }\n";
  if (!leafs.name.empty()) out << "server_name: " << leafs.name << "\n";
  if (!leafs.port && leafs.remotes.empty()) return;
  out << "leafnodes {\n";
  if (leafs.port) out << "  listen: \"127.0.0.1:" << (*leafs.port == 0 ? -1 : *leafs.port) << "\"\n";
  out << "  remotes [";
  for (const std::uint16_t remote : leafs.remotes) out << " { url: \"nats-leaf://127.0.0.1:" << remote << "\" }";
  out << " ]\n}\n";
}

void append_options(std::vector<std::string>& words, const LeafSettings& leafs) {
  if (!leafs.name.empty()) words.insert(words.end(), {"--name", leafs.name});
  if (!leafs.domain.empty()) words.insert(words.end(), {"--domain", leafs.domain});
  if (leafs.port) words.insert(words.end(), {"--leaf-port", std::to_string(*leafs.port)});
  for (const std::uint16_t remote : leafs.remotes)
    words.insert(words.end(), {"--leaf-remote", "nats-leaf://127.0.0.1:" + std::to_string(remote)});
}

// What an earlier process left behind, that was killed.
void remove_ports_files(const std::string& directory) {
  std::vector<std::filesystem::path> old;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    if (entry.path().extension() == ".ports") old.push_back(entry.path());
  }
  for (const auto& path : old) std::filesystem::remove(path);
}

// In the child: runs `words` with its output in files.
[[noreturn]] void become(const std::vector<std::string>& words, const std::string& out, const std::string& err) {
  ::dup2(::open("/dev/null", O_RDONLY), STDIN_FILENO);
  ::dup2(::open(out.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600), STDOUT_FILENO);
  ::dup2(::open(err.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600), STDERR_FILENO);
  std::vector<char*> arguments;
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));  // NOLINT: execv's old signature
  arguments.push_back(nullptr);
  ::execv(arguments[0], arguments.data());
  ::_exit(127);
}

std::uint64_t memory_of(pid_t pid, std::string_view field) {
  std::istringstream in{slurp("/proc/" + std::to_string(pid) + "/status")};
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with(field)) return std::stoull(line.substr(field.size())) * 1024;
  }
  return 0;
}

}  // namespace

std::optional<ServerProgram> ServerProgram::from_environment(const char* variable) {
  const char* path = std::getenv(variable);
  if (path == nullptr || *path == '\0') return std::nullopt;
  return ServerProgram{.kind = Kind::nats_server, .path = path};
}

std::optional<ServerProgram> ServerProgram::or_skipped(const char* variable) {
  std::optional<ServerProgram> program = from_environment(variable);
  if (!program) std::printf("SKIPPED: no %s (tests/peers/fetch-nats-server)\n", variable);
  return program;
}

std::unique_ptr<LiveServer> LiveServer::start(const ServerProgram& program, const std::string& store, const std::string& scratch,
                                              std::uint16_t port, const LeafSettings& leafs) {
  const bool is_ours = program.kind == ServerProgram::Kind::windtunnel;
  const std::string config = scratch + "/server.conf";
  const std::string said = scratch + "/server.out";
  auto server = std::unique_ptr<LiveServer>(new LiveServer);
  server->log_file_ = scratch + "/server.log";
  std::vector<std::string> words{program.path};
  if (is_ours) {
    for (const std::string& word : {std::string{"serve"}, std::string{"--port"}, std::to_string(port), std::string{"--store"}, store})
      words.push_back(word);
    append_options(words, leafs);
  } else {
    remove_ports_files(scratch);
    write_configuration(config, store, scratch, port, leafs);
    words.insert(words.end(), {"-c", config});
  }
  std::filesystem::remove(said);  // of an earlier start: what it says is of ports that nobody serves yet
  server->pid_ = ::fork();
  if (server->pid_ < 0) give_up("no process for a server");
  if (server->pid_ == 0) become(words, said, server->log_file_);
  const auto limit = std::chrono::steady_clock::now() + kStartMax;
  while (std::chrono::steady_clock::now() < limit) {
    int status = 0;
    if (::waitpid(server->pid_, &status, WNOHANG) == server->pid_) {
      server->pid_ = -1;
      give_up(program.path + " ended at once: " + server->log());
    }
    server->port_ = is_ours ? port_in_first_line("listening on 127.0.0.1:", slurp(said)) : port_in_ports_file(scratch);
    if (server->port_ != 0 && leafs.port) {
      server->leaf_port_ = is_ours ? port_in_first_line("for leaf nodes on 127.0.0.1:", slurp(said))
                                   : port_behind("Listening for leafnode connections on 127.0.0.1:", server->log());
    }
    if (server->port_ != 0 && (!leafs.port || server->leaf_port_ != 0)) return server;
    std::this_thread::sleep_for(kPause);
  }
  give_up(program.path + " did not come up: " + server->log());
}

LiveServer::~LiveServer() {
  if (pid_ > 0) end(SIGKILL);
}

int LiveServer::end(int signal) {
  if (pid_ < 0) return 0;
  ::kill(pid_, signal);
  int status = 0;
  ::waitpid(pid_, &status, 0);
  pid_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int LiveServer::stop() { return end(SIGINT); }
void LiveServer::kill() { end(SIGKILL); }

std::string LiveServer::log() const { return slurp(log_file_); }
std::uint64_t LiveServer::resident() const { return memory_of(pid_, "VmRSS:"); }
std::uint64_t LiveServer::peak_resident() const { return memory_of(pid_, "VmHWM:"); }

}  // namespace windtunnel::tests
