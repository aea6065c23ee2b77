// How a node keeps its streams on disk: the server's settings, and what a stream's configuration says of them.
#pragma once

#include <chrono>
#include <string>

#include "core/base/types.h"
#include "core/store/stream_store.h"

namespace windtunnel::core {

// Settings of a node. The defaults are nats-server's.
struct StoreSettings {
  Duration sync_interval = std::chrono::minutes{2};
  bool sync_always = false;                           // fsync before each acknowledgement
  Duration index_interval = std::chrono::minutes{2};  // how often index.db is written when dirty, plus up to 30 s
  Bytes compact_min{2097152};                         // blocks smaller than this are not compacted on removal
  // A store whose index.db is its exact last word answers state() before its blocks are read (file_store_early.cc).
  bool opens_early = false;
  Bytes block_size{0};  // 0: by the stream's configuration (reference: filestore 2.12)
};

enum class StorageType : std::uint8_t { file, memory };
enum class Compression : std::uint8_t { none, s2 };

// What a store needs to know of its stream.
struct StreamStoreOptions {
  std::string name;
  std::string directory;  // of this stream, below the node's root: "jetstream/$G/streams/ORDERS"
  StoreLimits limits;
  Bytes block_size;  // from the configuration; StoreSettings::block_size overrides it
  Compression compression = Compression::none;
  Seq first_seq;  // configured first sequence; 0: none
  // What has become too old while the server was down stays until let_expire(), for what it tells its reader. Of a store in files
  // that ended in order it goes at once.
  bool holds_expired = false;
};

}  // namespace windtunnel::core
