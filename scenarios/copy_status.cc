#include "scenarios/copy_status.h"

#include <string>
#include <utility>

#include "core/jetstream/mirror.h"
#include "core/jetstream/source_set.h"
#include "core/jetstream/stream.h"

namespace windtunnel::scenarios {

std::vector<FinalCopy> copies_of(const core::Stream& stream, const StreamSpec& spec) {
  std::vector<FinalCopy> out;
  const auto add = [&](const OriginSpec& from, std::string reader, std::string key, const core::ApiStatus& error, std::uint64_t lag) {
    out.push_back({&from, std::move(reader), std::move(key), error ? error->description : std::string{}, lag});
  };
  if (const core::Mirror* mirror = stream.mirror(); mirror != nullptr && spec.mirror)
    add(*spec.mirror, "mirror/" + spec.name, "", mirror->error(), mirror->reported_lag());
  const core::SourceSet* sources = stream.sources();
  if (sources == nullptr || sources->all().size() != spec.sources.size()) return out;
  for (std::size_t i = 0; i < spec.sources.size(); ++i) {
    const core::Source& source = *sources->all()[i];
    add(spec.sources[i], "source/" + spec.name + "/" + source.key(), source.key(), source.error(), source.reported_lag());
  }
  return out;
}

}  // namespace windtunnel::scenarios
