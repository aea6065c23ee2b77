// StreamStore: the contents of one stream, whatever they are kept in (files, memory).
//
// One task at a time works on a store: each call that may suspend takes the store's own mutex. Calls marked "does not
// suspend" answer from memory and never wait for it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/base/types.h"

namespace windtunnel::core {

struct StoredMessage {
  Seq seq;
  WallTime time;
  std::string subject;
  std::string headers;  // the whole block, or empty
  std::string payload;
};

// What is to be stored; views live until the call returns.
struct NewMessage {
  std::string_view subject;
  std::string_view headers;
  std::string_view payload;
};

struct StreamState {
  std::uint64_t messages = 0;
  Bytes bytes;
  Seq first_seq;
  Seq last_seq;
  WallTime first_time;  // unix_ns 0: none
  WallTime last_time;
  std::uint64_t num_deleted = 0;  // interior deletes
  std::uint64_t num_subjects = 0;
  std::vector<Seq> lost;  // sequences found missing or damaged at recovery, not yet forgotten
  Bytes lost_bytes;
};

enum class Discard : std::uint8_t { old_messages, new_messages };

// The limits that a store enforces itself. 0 or less: unlimited.
struct StoreLimits {
  std::int64_t max_msgs = -1;
  std::int64_t max_bytes = -1;
  std::int64_t max_msgs_per_subject = -1;
  Duration max_age{0};
  Discard discard = Discard::old_messages;
  bool discard_new_per_subject = false;
};

struct PurgeRequest {
  std::string filter;      // empty: every subject; wildcards allowed
  Seq below;               // not 0: only messages with a lower sequence
  std::uint64_t keep = 0;  // not 0: all but the newest `keep`
};

class StreamStore {
 public:
  virtual ~StreamStore() = default;

  // Stores a message under the next sequence, then removes what the limits no longer allow. When it returns, the
  // record is in the page cache; with sync: always it is durable. Suspends.
  // Errors: limit_reached (discard new; the detail is nats-server's text, "maximum messages exceeded"), io_error,
  // no_space. After an error the store is unchanged and the sequence is free.
  virtual Result<Seq> append(const NewMessage& message, WallTime time) = 0;
  // As append, but under exactly `seq`, which must be the last sequence + 1 (error sequence_mismatch), for copies.
  virtual Result<Seq> append_at(Seq seq, const NewMessage& message, WallTime time) = 0;
  // Uses up the sequences from the last + 1 to `through` without messages. Suspends.
  virtual Status skip_through(Seq through, WallTime time) = 0;

  // Errors: not_found (deleted, or out of range), corrupt, io_error. Suspends.
  virtual Result<StoredMessage> load(Seq seq) = 0;
  // The first message at or after `from` whose subject matches one of `filters` (none: every subject); nullopt if
  // there is none. Suspends.
  virtual Result<std::optional<StoredMessage>> load_next(const std::vector<std::string>& filters, Seq from) = 0;
  // The last message whose subject matches (wildcards allowed). Suspends.
  virtual Result<std::optional<StoredMessage>> load_last(std::string_view filter) = 0;

  // False if there was no such message. `erase` overwrites the bytes. Suspends.
  virtual Result<bool> remove(Seq seq, bool erase) = 0;
  // How many messages went. Suspends.
  virtual Result<std::uint64_t> purge(const PurgeRequest& request) = 0;
  // Removes everything below `seq`, which may lie above the last sequence: then the stream is empty and its last
  // sequence is seq - 1. Suspends.
  virtual Result<std::uint64_t> compact(Seq seq) = 0;

  // Removes everything above `seq`, which must be there (error not_found), and makes it the last sequence. Nothing if it is
  // the last one or higher. A crash may leave some of what was to go, each message whole or gone. Suspends.
  virtual Status truncate(Seq seq) = 0;

  // Where the store was opened early (StoreSettings::opens_early) the blocks may not have been read yet: then only state()
  // and last_seq() are answered, as index.db tells them, until this has returned without error or any call above has. Suspends.
  virtual Status ready() = 0;

  // Whether messages that are too old may still be there (StreamStoreOptions::holds_expired), and the end of that. let_expire()
  // suspends.
  [[nodiscard]] virtual bool holds_expired() const = 0;
  virtual Status let_expire() = 0;

  // None of these suspends.
  [[nodiscard]] virtual StreamState state() const = 0;
  [[nodiscard]] virtual Seq last_seq() const = 0;              // as in state(), which costs more
  [[nodiscard]] virtual std::vector<Seq> deleted() const = 0;  // interior deleted sequences, ascending
  // Live messages a subject, for subjects that match the filter.
  [[nodiscard]] virtual std::map<std::string, std::uint64_t> subject_counts(std::string_view filter) const = 0;
  // Live messages at or after `from` that match one of the filters (none: all).
  [[nodiscard]] virtual std::uint64_t count_matching(const std::vector<std::string>& filters, Seq from) const = 0;
  // The first of them; 0 if none.
  [[nodiscard]] virtual Seq next_matching(const std::vector<std::string>& filters, Seq from) const = 0;
  // The sequence of the last message of exactly this subject; 0 if none.
  [[nodiscard]] virtual Seq last_seq_of(std::string_view subject) const = 0;
  // The first sequence stored at or after `time`; last + 1 if none.
  [[nodiscard]] virtual Seq seq_at_time(WallTime time) const = 0;
  [[nodiscard]] virtual const StoreLimits& limits() const = 0;

  // New limits; trims at once. Suspends. Store the stream's new configuration after this has returned: what an old limit
  // removed is safe from coming back under a new, wider one only then.
  virtual Status set_limits(const StoreLimits& limits) = 0;

  // Called after each removal of a message, for whatever reason. Must not suspend.
  using Removed = std::function<void(Seq seq, std::string_view subject)>;
  virtual void on_removed(Removed removed) = 0;

  // Makes everything written durable. Suspends.
  virtual Status sync() = 0;
  // Orderly end: writes what is pending, and the index snapshot. Nothing else may be called afterwards. Suspends.
  virtual Status stop() = 0;
  // stop(), and removes the files. Suspends.
  virtual Status destroy() = 0;
};

}  // namespace windtunnel::core
