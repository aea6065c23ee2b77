// BlockFiles: the I/O of message blocks: their names, their open files, and a bounded cache of recent bytes.
//
// What was appended last is kept (a delivery right after a store reads no file), and so is a stretch behind what was
// read last (a consumer reads ahead). Requires the store's mutex for every call.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "core/base/result.h"
#include "core/base/types.h"
#include "core/store/message_block.h"

namespace windtunnel::core {

class Disk;
class File;

// The number N of a name "N.blk" in decimal without padding; 0 for any other name.
[[nodiscard]] std::uint32_t block_index_of(std::string_view file_name);

class BlockFiles {
 public:
  BlockFiles(Disk& disk, std::string directory) : disk_(disk), directory_(std::move(directory)) {}

  [[nodiscard]] const std::string& directory() const { return directory_; }
  [[nodiscard]] std::string path(std::uint32_t index) const;

  // Makes the file of a new block, empty. Suspends.
  Status create(const MessageBlock& block);
  // The block's open file, which a sync under way may share. Suspends.
  Result<std::shared_ptr<File>> file(const MessageBlock& block);
  // Writes `data` at the block's end and advances raw_bytes. After an error the file is cut back to where it was; if
  // that fails too, the block is sealed (`is_sealed`). Suspends.
  Status append(MessageBlock& block, std::string_view data);
  // With the asynchronous flush of nats-server 2.12 (defect nats-7594) append keeps what it is given in memory, until one of
  // these, or a call that needs the file. Only the last block has anything pending.
  void defer_writes() { defers_ = true; }
  [[nodiscard]] std::uint64_t pending_bytes() const { return pending_.bytes.size(); }
  Status flush(MessageBlock& block);       // suspends
  void drop_pending(MessageBlock& block);  // what was pending was never written
  // Writes over part of the block. Suspends.
  Status overwrite(MessageBlock& block, std::uint64_t offset, std::string_view data);
  // Cuts the file. Suspends.
  Status truncate(MessageBlock& block, std::uint64_t size);
  // `size` bytes at `offset` of the block's plain content; the view lives until the next call on this object. Errors:
  // io_error, not_found; corrupt if the file is shorter. Suspends unless cached.
  Result<std::string_view> read(MessageBlock& block, std::uint64_t offset, std::uint32_t size);
  // The whole plain content, in the memory of `content` if that is enough. An unreadable stretch reads as zeros and sets
  // `has_io_error`. Suspends.
  Result<std::string> read_all(std::uint32_t index, bool& is_compressed, bool& has_io_error, std::string content = {});

  // Puts what is cached of the block over its plain content as it was read: what the disk has forgotten, memory may know.
  void lay_cached_over(const MessageBlock& block, std::string& content) const;

  // Forgets what is cached of a block.
  void forget(std::uint32_t index);
  void close(const MessageBlock& block);

 private:
  struct Stretch {
    std::uint32_t block = 0;  // 0: empty
    std::uint64_t offset = 0;
    std::string bytes;
    [[nodiscard]] bool holds(std::uint32_t index, std::uint64_t from, std::uint64_t size) const {
      return block == index && from >= offset && from + size <= offset + bytes.size();
    }
    [[nodiscard]] std::string_view part(std::uint64_t from, std::uint64_t size) const {
      return std::string_view(bytes).substr(static_cast<std::size_t>(from - offset), static_cast<std::size_t>(size));
    }
  };
  struct OpenFile {
    std::uint32_t block = 0;
    std::shared_ptr<File> file;
  };
  Result<std::string> read_all_once(std::uint32_t index, bool& is_compressed, bool& has_io_error, std::string content);
  void keep_tail(const MessageBlock& block, std::uint64_t offset, std::string_view data);
  void note_open(std::uint32_t index, std::shared_ptr<File> file);
  Status write_end(MessageBlock& block, std::string_view data);

  Disk& disk_;
  std::string directory_;
  bool defers_ = false;
  Stretch pending_;               // of the last block: not in its file yet
  Stretch tail_;                  // the end of the last block
  std::array<Stretch, 2> ahead_;  // read lately; [0] is the newer one
  std::vector<OpenFile> open_;    // in the order of opening; by number, for blocks go and are made anew
};

}  // namespace windtunnel::core
