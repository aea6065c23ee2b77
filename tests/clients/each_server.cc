#include "tests/clients/each_server.h"

#include <filesystem>

namespace windtunnel::tests {
namespace {

std::string fresh(const std::string& parent, const std::string& name) {
  const std::string path = parent + "/" + name;
  std::filesystem::create_directories(path);
  return path;
}

}  // namespace

Served::Served(const ServerProgram& program, const std::string& directory) : program_(program), directory_(directory) {
  server_ = LiveServer::start(program_, fresh(directory_, "store"), fresh(directory_, "run-1"));
  runs_ = 1;
  client_ = connect();
  jsOptions options;
  WT_NATS_OK(jsOptions_Init(&options));
  options.PublishAsync.MaxPending = 4000;
  options.PublishAsync.StallWait = 10'000;
  WT_NATS_OK(natsConnection_JetStream(js_.out(), client_.get(), &options));
}

Connection Served::connect(natsOptions* options) const {
  Options made;
  if (options == nullptr) {
    WT_NATS_OK(natsOptions_Create(made.out()));
    options = made.get();
  }
  WT_NATS_OK(natsOptions_SetURL(options, ("nats://127.0.0.1:" + std::to_string(server_->port())).c_str()));
  WT_NATS_OK(natsOptions_SetReconnectWait(options, 50));
  WT_NATS_OK(natsOptions_SetReconnectJitter(options, 5, 5));
  WT_NATS_OK(natsOptions_SetMaxReconnect(options, 400));
  Connection connection;
  WT_NATS_OK(natsConnection_Connect(connection.out(), options));
  return connection;
}

void Served::restart(bool is_graceful) {
  const std::uint16_t port = server_->port();
  if (is_graceful) {
    server_->stop();
  } else {
    server_->kill();
  }
  server_ = LiveServer::start(program_, directory_ + "/store", fresh(directory_, "run-" + std::to_string(++runs_)), port);
}

void Served::add_stream(const std::string& name, std::vector<std::string> subjects, const std::function<void(jsStreamConfig&)>& change) {
  jsStreamConfig config;
  WT_NATS_OK(jsStreamConfig_Init(&config));
  std::vector<const char*> names;
  for (const std::string& subject : subjects) names.push_back(subject.c_str());
  config.Name = name.c_str();
  config.Subjects = names.data();
  config.SubjectsLen = static_cast<int>(names.size());
  if (change) change(config);
  WT_NATS_OK(js_AddStream(nullptr, js_.get(), &config, nullptr, nullptr));
}

std::uint64_t Served::publish(const std::string& subject, const std::string& payload, jsPubOptions* options) {
  PubAck ack;
  WT_NATS_OK(js_Publish(ack.out(), js_.get(), subject.c_str(), payload.data(), static_cast<int>(payload.size()), options, nullptr));
  return ack->Sequence;
}

void with_each_server(const std::function<void(Served& at)>& test) {
  std::vector<ServerProgram> programs;
  if (auto peer = ServerProgram::from_environment()) programs.push_back(*std::move(peer));
  programs.push_back({.kind = ServerProgram::Kind::windtunnel, .path = WT_BINARY});
  for (const ServerProgram& program : programs) {
    const std::string name = program.kind == ServerProgram::Kind::windtunnel ? "windtunnel serve" : "nats-server";
    CAPTURE(name);
    const TemporaryDirectory directory;
    Served at{program, directory.path()};
    test(at);
  }
}

std::string text_of(const ClientMessage& message) {
  if (message.get() == nullptr) return "(none)";
  return {natsMsg_GetData(message.get()), static_cast<std::size_t>(natsMsg_GetDataLength(message.get()))};
}

ClientMessage next_of(const Subscription& subscription, std::int64_t wait_ms) {
  ClientMessage message;
  static_cast<void>(natsSubscription_NextMsg(message.out(), subscription.get(), wait_ms));
  return message;
}

std::vector<ClientMessage> fetch(const Subscription& subscription, int count, std::int64_t wait_ms) {
  std::vector<ClientMessage> out;
  natsMsgList list{};
  if (natsSubscription_Fetch(&list, subscription.get(), count, wait_ms, nullptr) != NATS_OK) return out;
  for (int i = 0; i < list.Count; ++i) out.emplace_back(std::exchange(list.Msgs[i], nullptr));
  natsMsgList_Destroy(&list);
  return out;
}

}  // namespace windtunnel::tests
