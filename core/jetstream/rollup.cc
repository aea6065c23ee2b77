#include "core/jetstream/rollup.h"

#include <string>

#include "core/nats/headers.h"

namespace windtunnel::core {

Rollup rollup_of(std::string_view headers) {
  const auto value = header_value(headers, "Nats-Rollup");
  if (!value || value->empty()) return Rollup::none;
  std::string word{*value};
  for (char& c : word) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  if (word == "sub") return Rollup::subject;
  return word == "all" ? Rollup::all : Rollup::unknown;
}

}  // namespace windtunnel::core
