// The C client of the NATS project (libnats) against live servers: a nats-server first, where there is one
// (WINDTUNNEL_NATS_SERVER), then ours. What holds for the one holds for the other, or the test is wrong.
#pragma once

#include <doctest/doctest.h>
#include <nats/nats.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/peers/live_server.h"
#include "tests/support/temporary_directory.h"

namespace windtunnel::tests {

// What libnats hands out, given back at the end.
template <typename T, void (*destroy)(T*)>
class Handle {
 public:
  Handle() = default;
  explicit Handle(T* value) : value_(value) {}
  Handle(Handle&& other) noexcept : value_(std::exchange(other.value_, nullptr)) {}
  Handle& operator=(Handle&& other) noexcept {
    std::swap(value_, other.value_);
    return *this;
  }
  ~Handle() {
    if (value_ != nullptr) destroy(value_);
  }
  // Where a call puts its result.
  T** out() {
    if (value_ != nullptr) destroy(value_);
    value_ = nullptr;
    return &value_;
  }
  [[nodiscard]] T* get() const { return value_; }
  T* operator->() const { return value_; }

 private:
  T* value_ = nullptr;
};
using Connection = Handle<natsConnection, natsConnection_Destroy>;
using JetStreamContext = Handle<jsCtx, jsCtx_Destroy>;
using Subscription = Handle<natsSubscription, natsSubscription_Destroy>;
using ClientMessage = Handle<natsMsg, natsMsg_Destroy>;
using PubAck = Handle<jsPubAck, jsPubAck_Destroy>;
using StreamInfo = Handle<jsStreamInfo, jsStreamInfo_Destroy>;
using ConsumerInfo = Handle<jsConsumerInfo, jsConsumerInfo_Destroy>;
using Options = Handle<natsOptions, natsOptions_Destroy>;
using KeyValue = Handle<kvStore, kvStore_Destroy>;
using KeyEntry = Handle<kvEntry, kvEntry_Destroy>;
using KeyWatcher = Handle<kvWatcher, kvWatcher_Destroy>;

// One server with a store of its own, and a client connected to it.
class Served {
 public:
  Served(const ServerProgram& program, const std::string& directory);

  [[nodiscard]] natsConnection* client() const { return client_.get(); }
  [[nodiscard]] jsCtx* js() const { return js_.get(); }
  [[nodiscard]] Connection connect(natsOptions* options = nullptr) const;
  // The process ends (in order, or killed) and another one takes its store and its port.
  void restart(bool is_graceful);
  [[nodiscard]] LiveServer& server() { return *server_; }

  // A stream of these subjects, in files; changed by `change` first.
  void add_stream(const std::string& name, std::vector<std::string> subjects, const std::function<void(jsStreamConfig&)>& change = nullptr);
  // Publishes; the ack's sequence.
  std::uint64_t publish(const std::string& subject, const std::string& payload, jsPubOptions* options = nullptr);

 private:
  const ServerProgram program_;
  const std::string directory_;
  int runs_ = 0;
  std::unique_ptr<LiveServer> server_;
  Connection client_;
  JetStreamContext js_;
};

// Runs `test` against each server that is there, ours among them always.
void with_each_server(const std::function<void(Served& at)>& test);

[[nodiscard]] std::string text_of(const ClientMessage& message);
// The next message of a synchronous subscription; empty handle after 5 s.
[[nodiscard]] ClientMessage next_of(const Subscription& subscription, std::int64_t wait_ms = 5000);
// Up to `count` messages of a pull subscription.
[[nodiscard]] std::vector<ClientMessage> fetch(const Subscription& subscription, int count, std::int64_t wait_ms = 2000);

// The status' name in a failing check.
#define WT_NATS_OK(call)                                                                   \
  do {                                                                                     \
    const natsStatus wt_status = (call);                                                   \
    REQUIRE_MESSAGE(wt_status == NATS_OK, #call << ": " << natsStatus_GetText(wt_status)); \
  } while (false)

}  // namespace windtunnel::tests
