#include "core/store/block_files.h"

#include <algorithm>
#include <utility>

#include "core/base/assert.h"
#include "core/env/disk.h"
#include "core/store/record.h"
#include "core/store/s2.h"

namespace windtunnel::core {
namespace {

constexpr std::size_t kTailKept = 64 * 1024;
constexpr std::size_t kReadAhead = 32 * 1024;
constexpr std::size_t kOpenFilesMax = 8;
constexpr std::size_t kSector = 4096;  // the unit in which an unreadable file is read around its damage

// Reads what can be read of a file in which some place cannot.
std::string read_around_errors(File& file, std::size_t size) {
  std::string content(size, '\0');
  for (std::size_t at = 0; at < size; at += kSector) {
    const std::size_t length = std::min(kSector, size - at);
    const auto got = file.read_at(Bytes{at}, {content.data() + at, length});
    if (!got) std::fill_n(content.begin() + static_cast<std::ptrdiff_t>(at), length, '\0');
  }
  return content;
}

}  // namespace

std::uint32_t block_index_of(std::string_view file_name) {
  constexpr std::string_view kSuffix = ".blk";
  if (!file_name.ends_with(kSuffix)) return 0;
  const std::string_view digits = file_name.substr(0, file_name.size() - kSuffix.size());
  if (digits.empty() || digits.size() > 10 || digits[0] == '0') return 0;
  std::uint64_t index = 0;
  for (const char c : digits) {
    if (c < '0' || c > '9') return 0;
    index = index * 10 + static_cast<std::uint64_t>(c - '0');
  }
  // Room for successors: the number of the next block must fit as well.
  return index < UINT32_MAX ? static_cast<std::uint32_t>(index) : 0;
}

std::string BlockFiles::path(std::uint32_t index) const { return directory_ + "/" + std::to_string(index) + ".blk"; }

void BlockFiles::note_open(std::uint32_t index, std::shared_ptr<File> file) {
  open_.push_back({index, std::move(file)});
  if (open_.size() > kOpenFilesMax) open_.erase(open_.begin());
}

void BlockFiles::close(const MessageBlock& block) {
  std::erase_if(open_, [&](const OpenFile& open) { return open.block == block.index; });
}

Status BlockFiles::create(const MessageBlock& block) {
  WT_TRY(std::unique_ptr<File> opened, disk_.open(path(block.index), OpenMode{.create = true, .exclusive = false, .truncate = true}));
  close(block);
  note_open(block.index, std::move(opened));
  return {};
}

Result<std::shared_ptr<File>> BlockFiles::file(const MessageBlock& block) {
  for (const OpenFile& open : open_) {
    if (open.block == block.index) return open.file;
  }
  WT_TRY(std::unique_ptr<File> opened, disk_.open(path(block.index), OpenMode{}));
  note_open(block.index, std::move(opened));
  return open_.back().file;
}

Status BlockFiles::append(MessageBlock& block, std::string_view data) {
  WT_ASSERT(!block.is_sealed);
  // Only one block's records wait; a block that is on its way out is written to at once.
  const bool waits = defers_ && (pending_.bytes.empty() || pending_.block == block.index);
  if (!waits) return write_end(block, data);
  if (pending_.bytes.empty()) pending_ = Stretch{block.index, block.raw_bytes, {}};
  pending_.bytes.append(data);
  block.raw_bytes += data.size();
  return {};
}

Status BlockFiles::flush(MessageBlock& block) {
  if (pending_.block != block.index || pending_.bytes.empty()) return {};
  const Stretch pending = std::exchange(pending_, Stretch{});
  block.raw_bytes = pending.offset;
  return write_end(block, pending.bytes);
}

void BlockFiles::drop_pending(MessageBlock& block) {
  if (pending_.block == block.index && !pending_.bytes.empty()) block.raw_bytes = pending_.offset;
  if (pending_.block == block.index) pending_ = Stretch{};
  forget(block.index);
  close(block);
}

Status BlockFiles::write_end(MessageBlock& block, std::string_view data) {
  WT_TRY(const std::shared_ptr<File> opened, file(block));
  if (Status written = opened->write_at(Bytes{block.raw_bytes}, data); !written) {
    // A prefix may be there. Left alone it could later read as a valid record.
    if (!opened->truncate(Bytes{block.raw_bytes})) block.is_sealed = true;
    block.needs_sync = true;
    return written;
  }
  keep_tail(block, block.raw_bytes, data);
  block.raw_bytes += data.size();
  block.needs_sync = true;
  return {};
}

Status BlockFiles::overwrite(MessageBlock& block, std::uint64_t offset, std::string_view data) {
  WT_CHECK(flush(block));
  WT_TRY(const std::shared_ptr<File> opened, file(block));
  forget(block.index);
  block.needs_sync = true;
  return opened->write_at(Bytes{offset}, data);
}

Status BlockFiles::truncate(MessageBlock& block, std::uint64_t size) {
  WT_CHECK(flush(block));
  WT_TRY(const std::shared_ptr<File> opened, file(block));
  forget(block.index);
  WT_CHECK(opened->truncate(Bytes{size}));
  block.raw_bytes = size;
  block.needs_sync = true;
  return {};
}

void BlockFiles::keep_tail(const MessageBlock& block, std::uint64_t offset, std::string_view data) {
  if (tail_.block != block.index || tail_.offset + tail_.bytes.size() != offset) {
    tail_.block = block.index;
    tail_.offset = offset;
    tail_.bytes.clear();
  }
  if (tail_.bytes.size() + data.size() > kTailKept) {
    // Half of it goes, so that making room costs O(1) a byte.
    const std::size_t drop = std::min(tail_.bytes.size(), std::max(kTailKept / 2, data.size()));
    tail_.bytes.erase(0, drop);
    tail_.offset += drop;
  }
  tail_.bytes.append(data);
}

void BlockFiles::lay_cached_over(const MessageBlock& block, std::string& content) const {
  const auto lay = [&](const Stretch& stretch) {
    if (stretch.block != block.index || stretch.offset >= content.size()) return;
    const std::size_t at = static_cast<std::size_t>(stretch.offset);
    const std::size_t size = std::min(stretch.bytes.size(), content.size() - at);
    std::copy_n(stretch.bytes.begin(), size, content.begin() + static_cast<std::ptrdiff_t>(at));
  };
  for (const Stretch& stretch : ahead_) lay(stretch);
  lay(tail_);  // last: it is what was written
}

void BlockFiles::forget(std::uint32_t index) {
  if (tail_.block == index) tail_ = Stretch{};
  for (Stretch& stretch : ahead_) {
    if (stretch.block == index) stretch = Stretch{};
  }
}

Result<std::string_view> BlockFiles::read(MessageBlock& block, std::uint64_t offset, std::uint32_t size) {
  if (pending_.holds(block.index, offset, size)) return pending_.part(offset, size);
  if (tail_.holds(block.index, offset, size)) return tail_.part(offset, size);
  for (std::size_t i = 0; i < ahead_.size(); ++i) {
    if (!ahead_[i].holds(block.index, offset, size)) continue;
    if (i != 0) std::swap(ahead_[0], ahead_[i]);
    return ahead_[0].part(offset, size);
  }
  Stretch stretch{block.index, offset, {}};
  if (block.is_compressed) {
    bool is_compressed = false;
    bool has_io_error = false;
    WT_TRY(stretch.bytes, read_all(block.index, is_compressed, has_io_error));
    stretch.offset = 0;
  } else {
    WT_TRY(const std::shared_ptr<File> opened, file(block));
    stretch.bytes.resize(std::max<std::size_t>(size, kReadAhead));
    auto got = opened->read_at(Bytes{offset}, stretch.bytes);
    if (!got && stretch.bytes.size() > size) {
      // An unreadable sector behind the record must not cost the record.
      stretch.bytes.resize(size);
      got = opened->read_at(Bytes{offset}, stretch.bytes);
    }
    if (!got) return got.error();
    stretch.bytes.resize(*got);
  }
  if (!stretch.holds(block.index, offset, size)) {
    return error(Errc::corrupt, path(block.index) + " ends before offset " + std::to_string(offset + size));
  }
  ahead_[1] = std::move(ahead_[0]);
  ahead_[0] = std::move(stretch);
  return ahead_[0].part(offset, size);
}

Result<std::string> BlockFiles::read_all(std::uint32_t index, bool& is_compressed, bool& has_io_error, std::string content) {
  Result<std::string> read = read_all_once(index, is_compressed, has_io_error, std::move(content));
  if (read || read.error().code != Errc::corrupt) return read;
  return read_all_once(index, is_compressed, has_io_error, {});  // what was read wrong once may be right the next time
}

Result<std::string> BlockFiles::read_all_once(std::uint32_t index, bool& is_compressed, bool& has_io_error, std::string content) {
  WT_TRY(const std::unique_ptr<File> opened, disk_.open(path(index), OpenMode{}));
  WT_TRY(const Bytes size, opened->size());
  if (size.value > UINT32_MAX) return error(Errc::unsupported, path(index) + " has " + std::to_string(size.value) + " bytes");
  content.resize(static_cast<std::size_t>(size.value));
  const auto got = opened->read_at(Bytes{0}, content);
  has_io_error = !got;
  if (got) {
    content.resize(*got);
  } else {
    content = read_around_errors(*opened, content.size());
  }
  is_compressed = is_compressed_block(content);
  if (!is_compressed) return content;
  // An uncompressed block whose first record is 7,368,035 bytes long begins with the same letters.
  auto plain = decompress_block(content);
  if (plain) return plain;
  if (claimed_record_size(content) != 0) {
    is_compressed = false;
    return content;
  }
  // Whatever is wrong with it, an unknown algorithm included: the block is damaged, and the store does without it.
  return error(Errc::corrupt, path(index) + ": " + plain.error().detail);
}

}  // namespace windtunnel::core
