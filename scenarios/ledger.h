// Ledger: every message that a workload published, and what its client was told. The one side of most invariants; what
// the streams hold is the other.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/types.h"
#include "scenarios/scenario.h"

namespace windtunnel::scenarios {

enum class Outcome : std::uint8_t {
  pending,        // no answer yet
  sent,           // plain publish: handed to the connection, and nobody will ever say more
  acked,          // a PubAck
  error,          // a PubAck with an error, or the client refused to send
  no_responders,  // 503
  timed_out,
};

struct PublishRecord {
  core::Instant published_at;  // the first attempt
  core::Instant settled_at;    // when the outcome was known
  core::Seq seq;               // of the PubAck
  std::uint64_t content = 0;   // hash of headers and payload, as stream.stored reports it
  std::uint32_t attempts = 0;
  std::uint16_t stream = 0;  // of the PubAck; Ledger::stream_name
  Outcome outcome = Outcome::pending;
  bool is_duplicate = false;
};

// A message's identity: which workload published it, and the how-manieth it was, from 0.
struct PublishId {
  std::uint16_t workload = 0;
  std::uint64_t index = 0;
  friend auto operator<=>(const PublishId&, const PublishId&) = default;
};

class Ledger {
 public:
  struct Book {  // of one workload
    std::string name;
    Via via = Via::core;
    std::vector<PublishRecord> records;
    [[nodiscard]] std::uint64_t count(Outcome outcome) const;
  };

  // Workloads are numbered in the order of their registration.
  std::uint16_t open(std::string name, Via via);
  [[nodiscard]] const std::vector<Book>& books() const { return books_; }
  [[nodiscard]] const Book* book(std::string_view name) const;
  [[nodiscard]] PublishRecord& at(PublishId id) { return books_[id.workload].records[id.index]; }
  [[nodiscard]] const PublishRecord& at(PublishId id) const { return books_[id.workload].records[id.index]; }
  // Whether `content` (a hash, as in a record) is what that message of ours carried.
  [[nodiscard]] bool is_genuine(PublishId id, std::uint64_t content) const {
    return id.workload < books_.size() && id.index < books_[id.workload].records.size() && at(id).content == content;
  }
  // The next message of a workload.
  PublishId add(std::uint16_t workload, core::Instant now);

  // What PubAcks named, numbered: "ORDERS" or "ORDERS@hub" with a domain.
  std::uint16_t stream_number(const std::string& stream, const std::string& domain);
  [[nodiscard]] const std::string& stream_of(std::uint16_t number) const { return streams_[number].first; }
  [[nodiscard]] const std::string& domain_of(std::uint16_t number) const { return streams_[number].second; }

  // The payload that identifies a message: "careful#17;" and filler up to `size`. Never shorter than its identity.
  [[nodiscard]] std::string payload(PublishId id, core::Bytes size) const;
  // Whose payload this is; nullopt if it is none of ours.
  [[nodiscard]] std::optional<PublishId> identify(std::string_view payload) const;

 private:
  std::vector<Book> books_;
  std::vector<std::pair<std::string, std::string>> streams_;
};

}  // namespace windtunnel::scenarios
