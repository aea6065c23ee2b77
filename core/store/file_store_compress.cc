// `compression: s2`: full blocks are packed in the background after the stream has rolled to the next one (reference:
// filestore 2.5). A crash leaves the plain file or the packed one; both are read.
#include <algorithm>
#include <utility>

#include "core/store/atomic_file.h"
#include "core/store/block_scan.h"
#include "core/store/file_store_impl.h"
#include "core/store/s2.h"

namespace windtunnel::core {

std::string FileStore::packed(std::string_view plain) const { return compress_block(plain); }

Status FileStore::compress_full_blocks() {
  Status result;
  // One that fails now is tried again only when it is rewritten: it is complete as it is.
  for (const std::uint32_t index : std::exchange(to_compress_, {})) {
    const auto it = std::find_if(blocks_.begin(), blocks_.end(), [&](const auto& block) { return block->index == index; });
    if (it == blocks_.end()) continue;
    MessageBlock& block = **it;
    // Damaged ones stay as they are, for a later read may give more.
    if (block.live() == 0 || block.is_sealed || block.must_rewrite || &block == last_block()) continue;
    if (Status done = compress(block); !done && result) result = done;
  }
  return result;
}

Status FileStore::compress(MessageBlock& block) {
  WT_CHECK(files_.flush(block));
  bool is_compressed = false;
  bool has_io_error = false;
  WT_TRY(const std::string plain, files_.read_all(block.index, is_compressed, has_io_error));
  // What was read wrong, perhaps only this once, must not take the place of what is right on the disk.
  bool is_right = plain.size() == block.raw_bytes;
  const BlockScan scan = scan_block(plain, block.key, [&](const RecordView& record, std::uint64_t) {
    const BlockEntry* entry = block.find(record.seq);
    if (entry != nullptr && record.kind == RecordKind::message) is_right = is_right && is_indexed_record(record, block, *entry);
  });
  is_right = is_right && scan.damaged.empty() && !scan.has_damaged_tail(plain.size());
  if (is_compressed || has_io_error || !is_right) {
    return error(Errc::corrupt, files_.path(block.index) + " is not what was written to it");
  }
  const std::string path = files_.path(block.index);
  WT_CHECK(write_synced(env_, path + ".tmp", packed(plain)));
  files_.drop_pending(block);
  WT_CHECK(env_.disk.rename(path + ".tmp", path));
  env_.log.trace("store.block_compressed", {{"stream", options_.name}, {"block", block.index}});
  block.is_compressed = true;
  block.is_sealed = true;
  block.needs_sync = false;
  block.was_synced = true;
  return sync_names();
}

}  // namespace windtunnel::core
