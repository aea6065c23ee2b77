#include "core/jetstream/source_transforms.h"

#include "core/nats/subject.h"

namespace windtunnel::core {

SourceTransforms::SourceTransforms(const std::vector<SubjectTransformConfig>& transforms) {
  for (const SubjectTransformConfig& each : transforms) {
    std::optional<SubjectTransform> rewrite;
    if (!each.destination.empty()) {
      if (Result<SubjectTransform> made = SubjectTransform::make(each.source, each.destination)) rewrite = std::move(*made);
    }
    transforms_.emplace_back(each.source.empty() ? ">" : each.source, std::move(rewrite));
  }
}

void SourceTransforms::apply(std::string& subject) const {
  for (const auto& [source, rewrite] : transforms_) {
    if (!matches(subject, source)) continue;
    if (std::optional<std::string> becomes = rewrite ? rewrite->apply(subject) : std::nullopt) subject = std::move(*becomes);
    return;
  }
}

}  // namespace windtunnel::core
