// Core NATS as libnats speaks it: publish, request, queue groups, headers, limits, reconnect.
#include <set>
#include <thread>

#include "tests/clients/each_server.h"

namespace windtunnel::tests {
namespace {

TEST_CASE("publish and subscribe, literal and wildcard") {
  with_each_server([](Served& at) {
    Subscription literal;
    Subscription star;
    Subscription rest;
    WT_NATS_OK(natsConnection_SubscribeSync(literal.out(), at.client(), "a.b.c"));
    WT_NATS_OK(natsConnection_SubscribeSync(star.out(), at.client(), "a.*.c"));
    WT_NATS_OK(natsConnection_SubscribeSync(rest.out(), at.client(), "a.>"));
    WT_NATS_OK(natsConnection_PublishString(at.client(), "a.b.c", "one"));
    WT_NATS_OK(natsConnection_PublishString(at.client(), "a.x.c", "two"));
    WT_NATS_OK(natsConnection_PublishString(at.client(), "a.b", "three"));
    WT_NATS_OK(natsConnection_Flush(at.client()));
    CHECK(text_of(next_of(literal)) == "one");
    CHECK(text_of(next_of(literal, 50)) == "(none)");
    for (const char* text : {"one", "two"}) CHECK(text_of(next_of(star)) == text);
    for (const char* text : {"one", "two", "three"}) CHECK(text_of(next_of(rest)) == text);
    WT_NATS_OK(natsSubscription_Unsubscribe(rest.get()));
    WT_NATS_OK(natsSubscription_AutoUnsubscribe(star.get(), 3));
    for (int i = 0; i < 3; ++i) WT_NATS_OK(natsConnection_PublishString(at.client(), "a.y.c", "more"));
    CHECK(text_of(next_of(star)) == "more");
    CHECK(text_of(next_of(star, 100)) == "(none)");
  });
}

TEST_CASE("request and reply, and nobody there") {
  with_each_server([](Served& at) {
    Subscription service;
    const auto answer = [](natsConnection* connection, natsSubscription*, natsMsg* request, void*) {
      static_cast<void>(natsConnection_PublishString(connection, natsMsg_GetReply(request), natsMsg_GetData(request)));
      natsMsg_Destroy(request);
    };
    WT_NATS_OK(natsConnection_Subscribe(service.out(), at.client(), "echo", answer, nullptr));
    for (const char* text : {"one", "two", "three"}) {
      ClientMessage reply;
      WT_NATS_OK(natsConnection_RequestString(reply.out(), at.client(), "echo", text, 5000));
      CHECK(text_of(reply) == text);
    }
    ClientMessage reply;
    CHECK(natsConnection_RequestString(reply.out(), at.client(), "nobody", "?", 5000) == NATS_NO_RESPONDERS);
  });
}

TEST_CASE("a queue group shares its messages, each once") {
  with_each_server([](Served& at) {
    constexpr int kMessages = 300;
    const Connection other = at.connect();
    Subscription members[3];
    WT_NATS_OK(natsConnection_QueueSubscribeSync(members[0].out(), at.client(), "work.*", "workers"));
    WT_NATS_OK(natsConnection_QueueSubscribeSync(members[1].out(), at.client(), "work.*", "workers"));
    WT_NATS_OK(natsConnection_QueueSubscribeSync(members[2].out(), other.get(), "work.>", "workers"));
    Subscription observer;
    WT_NATS_OK(natsConnection_SubscribeSync(observer.out(), other.get(), "work.a"));
    WT_NATS_OK(natsConnection_Flush(at.client()));
    WT_NATS_OK(natsConnection_Flush(other.get()));
    for (int i = 0; i < kMessages; ++i) WT_NATS_OK(natsConnection_PublishString(at.client(), "work.a", std::to_string(i).c_str()));
    WT_NATS_OK(natsConnection_Flush(at.client()));
    for (int i = 0; i < kMessages; ++i) CHECK(text_of(next_of(observer)) == std::to_string(i));
    // The name makes the group, whatever pattern a member subscribed with.
    std::multiset<std::string> seen;
    for (const Subscription& member : members) {
      std::uint64_t mine = 0;
      for (ClientMessage m = next_of(member, 300); m.get() != nullptr; m = next_of(member, 50)) {
        seen.insert(text_of(m));
        ++mine;
      }
      CHECK(mine > 0);
    }
    CHECK(seen.size() == kMessages);
    CHECK(std::set<std::string>(seen.begin(), seen.end()).size() == kMessages);
  });
}

TEST_CASE("headers arrive as they were sent") {
  with_each_server([](Served& at) {
    Subscription subscription;
    WT_NATS_OK(natsConnection_SubscribeSync(subscription.out(), at.client(), "h"));
    ClientMessage sent;
    WT_NATS_OK(natsMsg_Create(sent.out(), "h", nullptr, "body", 4));
    WT_NATS_OK(natsMsgHeader_Set(sent.get(), "Key", "value"));
    WT_NATS_OK(natsMsgHeader_Add(sent.get(), "List", "1"));
    WT_NATS_OK(natsMsgHeader_Add(sent.get(), "List", "2"));
    WT_NATS_OK(natsConnection_PublishMsg(at.client(), sent.get()));
    const ClientMessage got = next_of(subscription);
    REQUIRE(text_of(got) == "body");
    const char* value = nullptr;
    WT_NATS_OK(natsMsgHeader_Get(got.get(), "Key", &value));
    CHECK(std::string(value) == "value");
    const char** values = nullptr;
    int count = 0;
    WT_NATS_OK(natsMsgHeader_Values(got.get(), "List", &values, &count));
    CHECK(count == 2);
    free(static_cast<void*>(values));
  });
}

TEST_CASE("the largest payload passes, a larger one is refused") {
  with_each_server([](Served& at) {
    Subscription subscription;
    WT_NATS_OK(natsConnection_SubscribeSync(subscription.out(), at.client(), "big"));
    const auto most = static_cast<std::size_t>(natsConnection_GetMaxPayload(at.client()));
    CHECK(most == 1024 * 1024);
    const std::string payload(most, 'x');
    WT_NATS_OK(natsConnection_Publish(at.client(), "big", payload.data(), static_cast<int>(payload.size())));
    CHECK(text_of(next_of(subscription)) == payload);
    const std::string more(most + 1, 'x');
    CHECK(natsConnection_Publish(at.client(), "big", more.data(), static_cast<int>(more.size())) == NATS_MAX_PAYLOAD);
    std::int64_t rtt = 0;
    WT_NATS_OK(natsConnection_GetRTT(at.client(), &rtt));
  });
}

TEST_CASE("a client finds its server again, with its subscriptions") {
  with_each_server([](Served& at) {
    for (const bool is_graceful : {true, false}) {
      CAPTURE(is_graceful);
      Subscription subscription;
      WT_NATS_OK(natsConnection_SubscribeSync(subscription.out(), at.client(), "again"));
      WT_NATS_OK(natsConnection_Flush(at.client()));
      at.restart(is_graceful);
      bool is_back = false;
      for (int i = 0; i < 200 && !is_back; ++i) {
        std::this_thread::sleep_for(std::chrono::milliseconds{20});
        is_back =
            natsConnection_Status(at.client()) == NATS_CONN_STATUS_CONNECTED && natsConnection_FlushTimeout(at.client(), 1000) == NATS_OK;
      }
      REQUIRE(is_back);
      WT_NATS_OK(natsConnection_PublishString(at.client(), "again", "here"));
      CHECK(text_of(next_of(subscription)) == "here");
    }
  });
}

TEST_CASE("a connection drains: what was sent is delivered, nothing after") {
  with_each_server([](Served& at) {
    Connection other = at.connect();
    Subscription subscription;
    WT_NATS_OK(natsConnection_SubscribeSync(subscription.out(), at.client(), "d"));
    WT_NATS_OK(natsConnection_Flush(at.client()));
    for (int i = 0; i < 50; ++i) WT_NATS_OK(natsConnection_PublishString(other.get(), "d", "x"));
    WT_NATS_OK(natsConnection_Drain(other.get()));
    int got = 0;
    while (got < 50 && next_of(subscription).get() != nullptr) ++got;
    CHECK(got == 50);
  });
}

}  // namespace
}  // namespace windtunnel::tests
