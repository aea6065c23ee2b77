// The plain look at a stream's files: what is in them, byte by byte, whatever recovery makes of it.
#pragma once

#include <optional>
#include <vector>

#include "core/store/index_db.h"
#include "core/store/inspection.h"

namespace windtunnel::core {

struct FileScan {
  std::vector<BlockReport> blocks;  // ascending by index; `live` is not known here
  IndexReport index_report;
  std::optional<IndexSnapshot> index;
  std::vector<Problem> problems;
};

// `directory`: the stream's. Holds one block in memory at a time. Suspends if the disk does.
// Errors: of listing the directories, but for not_found.
Result<FileScan> scan_files(Disk& disk, const std::string& directory, const std::string& stream);

// "7 to 9", or "7"
[[nodiscard]] std::string range_text(SeqRange range);
// "1 message", "3 messages"
[[nodiscard]] std::string count_text(std::uint64_t count, std::string_view what);

}  // namespace windtunnel::core
