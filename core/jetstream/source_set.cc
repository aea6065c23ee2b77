#include "core/jetstream/source_set.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <utility>

#include "core/base/defects.h"
#include "core/base/json_writer.h"
#include "core/env/env.h"
#include "core/env/log.h"
#include "core/jetstream/source_header.h"
#include "core/jetstream/stream.h"
#include "core/nats/headers.h"

namespace windtunnel::core {
namespace {

using namespace std::chrono_literals;

// How long a position that no message tells may wait to be written.
constexpr Duration kNoteWithin = 1s;
// The same where messages tell it: to bound what the next start has to read.
constexpr Duration kNoteLazilyWithin = 1min;
// What a message takes besides what it brings, by any store: at least, and at most.
constexpr std::uint64_t kOverheadMin = 16;
constexpr std::uint64_t kOverheadMax = 34;
// So many that are no sources any more are remembered.
constexpr std::size_t kRetiredMax = 64;

CopyNote note_of(const Source& source, Seq own_last) {
  const SourcePosition& known = source.known();
  const Seq through = source.copied_through();
  return CopyNote{source.key(), known.seq, known.at, known.time, source.position().created, through, own_last, false};
}

}  // namespace

SourceSet::SourceSet(Stream& stream, const std::vector<StreamSource>& origins, bool is_added)
    : stream_(stream),
      scanning_(stream.env_.tasks),
      notes_(stream.env_, stream.config().storage == StorageType::file ? stream.directory() : std::string{},
             stream.context_.settings.sync_always, [this] { return current(); }),
      is_added_(is_added) {
  for (const StreamSource& origin : origins) sources_.push_back(std::make_unique<Source>(stream_, *this, origin));
}

void SourceSet::start() {
  for (const std::unique_ptr<Source>& source : sources_) source->start();
}

void SourceSet::update(const std::vector<StreamSource>& origins) {
  // All are in their places until those that go have ended: what is noted meanwhile tells of these too.
  for (const std::unique_ptr<Source>& each : sources_) {
    if (std::find(origins.begin(), origins.end(), each->origin()) == origins.end()) each->stop(/*is_final=*/true);
  }
  std::vector<std::unique_ptr<Source>> old = std::exchange(sources_, {});
  std::vector<Source*> added;
  for (const StreamSource& origin : origins) {
    const auto same = std::find_if(old.begin(), old.end(), [&](const auto& each) { return each && each->origin() == origin; });
    if (same != old.end()) {
      sources_.push_back(std::move(*same));
    } else {
      added.push_back(sources_.emplace_back(std::make_unique<Source>(stream_, *this, origin)).get());
    }
  }
  for (const std::unique_ptr<Source>& gone : old) {
    if (!gone) continue;
    // One that comes in place of another of the same key reads on where that one has ended.
    const auto heir = std::find_if(added.begin(), added.end(), [&](const Source* each) { return each->key() == gone->key(); });
    if (heir != added.end()) {
      (*heir)->take_over(*gone);
    } else if (recovered_.erase(gone->key()) > 0) {
      retire(note_of(*gone, stream_.store().last_seq()));
    } else if (const CopyNote* note = loaded_note(gone->key())) {
      retire(CopyNote{*note});
    }
  }
  are_recovered_ = false;
  for (Source* source : added) source->start();
  changed();
}

void SourceSet::stop(bool is_final) {
  for (const std::unique_ptr<Source>& source : sources_) source->stop(is_final);
  notes_.stop(/*writes=*/!is_final);
}

std::vector<CopyNote> SourceSet::current() const {
  std::vector<CopyNote> notes;
  for (const std::unique_ptr<Source>& source : sources_) {
    if (recovered_.contains(source->key())) {
      notes.push_back(note_of(*source, stream_.store().last_seq()));
    } else {
      // Not looked at yet: what was noted still holds.
      if (const CopyNote* loaded = loaded_note(source->key())) notes.push_back(*loaded);
    }
  }
  const auto is_source = [this](const CopyNote& note) {
    return std::any_of(sources_.begin(), sources_.end(), [&](const auto& source) { return source->key() == note.key; });
  };
  std::copy_if(retired_.begin(), retired_.end(), std::back_inserter(notes), std::not_fn(is_source));
  return notes;
}

// One that comes back goes on where it was: what it brought before may have been taken away since, and is not to come again.
void SourceSet::retire(CopyNote note) {
  std::erase_if(retired_, [&](const CopyNote& each) { return each.key == note.key; });
  if (retired_.size() >= kRetiredMax) retired_.erase(retired_.begin());
  retired_.push_back(std::move(note));
}

const CopyNote* SourceSet::loaded_note(std::string_view key) const {
  for (const std::vector<CopyNote>* notes : {&retired_, &loaded_}) {
    const auto found = std::find_if(notes->begin(), notes->end(), [&](const CopyNote& note) { return note.key == key; });
    if (found != notes->end()) return &*found;
  }
  return nullptr;
}

bool SourceSet::may_lose_messages() const {
  const StreamConfig& config = stream_.config();
  return config.retention != Retention::limits || config.max_age > 0s || config.max_msgs > 0 || config.max_bytes > 0 ||
         config.max_msgs_per_subject > 0;
}

void SourceSet::changed() { notes_.changed(kNoteWithin); }

void SourceSet::advanced() {
  if (!may_lose_messages()) return notes_.changed(kNoteLazilyWithin);
  const Duration age = stream_.config().max_age;
  notes_.changed(age > 0s ? std::min<Duration>(kNoteWithin, age / 4) : kNoteWithin);
}

bool SourceSet::is_noted(const Source& source) const {
  const std::vector<CopyNote>& written = notes_.written();
  return std::find(written.begin(), written.end(), note_of(source, Seq{})) != written.end();
}

void SourceSet::before_removal(Seq seq) {
  static_cast<void>(recover());
  const bool is_told =
      std::any_of(sources_.begin(), sources_.end(), [&](const auto& source) { return source->position().at == seq && !is_noted(*source); });
  if (is_told) notes_.write();
}

void SourceSet::before_purge() {
  static_cast<void>(recover());
  notes_.write();
}

void SourceSet::before_append(const Source* bringing, const NewMessage& message) {
  const StreamConfig& config = stream_.config();
  const bool has_subject_limit = config.max_msgs_per_subject > 0;
  if (config.max_msgs <= 0 && config.max_bytes <= 0 && !has_subject_limit) return;
  static_cast<void>(recover());  // in vain: what is known is noted
  const StreamState state = stream_.store().state();
  const std::uint64_t going = room_for(message, state);
  const auto may_go = [&](const std::unique_ptr<Source>& source) {
    const Seq at = source->position().at;
    if (source.get() == bringing || at < state.first_seq) return false;
    const std::string& subject = source->last_subject();
    const bool is_of_subject = has_subject_limit && (subject.empty() || subject == message.subject);
    const bool is_near_front = going > 0 && at.value - state.first_seq.value < going + state.num_deleted &&
                               state.messages - stream_.store().count_matching({}, at) < going;
    return (is_of_subject || is_near_front) && !is_noted(*source);
  };
  if (std::any_of(sources_.begin(), sources_.end(), may_go)) notes_.write();
}

// How many of the first messages go at most to make room for this one.
std::uint64_t SourceSet::room_for(const NewMessage& message, const StreamState& state) const {
  const StreamConfig& config = stream_.config();
  std::uint64_t going = 0;
  if (config.max_msgs > 0) {
    const auto limit = static_cast<std::uint64_t>(config.max_msgs);
    if (state.messages >= limit) going = state.messages + 1 - limit;
  }
  if (config.max_bytes > 0) {
    const std::uint64_t after = state.bytes.value + message.subject.size() + message.headers.size() + message.payload.size() + kOverheadMax;
    const auto limit = static_cast<std::uint64_t>(config.max_bytes);
    if (after > limit) going = std::max(going, (after - limit) / kOverheadMin + 1);
  }
  return going;
}

void SourceSet::write_info(JsonWriter& json) const {
  json.begin_array();
  for (const std::unique_ptr<Source>& source : sources_) source->write_info(json);
  json.end_array();
}

Status SourceSet::recover() {
  if (are_recovered_) return {};
  const MutexLock lock{scanning_};
  if (are_recovered_) return {};
  WT_CHECK(load());
  // One scan for all that wait for it.
  std::vector<Source*> wanted;
  const Seq last = stream_.store().last_seq();
  for (const std::unique_ptr<Source>& each : sources_) {
    if (recovered_.contains(each->key())) continue;
    wanted.push_back(each.get());
    const CopyNote* note = loaded_note(each->key());
    if (note == nullptr) continue;
    // Messages that are lost since it was written are to be copied again.
    const bool holds = note->at <= last;
    if (holds) {
      each->set_noted(SourcePosition{note->seq, note->at, note->time, note->created}, note->through, note->own_last);
    } else {
      each->set_noted(SourcePosition{{}, {}, {}, note->created}, Seq{}, Seq{});
    }
  }
  WT_CHECK(scan(wanted));
  const bool is_elsewhere = is_from_elsewhere();
  for (Source* each : wanted) {
    if (is_elsewhere && each->position().seq.value == 0)
      each->set_position(SourcePosition{{}, {}, stream_.store().state().last_time, each->position().created});
    recovered_.insert(each->key());
    std::erase_if(retired_, [&](const CopyNote& note) { return note.key == each->key(); });
  }
  // Others may have been added meanwhile.
  are_recovered_ = std::all_of(sources_.begin(), sources_.end(), [&](const auto& each) { return recovered_.contains(each->key()); });
  if (notes_.is_there()) {
    changed();
  } else {
    notes_.write();  // from now on the stream is one of ours
  }
  return {};
}

// Once. Suspends.
Status SourceSet::load() {
  if (is_loaded_) return {};
  WT_TRY(loaded_, notes_.load());
  is_loaded_ = true;
  for (const CopyNote& note : loaded_) {
    const bool is_source = std::any_of(sources_.begin(), sources_.end(), [&](const auto& source) { return source->key() == note.key; });
    if (!is_source) retire(note);
  }
  return {};
}

// Whether another server has filled the stream, which keeps no notes. It goes on from the time of the last message where no message tells
// how far a source had come, and so is it done here: from the beginning everything would come again that was consumed there.
bool SourceSet::is_from_elsewhere() const {
  return !is_added_ && !notes_.is_there() && stream_.config().storage == StorageType::file && stream_.store().state().first_seq.value > 1;
}

bool SourceSet::find_again(Source& source) {
  const MutexLock lock{scanning_};
  const SourcePosition before = source.position();
  source.set_position(SourcePosition{{}, {}, {}, before.created});
  const Status scanned = scan({&source});
  if (scanned && source.position().seq.value > 0) return true;
  source.set_position(before);
  return false;
}

// nullopt if there is no such message, or none that can ever be read again, or no source brought it. Suspends.
Result<std::optional<SourcedFrom>> SourceSet::sourced_from(Seq seq) {
  const Result<StoredMessage> message = stream_.store().load(seq);
  if (!message && is_device_error(message.error()) && !stream_.env_.defects.is_on(Defect::break_disk_errors)) return message.error();
  if (!message || message->headers.empty()) return std::optional<SourcedFrom>{};
  const auto value = header_value(message->headers, kStreamSourceHeader);
  return value ? parse_source_header(*value) : std::nullopt;
}

// From the last message backwards, until each is found or known to be as it was noted. Suspends.
Status SourceSet::scan(std::vector<Source*> wanted) {
  const StreamState state = stream_.store().state();
  if (state.messages == 0) return {};
  for (Seq seq = state.last_seq; seq >= state.first_seq && seq.value > 0; seq = seq.prev()) {
    wanted.erase(std::remove_if(wanted.begin(), wanted.end(), [&](const Source* each) { return each->position().at >= seq; }),
                 wanted.end());
    if (wanted.empty()) return {};
    WT_TRY(const std::optional<SourcedFrom> from, sourced_from(seq));
    if (!from) continue;
    for (Source* each : wanted) {
      if (from->is_of(each->origin(), each->key())) {
        each->set_position(SourcePosition{from->seq, seq, {}, each->position().created});
      }
    }
  }
  return {};
}

Result<std::vector<CopiedSeq>> SourceSet::copies_of(const Source& source, Seq behind) {
  std::vector<CopiedSeq> copies;
  const StreamState state = stream_.store().state();
  if (state.messages == 0) return copies;
  for (Seq seq = state.last_seq; seq >= state.first_seq && seq > behind; seq = seq.prev()) {
    WT_TRY(const std::optional<SourcedFrom> from, sourced_from(seq));
    if (!from || !from->is_of(source.origin(), source.key())) continue;
    // What lies before it, and is of a later one, is of an origin that has lost it since.
    if (copies.empty() || from->seq < copies.back().seq) copies.push_back(CopiedSeq{from->seq, seq});
  }
  std::reverse(copies.begin(), copies.end());
  return copies;
}

}  // namespace windtunnel::core
