// SourceTransforms: what a mirror or a source does to the subjects that it copies.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/jetstream/stream_config.h"
#include "core/nats/subject_transform.h"

namespace windtunnel::core {

class SourceTransforms {
 public:
  // A transform that cannot be made does nothing: check_transforms says so in time.
  explicit SourceTransforms(const std::vector<SubjectTransformConfig>& transforms);
  // The first one whose source matches counts.
  void apply(std::string& subject) const;

 private:
  std::vector<std::pair<std::string, std::optional<SubjectTransform>>> transforms_;  // by source; no rewrite: a filter alone
};

}  // namespace windtunnel::core
