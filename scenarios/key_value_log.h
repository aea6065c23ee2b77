// KeyValueLog: what the clients of key-value buckets asked and were told, and publishers that expect a last sequence, and what their
// watches showed them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/base/hash.h"
#include "core/base/types.h"
#include "core/nats/headers.h"
#include "scenarios/model/key_value.h"

namespace windtunnel::scenarios {

struct KeyValueOperation {
  std::string workload;
  std::string key;
  bool is_void = false;  // it certainly had no effect, and showed nothing: it was not sent, or nobody served it
  Timed<KeyValueStep> timed;
};

// What a watch delivered.
struct KeyValueSighting {
  std::string key;
  std::string value;
  std::uint64_t revision = 0;
  core::Instant at;
};
// From a watch's (re)start to the loss of its connection or consumer.
struct KeyValueWatch {
  std::string workload;
  core::Instant since;
  bool is_live = true;  // to the end of the run, it has heard of the server a while ago at most
  std::vector<KeyValueSighting> sightings;
};

class KeyValueLog {
 public:
  struct Bucket {
    std::vector<KeyValueOperation> operations;
    std::vector<KeyValueWatch> watches;
  };
  using Place = std::pair<std::string, std::string>;  // node and stream

  [[nodiscard]] Bucket& bucket(const std::string& node, const std::string& stream) { return buckets_[{node, stream}]; }
  [[nodiscard]] const std::map<Place, Bucket>& buckets() const { return buckets_; }

 private:
  std::map<Place, Bucket> buckets_;
};

// The header block of the message that deletes a key, as clients send it: "DEL" or "PURGE".
[[nodiscard]] inline std::string key_value_marker(std::string_view what) {
  std::string headers;
  core::append_header(headers, "KV-Operation", what);
  if (what == "PURGE") core::append_header(headers, "Nats-Rollup", "sub");
  return headers;
}

}  // namespace windtunnel::scenarios
