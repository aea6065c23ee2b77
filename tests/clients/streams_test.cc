// Streams as libnats drives them: administration, publishing in every way, reading back.
#include <atomic>
#include <set>

#include "tests/clients/each_server.h"

namespace windtunnel::tests {
namespace {

TEST_CASE("a stream is created, looked at, changed, purged, deleted") {
  with_each_server([](Served& at) {
    at.add_stream("ORDERS", {"orders.>"});
    for (int i = 1; i <= 10; ++i) CHECK(at.publish("orders." + std::to_string(i % 2), std::to_string(i)) == static_cast<std::uint64_t>(i));
    jsErrCode code{};
    StreamInfo info;
    jsOptions options;
    jsOptions_Init(&options);
    options.Stream.Info.SubjectsFilter = ">";
    options.Stream.Info.DeletedDetails = true;
    WT_NATS_OK(js_DeleteMsg(at.js(), "ORDERS", 4, nullptr, nullptr));
    WT_NATS_OK(js_EraseMsg(at.js(), "ORDERS", 5, nullptr, nullptr));
    WT_NATS_OK(js_GetStreamInfo(info.out(), at.js(), "ORDERS", &options, nullptr));
    CHECK(info->State.Msgs == 8);
    CHECK(info->State.FirstSeq == 1);
    CHECK(info->State.LastSeq == 10);
    CHECK(info->State.NumSubjects == 2);
    REQUIRE(info->State.DeletedLen == 2);
    CHECK(info->State.Deleted[0] == 4);
    CHECK(info->State.Deleted[1] == 5);
    REQUIRE(info->State.Subjects != nullptr);
    CHECK(info->State.Subjects->Count == 2);

    ClientMessage message;
    WT_NATS_OK(js_GetMsg(message.out(), at.js(), "ORDERS", 3, nullptr, nullptr));
    CHECK(text_of(message) == "3");
    CHECK(js_GetMsg(message.out(), at.js(), "ORDERS", 4, nullptr, &code) == NATS_NOT_FOUND);
    CHECK(code == JSNoMessageFoundErr);
    WT_NATS_OK(js_GetLastMsg(message.out(), at.js(), "ORDERS", "orders.1", nullptr, nullptr));
    CHECK(text_of(message) == "9");

    jsStreamConfig config;
    jsStreamConfig_Init(&config);
    const char* subjects[] = {"orders.>", "more.>"};
    config.Name = "ORDERS";
    config.Subjects = subjects;
    config.SubjectsLen = 2;
    config.MaxMsgs = 5;
    WT_NATS_OK(js_UpdateStream(info.out(), at.js(), &config, nullptr, nullptr));
    CHECK(info->State.Msgs == 5);
    CHECK(at.publish("more.x", "11") == 11);
    config.Storage = js_MemoryStorage;
    CHECK(js_UpdateStream(nullptr, at.js(), &config, nullptr, &code) != NATS_OK);
    CHECK(code == JSStreamInvalidConfig);

    options.Stream.Purge.Subject = "orders.1";
    WT_NATS_OK(js_PurgeStream(at.js(), "ORDERS", &options, nullptr));
    WT_NATS_OK(js_GetStreamInfo(info.out(), at.js(), "ORDERS", nullptr, nullptr));
    CHECK(info->State.Msgs == 3);
    options.Stream.Purge.Subject = nullptr;
    options.Stream.Purge.Keep = 1;
    WT_NATS_OK(js_PurgeStream(at.js(), "ORDERS", &options, nullptr));
    WT_NATS_OK(js_GetStreamInfo(info.out(), at.js(), "ORDERS", nullptr, nullptr));
    CHECK(info->State.Msgs == 1);
    CHECK(info->State.FirstSeq == 11);

    WT_NATS_OK(js_DeleteStream(at.js(), "ORDERS", nullptr, nullptr));
    CHECK(js_GetStreamInfo(info.out(), at.js(), "ORDERS", nullptr, &code) == NATS_NOT_FOUND);
    CHECK(code == JSStreamNotFoundErr);
  });
}

TEST_CASE("streams are listed, page by page") {
  with_each_server([](Served& at) {
    for (int i = 0; i < 300; ++i)
      at.add_stream("S" + std::to_string(i), {"s" + std::to_string(i)}, [](jsStreamConfig& config) { config.Storage = js_MemoryStorage; });
    jsStreamNamesList* names = nullptr;
    WT_NATS_OK(js_StreamNames(&names, at.js(), nullptr, nullptr));
    CHECK(names->Count == 300);
    jsStreamNamesList_Destroy(names);
    jsStreamInfoList* infos = nullptr;
    WT_NATS_OK(js_Streams(&infos, at.js(), nullptr, nullptr));
    CHECK(infos->Count == 300);
    jsStreamInfoList_Destroy(infos);
    jsAccountInfo* account = nullptr;
    WT_NATS_OK(js_GetAccountInfo(&account, at.js(), nullptr, nullptr));
    CHECK(account->Streams == 300);
    CHECK(account->API.Total > 300);
    jsAccountInfo_Destroy(account);
  });
}

TEST_CASE("what a publish expects is checked") {
  with_each_server([](Served& at) {
    at.add_stream("E", {"e.>"});
    jsPubOptions options;
    const auto attempt = [&](jsErrCode& code, PubAck& ack, const char* subject) {
      code = {};
      return js_Publish(ack.out(), at.js(), subject, "x", 1, &options, &code);
    };
    jsErrCode code{};
    PubAck ack;
    jsPubOptions_Init(&options);
    options.MsgId = "first";
    WT_NATS_OK(attempt(code, ack, "e.1"));
    CHECK(ack->Sequence == 1);
    CHECK_FALSE(ack->Duplicate);
    WT_NATS_OK(attempt(code, ack, "e.1"));
    CHECK(ack->Sequence == 1);
    CHECK(ack->Duplicate);
    jsPubOptions_Init(&options);
    options.ExpectLastSeq = 7;
    CHECK(attempt(code, ack, "e.1") != NATS_OK);
    CHECK(code == JSStreamWrongLastSequenceErr);
    options.ExpectLastSeq = 1;
    WT_NATS_OK(attempt(code, ack, "e.2"));
    jsPubOptions_Init(&options);
    options.ExpectLastSubjectSeq = 2;
    CHECK(attempt(code, ack, "e.1") != NATS_OK);
    CHECK(code == JSStreamWrongLastSequenceErr);
    WT_NATS_OK(attempt(code, ack, "e.2"));
    jsPubOptions_Init(&options);
    options.ExpectNoMessage = true;
    CHECK(attempt(code, ack, "e.2") != NATS_OK);
    WT_NATS_OK(attempt(code, ack, "e.new"));
    jsPubOptions_Init(&options);
    options.ExpectStream = "OTHER";
    CHECK(attempt(code, ack, "e.1") != NATS_OK);
    CHECK(code == JSStreamNotMatchErr);
    jsPubOptions_Init(&options);
    options.ExpectLastMsgId = "else";
    CHECK(attempt(code, ack, "e.1") != NATS_OK);
    CHECK(code == JSStreamWrongLastMsgIDErr);
    CHECK(js_Publish(ack.out(), at.js(), "nowhere", "x", 1, nullptr, nullptr) == NATS_NO_RESPONDERS);
  });
}

TEST_CASE("limits: the oldest goes, or the newest is refused") {
  with_each_server([](Served& at) {
    at.add_stream("OLD", {"old"}, [](jsStreamConfig& config) { config.MaxMsgs = 3; });
    for (int i = 1; i <= 5; ++i) at.publish("old", std::to_string(i));
    StreamInfo info;
    WT_NATS_OK(js_GetStreamInfo(info.out(), at.js(), "OLD", nullptr, nullptr));
    CHECK(info->State.FirstSeq == 3);
    at.add_stream("NEW", {"new.*"}, [](jsStreamConfig& config) {
      config.MaxMsgsPerSubject = 1;
      config.DiscardNewPerSubject = true;
      config.Discard = js_DiscardNew;
      config.MaxMsgs = 2;
    });
    at.publish("new.1", "x");
    jsErrCode code{};
    CHECK(js_Publish(nullptr, at.js(), "new.1", "x", 1, nullptr, &code) != NATS_OK);
    CHECK(code == JSStreamStoreFailedErr);
    at.publish("new.2", "x");
    CHECK(js_Publish(nullptr, at.js(), "new.3", "x", 1, nullptr, &code) != NATS_OK);
    CHECK(code == JSStreamStoreFailedErr);
  });
}

TEST_CASE("asynchronous publishes are all stored, in order, and survive a restart of either kind") {
  with_each_server([](Served& at) {
    constexpr int kMessages = 5000;
    at.add_stream("ASYNC", {"async"});
    for (int i = 0; i < kMessages; ++i) {
      const std::string text = std::to_string(i);
      WT_NATS_OK(js_PublishAsync(at.js(), "async", text.data(), static_cast<int>(text.size()), nullptr));
    }
    jsPubOptions options;
    jsPubOptions_Init(&options);
    options.MaxWait = 20'000;
    WT_NATS_OK(js_PublishAsyncComplete(at.js(), &options));
    for (const bool is_graceful : {true, false}) {
      at.restart(is_graceful);
      const Connection again = at.connect();
      JetStreamContext js;
      WT_NATS_OK(natsConnection_JetStream(js.out(), again.get(), nullptr));
      StreamInfo info;
      WT_NATS_OK(js_GetStreamInfo(info.out(), js.get(), "ASYNC", nullptr, nullptr));
      CHECK(info->State.Msgs == kMessages);
      for (const int i : {0, 1, 999, kMessages - 1}) {
        ClientMessage message;
        WT_NATS_OK(js_GetMsg(message.out(), js.get(), "ASYNC", static_cast<std::uint64_t>(i) + 1, nullptr, nullptr));
        CHECK(text_of(message) == std::to_string(i));
      }
    }
  });
}

TEST_CASE("errors of asynchronous publishes reach their handler") {
  with_each_server([](Served& at) {
    at.add_stream("FULL", {"full"}, [](jsStreamConfig& config) {
      config.MaxMsgs = 10;
      config.Discard = js_DiscardNew;
    });
    static std::atomic<int> refused;
    refused = 0;
    jsOptions options;
    jsOptions_Init(&options);
    options.PublishAsync.ErrHandler = [](jsCtx*, jsPubAckErr* error, void*) {
      if (error->ErrCode == JSStreamStoreFailedErr) ++refused;
    };
    JetStreamContext js;
    WT_NATS_OK(natsConnection_JetStream(js.out(), at.client(), &options));
    for (int i = 0; i < 25; ++i) WT_NATS_OK(js_PublishAsync(js.get(), "full", "x", 1, nullptr));
    jsPubOptions wait;
    jsPubOptions_Init(&wait);
    wait.MaxWait = 10'000;
    WT_NATS_OK(js_PublishAsyncComplete(js.get(), &wait));
    CHECK(refused == 15);
  });
}

TEST_CASE("direct get, by sequence and by subject") {
  with_each_server([](Served& at) {
    at.add_stream("D", {"d.*"}, [](jsStreamConfig& config) { config.AllowDirect = true; });
    for (int i = 1; i <= 6; ++i) at.publish("d." + std::to_string(i % 2), std::to_string(i));
    jsDirectGetMsgOptions options;
    ClientMessage message;
    const auto get = [&] { return js_DirectGetMsg(message.out(), at.js(), "D", nullptr, &options); };
    jsDirectGetMsgOptions_Init(&options);
    options.Sequence = 2;
    WT_NATS_OK(get());
    CHECK(text_of(message) == "2");
    CHECK(std::string(natsMsg_GetSubject(message.get())) == "d.0");
    CHECK(natsMsg_GetSequence(message.get()) == 2);
    CHECK(natsMsg_GetTime(message.get()) != 0);
    jsDirectGetMsgOptions_Init(&options);
    options.LastBySubject = "d.1";
    WT_NATS_OK(get());
    CHECK(text_of(message) == "5");
    jsDirectGetMsgOptions_Init(&options);
    options.Sequence = 3;
    options.NextBySubject = "d.0";
    WT_NATS_OK(get());
    CHECK(text_of(message) == "4");
    jsDirectGetMsgOptions_Init(&options);
    options.Sequence = 77;
    CHECK(get() == NATS_NOT_FOUND);
  });
}

TEST_CASE("a rollup leaves the newest of its subject, or of the stream") {
  with_each_server([](Served& at) {
    at.add_stream("R", {"r.*"}, [](jsStreamConfig& config) { config.AllowRollup = true; });
    for (int i = 0; i < 10; ++i) at.publish("r." + std::to_string(i % 2), "x");
    const auto roll = [&](const char* how) {
      ClientMessage message;
      WT_NATS_OK(natsMsg_Create(message.out(), "r.1", nullptr, "rolled", 6));
      WT_NATS_OK(natsMsgHeader_Set(message.get(), "Nats-Rollup", how));
      WT_NATS_OK(js_PublishMsg(nullptr, at.js(), message.get(), nullptr, nullptr));
      StreamInfo info;
      WT_NATS_OK(js_GetStreamInfo(info.out(), at.js(), "R", nullptr, nullptr));
      return info->State.Msgs;
    };
    CHECK(roll("sub") == 6);
    CHECK(roll("all") == 1);
  });
}

}  // namespace
}  // namespace windtunnel::tests
