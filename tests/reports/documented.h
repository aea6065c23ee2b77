// What a page of docs/ says of a JSON report.
#pragma once

#include <fstream>
#include <set>
#include <sstream>
#include <string>

namespace windtunnel::tests {

// The fields of the page at `path`: table rows "| `name` | ...".
inline std::set<std::string> documented_fields(const std::string& path) {
  std::ifstream in{path};
  std::ostringstream text;
  text << in.rdbuf();
  const std::string page = text.str();
  std::set<std::string> fields;
  for (std::size_t at = page.find("\n| `"); at != std::string::npos; at = page.find("\n| `", at + 1)) {
    fields.insert(page.substr(at + 4, page.find('`', at + 4) - at - 4));
  }
  return fields;
}

}  // namespace windtunnel::tests
