#include "tests/layering/definitions.h"

#include <algorithm>
#include <map>
#include <sstream>
#include <string>
#include <string_view>

namespace windtunnel::tests {
namespace {

constexpr std::string_view kNamespace = "namespace ";

// "struct Stack final : Base {" begins the definition of Stack; empty if the line begins none, or that of a member ("Stack::Slot").
std::string_view defined_by(std::string_view line) {
  for (const std::string_view key : {"class ", "struct "}) {
    if (!line.starts_with(key) || line.find(';') < line.find('{')) continue;
    std::string_view rest = line.substr(key.size());
    if (rest.starts_with("[[")) rest.remove_prefix(std::min(rest.size(), rest.find("]] ") + 3));
    const std::string_view name = rest.substr(0, rest.find_first_of(" :{"));
    if (!rest.substr(name.size()).starts_with("::")) return name;
  }
  return {};
}

}  // namespace

std::vector<Violation> find_double_definitions(const SourceTree& tree) {
  std::map<std::string, std::string> first;  // by qualified name: where
  std::vector<Violation> violations;
  for (const SourceFile& file : tree) {
    if (!file.is_cpp() || file.is_in("tests")) continue;
    std::vector<std::string> scopes;  // "": one without a name
    std::istringstream lines{code_only(file.text)};
    std::istringstream with_comments{file.text};
    std::string line;
    std::string shown;
    for (int number = 1; std::getline(lines, line) && std::getline(with_comments, shown); ++number) {
      if (line.starts_with(kNamespace)) {
        const std::string_view name = std::string_view{line}.substr(kNamespace.size());
        if (line.find('=') == std::string::npos) scopes.emplace_back(name.substr(0, name.find_first_of(" {")));
      } else if (shown.starts_with("}  // namespace")) {
        if (!scopes.empty()) scopes.pop_back();
      }
      const std::string_view name = defined_by(line);
      if (name.empty()) continue;
      std::string qualified;
      bool is_hidden = false;
      for (const std::string& scope : scopes) {
        qualified += scope + "::";
        is_hidden = is_hidden || scope.empty();
      }
      qualified += name;
      if (is_hidden) continue;
      const auto [known, is_new] = first.emplace(qualified, file.path);
      if (!is_new) violations.push_back({file.path, number, qualified + " is defined in " + known->second + " too"});
    }
  }
  return violations;
}

}  // namespace windtunnel::tests
