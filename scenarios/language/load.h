// Loads a scenario from YAML. The loader is strict: what it does not know, what has a wrong type or unit, and names that do
// not exist are errors with their place and the nearest valid word; it reports as many of them at once as it can.
//
// Any bytes at all may be given to it: it neither crashes nor hangs, and what it needs is bounded by the file's size, which
// is bounded too (scenarios/language/yaml_tree.h).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "scenarios/language/diagnostic.h"
#include "scenarios/scenario.h"

namespace windtunnel::scenarios {

struct TypedValue;

struct Loaded {
  std::optional<Scenario> scenario;     // there if, and only if, there are no diagnostics
  std::vector<Diagnostic> diagnostics;  // in the order of the file
};

// `file`: the name of the text in messages.
[[nodiscard]] Loaded load_text(std::string_view text, const std::string& file);
// The same, for those who need to know where each key stands: `root` is the checked tree, if there is a scenario.
[[nodiscard]] Loaded load_text(std::string_view text, const std::string& file, TypedValue& root);
// Reads the file. One that is not there or cannot be read is a diagnostic at 0:0, which prints without a place in the file.
[[nodiscard]] Loaded load_file(const std::string& path);
[[nodiscard]] Loaded load_file(const std::string& path, TypedValue& root);
// The first max + 1 bytes of a file; so a larger one can be told, and one without an end is read no further. Errors: io_error.
[[nodiscard]] core::Result<std::string> read_file(const std::string& path, core::Bytes max);

}  // namespace windtunnel::scenarios
