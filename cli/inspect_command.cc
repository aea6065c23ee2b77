#include <cstdio>
#include <filesystem>
#include <system_error>

#include "cli/commands.h"
#include "cli/terminal.h"
#include "core/posix/posix_disk.h"
#include "reports/inspect.h"

namespace windtunnel::cli {

int inspect_command(const InspectCommand& command, const Environment& environment) {
  // The directory's own name is its stream's, so it is opened from the one above.
  std::error_code failure;
  const std::filesystem::path path = std::filesystem::canonical(command.path, failure);
  if (failure) {
    complain("`" + command.path + "`: " + failure.message());
    return kExitUsage;
  }
  if (!std::filesystem::is_directory(path, failure)) {
    complain("`" + command.path + "` is no directory; name that of a stream, an account or a store");
    return kExitUsage;
  }
  const auto disk = core::PosixDisk::open(path.parent_path().string(), core::PosixDisk::Access::read_only);
  if (!disk) {
    complain(disk.error().text());
    return kExitUsage;
  }
  const reports::InspectOptions options{.at = command.at, .with_messages = command.messages, .with_consumers = command.consumers};
  const reports::Sink sink = [](std::string_view text) { static_cast<void>(std::fwrite(text.data(), 1, text.size(), stdout)); };
  const std::unique_ptr<reports::InspectWriter> writer =
      command.json ? reports::inspect_json(sink, options, WINDTUNNEL_VERSION)
                   : reports::inspect_text(sink, options, reports::TextStyle{.has_colours = environment.has_colours});
  const auto totals = reports::inspect(**disk, path.filename().string(), command.path, options, *writer);
  if (!totals) {
    complain(totals.error().code == core::Errc::not_found ? totals.error().detail : totals.error().text());
    return kExitUsage;
  }
  if (totals->encrypted > 0) {
    complain("encrypted streams were not read: that is not supported");
    return kExitUsage;
  }
  return totals->damages + totals->warnings > 0 ? kExitDivergence : kExitHeld;
}

}  // namespace windtunnel::cli
