// How a stream takes what its sources bring (reference: streams E.4).

#include "core/base/defects.h"
#include "core/env/clock.h"
#include "core/env/env.h"
#include "core/env/log.h"
#include "core/jetstream/copy_watcher.h"
#include "core/jetstream/rollup.h"
#include "core/jetstream/stream.h"
#include "core/nats/headers.h"

namespace windtunnel::core {
namespace {

constexpr std::size_t kHeadersMax = 65'535;

CopyOutcome refuse(ApiError why) { return {CopyOutcome::Kind::refused, {}, std::move(why), {}}; }

}  // namespace

CopyOutcome Stream::take_copy(const Source& source, std::string subject, const std::string& headers, const std::string& payload) {
  const MutexLock lock{storing_};
  if (is_closed_) return {};
  if (const Status ready = store_->ready(); !ready) return refuse(api_errors::store_failed(ready.error().detail));
  if (config_.sealed) return refuse(api_errors::sealed());
  rewrites_.transform(subject);
  const std::string id{header_value(headers, "Nats-Msg-Id").value_or("")};
  if (!id.empty()) {
    if (const Status loaded = load_dedupe(); !loaded) return refuse(api_errors::store_failed(loaded.error().detail));
    if (const std::optional<Seq> seq = dedupe_.find(id, env_.clock.wall_now())) return {CopyOutcome::Kind::duplicate, *seq, {}, {}};
  }
  const Rollup rollup = rollup_of(headers);
  const bool may_roll_up = config_.allow_rollup_hdrs && !config_.deny_purge;
  // Its origin has permitted it. Only what it does to our other messages is our affair (nats-8040 is refusing it).
  if (rollup != Rollup::none && !may_roll_up && env_.defects.is_on(Defect::nats_8040)) {
    return refuse(api_errors::rollup("rollup not permitted"));
  }
  if (config_.max_msg_size >= 0 && headers.size() + payload.size() > static_cast<std::size_t>(config_.max_msg_size)) {
    return refuse(api_errors::message_too_large());
  }
  if (headers.size() > kHeadersMax) return refuse(api_errors::headers_too_large());

  const NewMessage content{subject, headers, payload};
  const WallTime now = env_.clock.wall_now();
  const Seq previous = previous_of(subject);
  bool is_stored = true;
  const Result<Seq> seq = keep(&source, content, now, is_stored);
  if (!seq) return refuse(api_errors::store_failed(seq.error().detail));
  last_msg_id_ = id;
  dedupe_.record(id, *seq, now);
  if (!is_stored) return {CopyOutcome::Kind::passed_by, *seq, {}, {}};
  if (context_.copies != nullptr) context_.copies->on_copied(config_.name, headers, *seq);
  if (may_roll_up && (rollup == Rollup::subject || rollup == Rollup::all)) {
    roll_up({.filter = rollup == Rollup::subject ? subject : std::string{}, .below = Seq{}, .keep = 1}, *seq);
  }
  republish(content, *seq, now, previous);
  return {CopyOutcome::Kind::stored, *seq, {}, std::move(subject)};
}

}  // namespace windtunnel::core
