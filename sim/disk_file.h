// DiskFile: the content of one file (an inode): what is durable, and what lies over it in the page cache.
//
// What is read is kept whole; what would be lost is kept as before-images of the sectors that were overwritten. A sync
// covers what was written before it began, so the before-images lie in layers, one for each stretch between two syncs
// that were under way: a write that lands while a sync runs is not made durable by it.
//
// No time passes here and nothing suspends.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/random.h"

namespace windtunnel::sim {

// What of the volatile state survives a power loss. `sim/disk_tree.h` says what it means for names.
enum class Keep {
  none,     // only what was synced
  all,      // everything
  any,      // each sector, size and name by the seed; a sector may be torn or hold garbage where it was being written
  ordered,  // as any, but names survive in the order of their operations and a size never ahead of its data
};

class DiskFile {
 public:
  static constexpr std::uint64_t kSector = 512;
  static constexpr std::uint64_t kPage = 4096;  // what the page cache reads from the device at once

  // What a read sees.
  [[nodiscard]] const std::string& content() const { return content_; }
  // What a power loss that keeps nothing would leave.
  [[nodiscard]] std::string durable() const;
  [[nodiscard]] bool is_dirty() const { return !layers_.empty(); }

  // Extends the file with zeros over a gap.
  void write(std::uint64_t offset, std::string_view data);
  void truncate(std::uint64_t size);
  // Replaces everything, durably: for the harness.
  void replace(std::string content);

  // Says what a sync that begins now will cover; hand the value to one of the two below.
  enum class SyncTicket : std::uint64_t {};
  [[nodiscard]] SyncTicket begin_sync() { return SyncTicket{++epoch_}; }
  void complete_sync(SyncTicket ticket);
  // The pages that the sync was to cover count as clean from now on, but never reached the disk: no later sync writes
  // them, unless they are written again (fault D22).
  void fail_sync(SyncTicket ticket);

  // ---- damage to the medium: what is read and what is durable both change, and nothing becomes dirty or clean ----
  // Applies `change` to every byte in [begin, end), in whatever version of it is kept.
  void damage(std::uint64_t begin, std::uint64_t end, const std::function<void(char&)>& change);
  // The file ends at `size`. Requires: size <= content().size().
  void cut(std::uint64_t size);
  // Reads of the page that it lies in fail until the sector is written again, whole or up to the file's end.
  void spoil(std::uint64_t sector) { bad_.insert(sector); }
  [[nodiscard]] bool is_readable(std::uint64_t offset, std::uint64_t size) const;
  // The content, with zeros in the pages that cannot be read.
  [[nodiscard]] std::string readable_content() const;
  // Whether a write need not read a page that cannot be read: of such a page it covers all that is there.
  [[nodiscard]] bool is_writable(std::uint64_t offset, std::uint64_t size) const;

  // Afterwards the file is clean. Draws only if something was not durable.
  void lose_power(Keep keep, core::Random& random);

  // The sectors whose bytes a power loss may take, ascending; and whether it may take the size.
  [[nodiscard]] std::vector<std::uint64_t> volatile_sectors() const;
  [[nodiscard]] bool is_size_volatile() const;
  // Leaves what is durable, but for these sectors and (if said) the size, which are as `from` has them. Clean afterwards.
  void keep_only(const std::vector<std::uint64_t>& sectors, bool has_size, const std::string& from);

 private:
  struct Layer {
    std::uint64_t epoch = 0;
    std::uint64_t base_size = 0;                  // the file's size when the layer began
    std::map<std::uint64_t, std::string> before;  // sectors below base_size as they were then; beyond it: zeros
  };

  void open_layer();
  void save_before(std::uint64_t first_sector, std::uint64_t end_sector);
  // The content as it was when layer `index` began (layers_.size(): as it is), without what failed syncs lost.
  [[nodiscard]] std::string image(std::size_t index) const;
  void lay_lost_over(std::string& image) const;
  void pick_survivors(Keep keep, core::Random& random);
  // One of the sectors that were being written may be left torn, within itself or with garbage (D5).
  static void tear_sector(std::string& left, const std::string& oldest, const std::string& newest, const std::vector<std::uint64_t>& dirty,
                          core::Random& random);
  void heal_overwritten(std::uint64_t offset, std::uint64_t end);

  std::string content_;
  std::vector<Layer> layers_;                  // oldest first; none: clean
  std::map<std::uint64_t, std::string> lost_;  // durable bytes of sectors that a failed sync left behind
  std::set<std::uint64_t> bad_;                // sectors that cannot be read
  std::uint64_t epoch_ = 0;
};

}  // namespace windtunnel::sim
