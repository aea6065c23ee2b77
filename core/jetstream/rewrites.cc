#include "core/jetstream/rewrites.h"

#include <utility>

#include "core/base/json_writer.h"
#include "core/nats/bus.h"
#include "core/nats/headers.h"

namespace windtunnel::core {
namespace {

std::optional<SubjectTransform> made(std::string_view source, std::string_view destination) {
  if (destination.empty()) return std::nullopt;
  Result<SubjectTransform> transform = SubjectTransform::make(source, destination);
  return transform ? std::optional{std::move(*transform)} : std::nullopt;
}

}  // namespace

Rewrites::Rewrites(const StreamConfig& config) : stream_(config.name) {
  if (config.subject_transform) input_ = made(config.subject_transform->source, config.subject_transform->destination);
  if (!config.republish) return;
  republish_ = made(config.republish->source, config.republish->destination);
  is_headers_only_ = config.republish->headers_only;
}

void Rewrites::transform(std::string& subject) const {
  if (!input_) return;
  if (std::optional<std::string> becomes = input_->apply(subject)) subject = std::move(*becomes);
}

void Rewrites::republish(Bus& bus, const NewMessage& message, Seq seq, WallTime time, Seq previous) const {
  if (!republish_) return;
  const std::optional<std::string> subject = republish_->apply(message.subject);
  if (!subject) return;
  std::string headers{message.headers};
  append_header(headers, "Nats-Stream", stream_);
  append_header(headers, "Nats-Subject", message.subject);
  append_header(headers, "Nats-Sequence", std::to_string(seq.value));
  append_header(headers, "Nats-Time-Stamp", rfc3339(time));
  append_header(headers, "Nats-Last-Sequence", std::to_string(previous.value));
  if (is_headers_only_) append_header(headers, "Nats-Msg-Size", std::to_string(message.payload.size()));
  const std::string_view payload = is_headers_only_ ? std::string_view{} : message.payload;
  bus.publish(MessageView{.subject = *subject, .reply = {}, .headers = headers, .payload = payload});
}

}  // namespace windtunnel::core
