#include "core/server/leaf_permissions.h"

#include <algorithm>

#include "core/nats/subject.h"

namespace windtunnel::core {
namespace {

bool any_matches(const std::vector<std::string>& patterns, std::string_view subject) {
  return std::any_of(patterns.begin(), patterns.end(), [&](const std::string& pattern) { return matches(subject, pattern); });
}

}  // namespace

bool LeafPermissions::may_send(std::string_view subject) const {
  if (!publish.allow.empty() && !any_matches(publish.allow, subject)) return false;
  return !any_matches(publish.deny, subject);
}

bool LeafPermissions::may_announce(std::string_view subject) const {
  const auto& allow = subscribe.allow;
  if (!allow.empty() && !any_matches(allow, subject)) {
    // A leaf connection may announce what is broader than it may receive, as long as they meet.
    if (!has_wildcard(subject)) return false;
    if (std::none_of(allow.begin(), allow.end(), [&](const std::string& rule) { return is_subset(rule, subject); })) return false;
  }
  return !any_matches(subscribe.deny, subject);
}

void LeafPermissions::deny_jetstream(std::string_view own_domain, std::string_view remote_domain, bool has_jetstream) {
  for (const char* const subject : {"$JS.API.>", "$KV.>", "$OBJ.>"}) {
    publish.deny.emplace_back(subject);
    subscribe.deny.emplace_back(subject);
  }
  // Requests for our own domain must not leave: a guard against two nodes with one domain name.
  if (own_domain != remote_domain && !own_domain.empty() && has_jetstream) {
    publish.deny.push_back("$JS." + std::string(own_domain) + ".API.>");
  }
}

}  // namespace windtunnel::core
