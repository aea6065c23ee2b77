// DomainMapping: how a JetStream domain's own API subjects reach the API (reference: wire 14.1). "$JS.hub.API.STREAM.INFO.S",
// arriving at domain hub from a client or a leaf node, becomes "$JS.API.STREAM.INFO.S" before it is matched.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace windtunnel::core {

class DomainMapping {
 public:
  DomainMapping() = default;  // maps nothing
  // Requires: `domain` is one token, without wildcards.
  explicit DomainMapping(std::string_view domain);

  // False if `subject` stays as it is; else `mapped` is what it becomes.
  bool map(std::string_view subject, std::string& mapped) const;

  // The patterns that are mapped, announced to leaf nodes as interest. In a fixed order.
  [[nodiscard]] const std::vector<std::string>& sources() const { return sources_; }

 private:
  std::string prefix_;  // "$JS.hub.API."
  std::vector<std::string> sources_;
};

}  // namespace windtunnel::core
