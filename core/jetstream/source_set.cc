#include "core/jetstream/source_set.h"

#include <algorithm>
#include <utility>

#include "core/base/json_writer.h"
#include "core/env/env.h"
#include "core/jetstream/source_header.h"
#include "core/jetstream/stream.h"
#include "core/nats/headers.h"

namespace windtunnel::core {

SourceSet::SourceSet(Stream& stream, const std::vector<StreamSource>& origins) : stream_(stream), scanning_(stream.env_.tasks) {
  for (const StreamSource& origin : origins) sources_.push_back(std::make_unique<Source>(stream_, *this, origin));
}

void SourceSet::start() {
  for (const std::unique_ptr<Source>& source : sources_) source->start();
}

void SourceSet::update(const std::vector<StreamSource>& origins) {
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
  // One that comes in place of another of the same key reads on where that one has ended.
  for (const std::unique_ptr<Source>& gone : old) {
    if (gone) gone->stop(/*is_final=*/true);
  }
  for (Source* source : added) source->start();
}

void SourceSet::stop(bool is_final) {
  for (const std::unique_ptr<Source>& source : sources_) source->stop(is_final);
}

void SourceSet::write_info(JsonWriter& json) const {
  json.begin_array();
  for (const std::unique_ptr<Source>& source : sources_) source->write_info(json);
  json.end_array();
}

void SourceSet::recover(Source& source) {
  const MutexLock lock{scanning_};
  if (source.is_recovered) return;
  // One scan for all that wait for it.
  std::vector<Source*> wanted;
  for (const std::unique_ptr<Source>& each : sources_) {
    if (!each->is_recovered) wanted.push_back(each.get());
  }
  scan(wanted);
  for (Source* each : wanted) each->is_recovered = true;
}

bool SourceSet::find_again(Source& source) {
  const MutexLock lock{scanning_};
  const SourcePosition before = source.position();
  source.set_position(SourcePosition{{}, {}, {}, before.created});
  scan({&source});
  if (source.position().seq.value > 0) return true;
  source.set_position(before);
  return false;
}

// From the last message backwards, until each is found. Suspends.
void SourceSet::scan(std::vector<Source*> wanted) {
  const StreamState state = stream_.store().state();
  if (state.messages == 0) return;
  for (Seq seq = state.last_seq; seq >= state.first_seq && seq.value > 0 && !wanted.empty(); seq = seq.prev()) {
    const Result<StoredMessage> message = stream_.store().load(seq);
    if (!message || message->headers.empty()) continue;
    const auto value = header_value(message->headers, kStreamSourceHeader);
    const std::optional<SourcedFrom> from = value ? parse_source_header(*value) : std::nullopt;
    if (!from) continue;
    const auto found = [&](Source* source) {
      if (!from->is_of(source->origin(), source->key())) return false;
      source->set_position(SourcePosition{from->seq, seq, {}, source->position().created});
      return true;
    };
    wanted.erase(std::remove_if(wanted.begin(), wanted.end(), found), wanted.end());
  }
}

}  // namespace windtunnel::core
