#include "core/server/domain_mapping.h"

#include <algorithm>
#include <array>

#include "core/base/assert.h"
#include "core/nats/subject.h"

namespace windtunnel::core {
namespace {

// The first token behind the prefix, each with something below it.
constexpr std::array<std::string_view, 6> kApiBranches{"STREAM.", "CONSUMER.", "DIRECT.", "META.", "SERVER.", "ACCOUNT."};
// Key-value buckets and object stores are reached by the domain, but lie outside the API.
constexpr std::array<std::string_view, 2> kPlainBranches{"$KV.", "$OBJ."};

bool is_below(std::string_view subject, std::string_view branch) { return subject.size() > branch.size() && subject.starts_with(branch); }

}  // namespace

DomainMapping::DomainMapping(std::string_view domain) {
  WT_ASSERT(is_valid_literal(domain));
  WT_ASSERT(token_count(domain) == 1);
  prefix_.append("$JS.").append(domain).append(".API.");
  sources_.push_back(prefix_ + "INFO");
  for (const std::string_view branch : kApiBranches) sources_.push_back(prefix_ + std::string(branch) + ">");
  for (const std::string_view branch : kPlainBranches) sources_.push_back(prefix_ + std::string(branch) + ">");
}

bool DomainMapping::map(std::string_view subject, std::string& mapped) const {
  if (prefix_.empty() || !is_below(subject, prefix_)) return false;
  const std::string_view rest = subject.substr(prefix_.size());
  const auto is_here = [&](std::string_view branch) { return is_below(rest, branch); };
  if (rest == "INFO" || std::any_of(kApiBranches.begin(), kApiBranches.end(), is_here)) {
    mapped.assign("$JS.API.").append(rest);
    return true;
  }
  if (std::any_of(kPlainBranches.begin(), kPlainBranches.end(), is_here)) {
    mapped.assign(rest);
    return true;
  }
  return false;
}

}  // namespace windtunnel::core
