// A key-value bucket as libnats builds it on a stream: revisions, compare and set, history, watchers.
#include "tests/clients/each_server.h"

namespace windtunnel::tests {
namespace {

KeyValue bucket(Served& at, std::uint8_t history) {
  kvConfig config;
  kvConfig_Init(&config);
  config.Bucket = "CONFIG";
  config.History = history;
  KeyValue store;
  WT_NATS_OK(js_CreateKeyValue(store.out(), at.js(), &config));
  return store;
}

std::string value_of(const KeyValue& store, const char* key) {
  KeyEntry entry;
  const natsStatus status = kvStore_Get(entry.out(), store.get(), key);
  return status == NATS_OK ? kvEntry_ValueString(entry.get()) : natsStatus_GetText(status);
}

TEST_CASE("put, get, compare and set, delete") {
  with_each_server([](Served& at) {
    const KeyValue store = bucket(at, 5);
    std::uint64_t revision = 0;
    WT_NATS_OK(kvStore_PutString(&revision, store.get(), "a.b", "1"));
    CHECK(revision == 1);
    CHECK(value_of(store, "a.b") == "1");
    CHECK(kvStore_CreateString(nullptr, store.get(), "a.b", "no") != NATS_OK);
    CHECK(kvStore_UpdateString(nullptr, store.get(), "a.b", "no", 9) != NATS_OK);
    WT_NATS_OK(kvStore_UpdateString(&revision, store.get(), "a.b", "2", 1));
    CHECK(value_of(store, "a.b") == "2");
    KeyEntry old;
    WT_NATS_OK(kvStore_GetRevision(old.out(), store.get(), "a.b", 1));
    CHECK(std::string(kvEntry_ValueString(old.get())) == "1");
    WT_NATS_OK(kvStore_Delete(store.get(), "a.b"));
    CHECK(value_of(store, "a.b") == natsStatus_GetText(NATS_NOT_FOUND));
    WT_NATS_OK(kvStore_CreateString(&revision, store.get(), "a.b", "3"));  // what was deleted can be created again
    CHECK(value_of(store, "a.b") == "3");
    kvEntryList history;
    WT_NATS_OK(kvStore_History(&history, store.get(), "a.b", nullptr));
    CHECK(history.Count == 4);
    kvEntryList_Destroy(&history);
    WT_NATS_OK(kvStore_Purge(store.get(), "a.b", nullptr));
    WT_NATS_OK(kvStore_History(&history, store.get(), "a.b", nullptr));
    CHECK(history.Count == 1);
    kvEntryList_Destroy(&history);
  });
}

TEST_CASE("keys are listed, watchers see the present and then every change") {
  with_each_server([](Served& at) {
    const KeyValue store = bucket(at, 1);
    for (const char* key : {"x", "y", "z"}) WT_NATS_OK(kvStore_PutString(nullptr, store.get(), key, key));
    WT_NATS_OK(kvStore_Delete(store.get(), "y"));
    kvKeysList keys;
    WT_NATS_OK(kvStore_Keys(&keys, store.get(), nullptr));
    CHECK(keys.Count == 2);
    kvKeysList_Destroy(&keys);
    KeyWatcher watcher;
    WT_NATS_OK(kvStore_WatchAll(watcher.out(), store.get(), nullptr));
    const auto next = [&]() -> std::string {
      KeyEntry entry;
      const natsStatus status = kvWatcher_Next(entry.out(), watcher.get(), 5000);
      if (status != NATS_OK) return natsStatus_GetText(status);
      if (entry.get() == nullptr) return "(all there)";
      return std::string(kvEntry_Key(entry.get())) + (kvEntry_Operation(entry.get()) == kvOp_Put ? "=" : "-") +
             (kvEntry_ValueLen(entry.get()) > 0 ? kvEntry_ValueString(entry.get()) : "");
    };
    CHECK(next() == "x=x");
    CHECK(next() == "z=z");
    CHECK(next() == "y-");
    CHECK(next() == "(all there)");
    WT_NATS_OK(kvStore_PutString(nullptr, store.get(), "x", "new"));
    CHECK(next() == "x=new");
    WT_NATS_OK(kvStore_Delete(store.get(), "z"));
    CHECK(next() == "z-");
  });
}

}  // namespace
}  // namespace windtunnel::tests
