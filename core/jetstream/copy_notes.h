// CopyNotes: what a stream that copies others remembers besides the messages themselves, in the file copies.json of its
// directory: how far each copy has come, and of which incarnation of its origin.
//
// nats-server keeps no such file and passes over it. Where it is missing or damaged the stored messages have to do.
#pragma once

#include <functional>
#include <string>
#include <tuple>
#include <vector>

#include "core/base/result.h"
#include "core/base/types.h"
#include "core/env/sync.h"

namespace windtunnel::core {

struct Env;

struct CopyNote {
  std::string key;          // of the source; "mirror"
  Seq seq;                  // of the origin: everything up to here is here, or was
  Seq at;                   // our sequence of that message, or of the last one before it; 0: none
  WallTime time;            // the origin's time of that message; unix_ns 0: not known
  std::string created;      // the origin's, as STREAM.INFO tells it; empty: not known
  Seq through;              // of the origin: what is behind `seq`, up to here, is here too, or was; 0: nothing is
  Seq own_last;             // our last sequence when `through` was noted; 0: not known
  bool has_parted = false;  // the origin is not what was copied any more
  // Whether there is something new to write. That we have stored more since, from elsewhere, is nothing new.
  friend bool operator==(const CopyNote& a, const CopyNote& b) {
    const auto told = [](const CopyNote& note) {
      return std::tie(note.key, note.seq, note.at, note.time, note.created, note.through, note.has_parted);
    };
    return told(a) == told(b);
  }
};

class CopyNotes {
 public:
  // `directory`: the stream's; empty: nothing is kept. `current` gives what is to be written; it must not suspend. With
  // `syncs` the file is durable when write() returns.
  CopyNotes(Env& env, std::string directory, bool syncs, std::function<std::vector<CopyNote>()> current);

  // What the file says; nothing if it is not there, or damaged. Before it has returned without an error nothing is written. Suspends.
  // Errors: what the disk says; another time it may be read.
  [[nodiscard]] Result<std::vector<CopyNote>> load();
  // Something changed that has to be written `within` this time. Does not suspend.
  void changed(Duration within);
  // Writes now, unless nothing changed; if it cannot it says so, and tries again. Suspends.
  void write();
  // Whether there is such a file, once load() has returned. Its first writing is durable, so a stream of ours has one.
  [[nodiscard]] bool is_there() const { return is_there_; }
  // What the file says.
  [[nodiscard]] const std::vector<CopyNote>& written() const { return written_; }
  // Orderly end. Suspends. `writes`: what is to be written is.
  void stop(bool writes);

 private:
  void write_loop();
  Status try_write();

  Env& env_;
  std::string directory_;
  bool syncs_;
  std::function<std::vector<CopyNote>()> current_;
  std::vector<CopyNote> written_;
  Instant due_ = kForever;
  bool is_loaded_ = false;
  bool is_there_ = false;
  bool is_writing_ = false;  // its task has been spawned
  bool is_closed_ = false;
  WaitList waiting_;
  Mutex mutex_;
  TaskScope scope_;
};

}  // namespace windtunnel::core
