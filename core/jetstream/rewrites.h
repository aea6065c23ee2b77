// Rewrites: what a stream does to subjects: the transform of what is published to it, and the republishing of what it has
// stored (reference: streams A.2 steps 1, 12 and 18; jetstream-api 7.2).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/base/types.h"
#include "core/jetstream/stream_config.h"
#include "core/nats/subject_transform.h"
#include "core/store/stream_store.h"

namespace windtunnel::core {

class Bus;

class Rewrites {
 public:
  // A transform that cannot be made does nothing: check_transforms says so in time.
  explicit Rewrites(const StreamConfig& config);

  // The subject under which what is published to `subject` is stored.
  void transform(std::string& subject) const;

  [[nodiscard]] bool republishes() const { return republish_.has_value(); }
  // Publishes what was stored again, if it is to be. `previous`: the sequence of the subject's message before it. Does not
  // suspend.
  void republish(Bus& bus, const NewMessage& message, Seq seq, WallTime time, Seq previous) const;

 private:
  std::string stream_;
  std::optional<SubjectTransform> input_;
  std::optional<SubjectTransform> republish_;
  bool is_headers_only_ = false;
};

}  // namespace windtunnel::core
