// Consumers as libnats drives them: pull, push, ordered, every kind of acknowledgement.
#include <set>

#include "tests/clients/each_server.h"

namespace windtunnel::tests {
namespace {

constexpr std::int64_t kMs = 1'000'000;

jsSubOptions consumer_options(jsAckPolicy ack = js_AckExplicit) {
  jsSubOptions options;
  jsSubOptions_Init(&options);
  options.ManualAck = true;
  options.Config.AckPolicy = ack;
  return options;
}

struct Meta {
  std::uint64_t stream_seq = 0;
  std::uint64_t consumer_seq = 0;
  std::uint64_t delivered = 0;
  std::uint64_t pending = 0;
};
Meta meta_of(const ClientMessage& message) {
  jsMsgMetaData* found = nullptr;
  WT_NATS_OK(natsMsg_GetMetaData(&found, message.get()));
  const Meta meta{found->Sequence.Stream, found->Sequence.Consumer, found->NumDelivered, found->NumPending};
  jsMsgMetaData_Destroy(found);
  return meta;
}

TEST_CASE("pull: fetch, confirm, and what is left") {
  with_each_server([](Served& at) {
    at.add_stream("P", {"p"});
    for (int i = 1; i <= 10; ++i) at.publish("p", std::to_string(i));
    jsSubOptions options = consumer_options();
    Subscription pull;
    WT_NATS_OK(js_PullSubscribe(pull.out(), at.js(), "p", "worker", nullptr, &options, nullptr));
    const std::vector<ClientMessage> first = fetch(pull, 4);
    REQUIRE(first.size() == 4);
    for (std::size_t i = 0; i < 4; ++i) {
      CHECK(text_of(first[i]) == std::to_string(i + 1));
      const Meta meta = meta_of(first[i]);
      CHECK(meta.stream_seq == i + 1);
      CHECK(meta.consumer_seq == i + 1);
      CHECK(meta.delivered == 1);
      CHECK(meta.pending == 9 - i);
      WT_NATS_OK(natsMsg_AckSync(first[i].get(), nullptr, nullptr));
    }
    ConsumerInfo info;
    WT_NATS_OK(js_GetConsumerInfo(info.out(), at.js(), "P", "worker", nullptr, nullptr));
    CHECK(info->AckFloor.Stream == 4);
    CHECK(info->NumPending == 6);
    CHECK(info->NumAckPending == 0);
    CHECK(fetch(pull, 100, 500).size() == 6);
    CHECK(fetch(pull, 1, 100).empty());
  });
}

TEST_CASE("pull: nak, delayed nak, in progress, term, and the end of deliveries") {
  with_each_server([](Served& at) {
    at.add_stream("N", {"n"});
    for (int i = 1; i <= 4; ++i) at.publish("n", std::to_string(i));
    jsSubOptions options = consumer_options();
    options.Config.AckWait = 1500 * kMs;
    options.Config.MaxDeliver = 3;
    Subscription pull;
    WT_NATS_OK(js_PullSubscribe(pull.out(), at.js(), "n", "worker", nullptr, &options, nullptr));
    std::vector<ClientMessage> got = fetch(pull, 4);
    REQUIRE(got.size() == 4);
    WT_NATS_OK(natsMsg_Nak(got[0].get(), nullptr));
    WT_NATS_OK(natsMsg_NakWithDelay(got[1].get(), 300, nullptr));
    WT_NATS_OK(natsMsg_Term(got[2].get(), nullptr));
    WT_NATS_OK(natsMsg_AckSync(got[3].get(), nullptr, nullptr));
    got = fetch(pull, 1);
    REQUIRE(got.size() == 1);
    CHECK(text_of(got[0]) == "1");
    CHECK(meta_of(got[0]).delivered == 2);
    WT_NATS_OK(natsMsg_InProgress(got[0].get(), nullptr));
    std::vector<ClientMessage> delayed = fetch(pull, 1);
    REQUIRE(delayed.size() == 1);
    CHECK(text_of(delayed[0]) == "2");
    CHECK(meta_of(delayed[0]).delivered == 2);
    WT_NATS_OK(natsMsg_AckSync(delayed[0].get(), nullptr, nullptr));
    // Message 1 comes a third time when its ack wait is over, and never again.
    got = fetch(pull, 1, 4000);
    REQUIRE(got.size() == 1);
    CHECK(text_of(got[0]) == "1");
    CHECK(meta_of(got[0]).delivered == 3);
    CHECK(fetch(pull, 1, 2500).empty());
  });
}

TEST_CASE("push: a durable consumer delivers, redelivers, and goes on where it was") {
  with_each_server([](Served& at) {
    at.add_stream("U", {"u.>"});
    for (int i = 1; i <= 20; ++i) at.publish("u." + std::to_string(i % 2), std::to_string(i));
    jsSubOptions options = consumer_options();
    options.Config.Durable = "pusher";
    options.Config.FilterSubject = "u.1";
    options.Config.AckWait = 500 * kMs;
    options.Config.DeliverSubject = "deliver.here";
    Subscription push;
    WT_NATS_OK(js_SubscribeSync(push.out(), at.js(), "u.1", nullptr, &options, nullptr));
    for (int i = 1; i < 20; i += 2) {
      const ClientMessage message = next_of(push);
      CHECK(text_of(message) == std::to_string(i));
      if (i != 7) WT_NATS_OK(natsMsg_AckSync(message.get(), nullptr, nullptr));
    }
    const ClientMessage again = next_of(push);
    CHECK(text_of(again) == "7");
    CHECK(meta_of(again).delivered == 2);
    WT_NATS_OK(natsMsg_AckSync(again.get(), nullptr, nullptr));
    WT_NATS_OK(natsSubscription_Unsubscribe(push.get()));
    // libnats deletes a consumer that it created: the next one starts from the beginning.
    jsErrCode code{};
    ConsumerInfo info;
    CHECK(js_GetConsumerInfo(info.out(), at.js(), "U", "pusher", nullptr, &code) == NATS_NOT_FOUND);
  });
}

TEST_CASE("push: a queue group shares a durable consumer") {
  with_each_server([](Served& at) {
    at.add_stream("Q", {"q"});
    jsSubOptions options = consumer_options();
    options.Queue = "workers";
    Subscription members[2];
    for (Subscription& member : members) WT_NATS_OK(js_SubscribeSync(member.out(), at.js(), "q", nullptr, &options, nullptr));
    constexpr int kMessages = 100;
    for (int i = 0; i < kMessages; ++i) at.publish("q", std::to_string(i));
    std::set<std::string> seen;
    for (const Subscription& member : members) {
      int mine = 0;
      for (ClientMessage m = next_of(member, 500); m.get() != nullptr; m = next_of(member, 100)) {
        CHECK(seen.insert(text_of(m)).second);
        WT_NATS_OK(natsMsg_Ack(m.get(), nullptr));
        ++mine;
      }
      CHECK(mine > 0);
    }
    CHECK(seen.size() == kMessages);
  });
}

TEST_CASE("push: flow control and idle heartbeats are answered by the client as it goes") {
  with_each_server([](Served& at) {
    at.add_stream("F", {"f"});
    const std::string payload(1024, 'x');
    for (int i = 0; i < 6000; ++i) WT_NATS_OK(js_PublishAsync(at.js(), "f", payload.data(), static_cast<int>(payload.size()), nullptr));
    WT_NATS_OK(js_PublishAsyncComplete(at.js(), nullptr));
    jsSubOptions options = consumer_options(js_AckNone);
    options.Config.FlowControl = true;
    options.Config.Heartbeat = 500 * kMs;
    Subscription push;
    WT_NATS_OK(js_SubscribeSync(push.out(), at.js(), "f", nullptr, &options, nullptr));
    for (std::uint64_t i = 1; i <= 6000; ++i) {
      const ClientMessage message = next_of(push);
      REQUIRE(message.get() != nullptr);
      CHECK(meta_of(message).stream_seq == i);
    }
    CHECK(next_of(push, 1500).get() == nullptr);  // heartbeats come and are not shown
    jsConsumerSequenceMismatch mismatch{};
    CHECK(natsSubscription_GetSequenceMismatch(&mismatch, push.get()) == NATS_NOT_FOUND);
  });
}

TEST_CASE("an ordered consumer sees everything in order, also through a restart of the server") {
  with_each_server([](Served& at) {
    at.add_stream("O", {"o"});
    for (int i = 0; i < 2000; ++i) WT_NATS_OK(js_PublishAsync(at.js(), "o", "x", 1, nullptr));
    WT_NATS_OK(js_PublishAsyncComplete(at.js(), nullptr));
    jsSubOptions options;
    jsSubOptions_Init(&options);
    options.Ordered = true;
    options.Config.Heartbeat = 300 * kMs;
    Subscription ordered;
    WT_NATS_OK(js_SubscribeSync(ordered.out(), at.js(), "o", nullptr, &options, nullptr));
    for (std::uint64_t i = 1; i <= 2000; ++i) {
      const ClientMessage message = next_of(ordered);
      REQUIRE(message.get() != nullptr);
      CHECK(meta_of(message).stream_seq == i);
    }
    at.restart(true);
    const Connection other = at.connect();
    JetStreamContext js;
    WT_NATS_OK(natsConnection_JetStream(js.out(), other.get(), nullptr));
    for (int i = 0; i < 100; ++i) WT_NATS_OK(js_Publish(nullptr, js.get(), "o", "y", 1, nullptr, nullptr));
    for (std::uint64_t i = 2001; i <= 2100; ++i) {
      const ClientMessage message = next_of(ordered, 10'000);
      REQUIRE(message.get() != nullptr);
      CHECK(meta_of(message).stream_seq == i);
    }
  });
}

TEST_CASE("a work queue: confirmed means gone, and a subject is free again") {
  with_each_server([](Served& at) {
    at.add_stream("W", {"w.*"}, [](jsStreamConfig& config) {
      config.Retention = js_WorkQueuePolicy;
      config.MaxMsgsPerSubject = 1;
      config.Discard = js_DiscardNew;
      config.DiscardNewPerSubject = true;
      config.MaxMsgs = 1000;
    });
    for (int i = 0; i < 50; ++i) at.publish("w." + std::to_string(i), "0");
    jsSubOptions options = consumer_options();
    Subscription pull;
    WT_NATS_OK(js_PullSubscribe(pull.out(), at.js(), "w.*", "worker", nullptr, &options, nullptr));
    jsErrCode code{};
    jsConsumerConfig second;
    jsConsumerConfig_Init(&second);
    second.Durable = "second";
    second.AckPolicy = js_AckExplicit;
    CHECK(js_AddConsumer(nullptr, at.js(), "W", &second, nullptr, &code) != NATS_OK);
    CHECK(code == JSConsumerWQMultipleUnfilteredErr);
    for (int round = 0; round < 20; ++round) {
      for (ClientMessage& message : fetch(pull, 10)) {
        const std::string subject = natsMsg_GetSubject(message.get());
        WT_NATS_OK(natsMsg_AckSync(message.get(), nullptr, nullptr));
        const natsStatus stored = js_Publish(nullptr, at.js(), subject.c_str(), "again", 5, nullptr, &code);
        REQUIRE_MESSAGE(stored == NATS_OK, "round " << round << ": " << nats_GetLastError(nullptr));
      }
    }
    StreamInfo info;
    WT_NATS_OK(js_GetStreamInfo(info.out(), at.js(), "W", nullptr, nullptr));
    CHECK(info->State.Msgs == 50);
  });
}

TEST_CASE("a durable consumer keeps its place through a restart") {
  with_each_server([](Served& at) {
    at.add_stream("K", {"k"});
    for (int i = 1; i <= 10; ++i) at.publish("k", std::to_string(i));
    jsSubOptions options = consumer_options();
    jsConsumerConfig config;
    jsConsumerConfig_Init(&config);
    config.Durable = "keeper";
    config.AckPolicy = js_AckExplicit;
    config.AckWait = 1000 * kMs;
    WT_NATS_OK(js_AddConsumer(nullptr, at.js(), "K", &config, nullptr, nullptr));
    options.Stream = "K";
    options.Consumer = "keeper";
    {
      Subscription pull;
      WT_NATS_OK(js_PullSubscribe(pull.out(), at.js(), "k", "keeper", nullptr, &options, nullptr));
      const std::vector<ClientMessage> got = fetch(pull, 6);
      REQUIRE(got.size() == 6);
      for (const int i : {0, 1, 3}) WT_NATS_OK(natsMsg_AckSync(got[static_cast<std::size_t>(i)].get(), nullptr, nullptr));
    }
    at.restart(true);
    const Connection other = at.connect();
    JetStreamContext js;
    WT_NATS_OK(natsConnection_JetStream(js.out(), other.get(), nullptr));
    ConsumerInfo info;
    WT_NATS_OK(js_GetConsumerInfo(info.out(), js.get(), "K", "keeper", nullptr, nullptr));
    CHECK(info->AckFloor.Stream == 2);
    CHECK(info->NumAckPending == 3);
    Subscription pull;
    WT_NATS_OK(js_PullSubscribe(pull.out(), js.get(), "k", "keeper", nullptr, &options, nullptr));
    std::multiset<std::string> rest;
    for (int tries = 0; tries < 8 && rest.size() < 7; ++tries) {
      for (const ClientMessage& message : fetch(pull, 10, 1000)) {
        rest.insert(text_of(message));
        WT_NATS_OK(natsMsg_AckSync(message.get(), nullptr, nullptr));
      }
    }
    CHECK(rest == std::multiset<std::string>{"10", "3", "5", "6", "7", "8", "9"});
  });
}

}  // namespace
}  // namespace windtunnel::tests
