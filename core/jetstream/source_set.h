// SourceSet: the sources of a stream (reference: streams E).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/env/sync.h"
#include "core/jetstream/copy_notes.h"
#include "core/jetstream/source.h"
#include "core/jetstream/source_header.h"

namespace windtunnel::core {

class JsonWriter;
class Stream;

class SourceSet {
 public:
  // `is_added`: by an update, to a stream that had none.
  SourceSet(Stream& stream, const std::vector<StreamSource>& origins, bool is_added);
  SourceSet(const SourceSet&) = delete;
  SourceSet& operator=(const SourceSet&) = delete;

  void start();
  // Those that are not among `origins` any more end, and new ones begin; the others go on. Suspends.
  void update(const std::vector<StreamSource>& origins);
  // Suspends. `is_final`: the stream goes.
  void stop(bool is_final);

  // To be called before messages of ours go: a position that only they tell is written down first. Suspend if there is one.
  void before_removal(Seq seq);
  void before_purge();
  // The same before a message is stored, for those that its arrival drives out; `bringing` is whose it is, or nullptr.
  void before_append(const Source* bringing, const NewMessage& message);

  // [{...},...]
  void write_info(JsonWriter& json) const;
  [[nodiscard]] const std::vector<std::unique_ptr<Source>>& all() const { return sources_; }

 private:
  friend class Source;
  // Finds out how far each source has come, by the notes and what the stream has, unless that is known. Suspends.
  // Errors: of the disk; another time it may do.
  Status recover();
  // The same once more, after an error; false if the stream has no message of it. Suspends.
  bool find_again(Source& source);
  // A position has changed that no stored message tells. Does not suspend.
  void changed();
  // One has changed as a stored message tells, which may go. Does not suspend.
  void advanced();

  // What was copied of this source behind our sequence: what one origin had, in its order. Suspends. Errors: as recover().
  [[nodiscard]] Result<std::vector<CopiedSeq>> copies_of(const Source& source, Seq behind);

  [[nodiscard]] Result<std::optional<SourcedFrom>> sourced_from(Seq seq);
  [[nodiscard]] std::uint64_t room_for(const NewMessage& message, const StreamState& state) const;
  [[nodiscard]] bool may_lose_messages() const;
  [[nodiscard]] bool is_noted(const Source& source) const;
  [[nodiscard]] std::vector<CopyNote> current() const;
  Status scan(std::vector<Source*> wanted);
  Status load();
  [[nodiscard]] bool is_from_elsewhere() const;
  void retire(CopyNote note);
  [[nodiscard]] const CopyNote* loaded_note(std::string_view key) const;

  Stream& stream_;
  std::vector<std::unique_ptr<Source>> sources_;  // in the order of the configuration
  Mutex scanning_;
  CopyNotes notes_;
  std::set<std::string, std::less<>> recovered_;  // the keys of those whose position is known
  bool are_recovered_ = false;                    // all of them
  std::vector<CopyNote> loaded_;                  // of the last run
  std::vector<CopyNote> retired_;                 // of those that are no sources any more, and may become some again
  bool is_loaded_ = false;
  bool is_added_;
};

}  // namespace windtunnel::core
