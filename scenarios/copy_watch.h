// CopyWatch: looks on as mirrors and sources store what they bring, and notes what must not be at the moment at which it happens: a
// message of a mirror that is not its origin's, that comes again or is passed over; one of a source that comes again or out of its
// order. What is there at the end need not show it any more. It changes nothing in the run.
//
// A finding is a suspicion: what a fault may excuse (a message that an origin wrote and died before it could say so, say) is left to
// the invariants, which know the whole run (scenarios/invariants/copied.cc).
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/jetstream/copy_watcher.h"
#include "scenarios/history.h"
#include "scenarios/scenario.h"
#include "sim/trace.h"

namespace windtunnel::scenarios {

struct CopyFinding {
  enum class Kind : std::uint8_t {
    other,     // a mirror stored under `seq` what its origin never did
    again,     // a mirror stored `seq`, though it was at `last` already
    hole,      // a mirror went on to `last`, and passed over its origin's `seq`
    repeated,  // a source brought its origin's `origin_seq` a second time, after `last`
  };
  Kind kind = Kind::other;
  StreamKey stream;        // the copy
  StreamKey origin;        // of a mirror
  std::string source_key;  // of a source: what its messages' headers name
  core::Seq seq;           // of the copy; of a hole the origin's
  core::Seq origin_seq;
  core::Seq last;
  // Of a source whose stream lost some of what it had: where it has that message already, unless that was lost as well.
  std::optional<core::Seq> first;
  std::uint64_t content = 0;  // hash of headers and payload; of a hole that of the origin's message
  std::uint64_t subject = 0;  // hash
  core::Instant at;
};

// Which sequences of its origins a stream ever stored, and when: by stream and key of the source, as they came.
struct BroughtSeq {
  core::Seq seq;
  core::Instant at;
  core::Seq as;          // the stream's own sequence for it
  bool is_lost = false;  // the stream came back without it
};
using BroughtSeqs = std::map<std::pair<StreamKey, std::string>, std::vector<BroughtSeq>>;

class CopyWatch final : public sim::TraceObserver {
 public:
  CopyWatch(const Scenario& scenario, const History& history);
  ~CopyWatch() override;
  CopyWatch(const CopyWatch&) = delete;
  CopyWatch& operator=(const CopyWatch&) = delete;

  // Which id a node has. All of them, before begin().
  void place(const std::string& node, sim::NodeId id) { ids_[node] = id; }
  void begin();
  // To be given to each incarnation of that node's JetStream.
  [[nodiscard]] core::CopyWatcher& watcher(const std::string& node);

  void on_event(const sim::TraceEvent& event) override;
  // In the order of their moments; of a copy and kind the first few.
  [[nodiscard]] const std::vector<CopyFinding>& findings() const { return findings_; }
  // Of streams from which operators remove messages, or whose node loses its power; what others have can be read at the end.
  [[nodiscard]] const BroughtSeqs& brought() const { return brought_; }

 private:
  class Watcher;
  // What an origin has stored and its mirror has not come to yet.
  struct Awaited {
    core::Seq seq;
    std::uint64_t content = 0;
    std::uint64_t subject = 0;
    std::int64_t time = 0;
    bool is_removed = false;
  };
  struct MirrorTrack {
    StreamKey mirror;
    StreamKey origin;
    const OriginSpec* from = nullptr;
    bool has_transforms = false;
    core::Seq gone;               // the last one that left the origin: too large a message goes before the word that it came
    bool may_begin_late = false;  // its configuration says from where
    bool has_begun = false;
    core::Seq last;               // its own
    std::deque<Awaited> awaited;  // ascending
    // What the origin has, and never said that it stored: written as it was killed.
    std::vector<std::pair<core::Seq, core::Seq>> unheard;
    std::map<CopyFinding::Kind, std::size_t> found;
  };
  struct SourceTrack {
    core::Seq last;  // of its origin, since its stream last lost something
    core::Seq held;  // after a loss, what its stream came back with; what else is lost below, nobody said
  };
  // A stream in its parts.
  struct Roles {
    MirrorTrack* mirror = nullptr;
    std::vector<MirrorTrack*> mirrors_of_it;
    std::map<std::string, SourceTrack, std::less<>> sources;  // by its key
    std::size_t repeats = 0;
    bool may_lose = false;  // what it had: to an operator, or with its node's power
  };
  struct Stored;

  Roles* roles(sim::NodeId node, std::string_view stream);
  void origin_stored(MirrorTrack& track, const Stored& message);
  void mirror_stored(MirrorTrack& track, const Stored& message);
  void pass_over(MirrorTrack& track, core::Seq below, core::Seq now_at);
  void recovered(sim::NodeId node, Roles& roles, std::string_view stream, core::Seq last);
  void step_back(const StreamKey& stream, Roles& roles, core::Seq last);
  void copied(sim::NodeId node, std::string_view stream, std::string_view headers, core::Seq seq);
  [[nodiscard]] bool is_known(const MirrorTrack& track, const Stored& message) const;
  [[nodiscard]] bool may_lose(const StreamSpec& stream) const;
  void find(MirrorTrack& track, CopyFinding finding);

  const Scenario& scenario_;
  const History& history_;
  std::map<std::string, sim::NodeId> ids_;
  std::vector<std::unique_ptr<MirrorTrack>> mirrors_;
  std::map<sim::NodeId, std::map<std::string, Roles, std::less<>>> roles_;
  std::map<std::string, std::unique_ptr<Watcher>> watchers_;
  std::vector<CopyFinding> findings_;
  BroughtSeqs brought_;
  core::Instant now_{};
};

}  // namespace windtunnel::scenarios
