#include "sim/disk_file.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "core/base/assert.h"

namespace windtunnel::sim {
namespace {

constexpr std::uint64_t kSector = DiskFile::kSector;

constexpr std::uint64_t sectors(std::uint64_t size) { return (size + kSector - 1) / kSector; }

std::string_view sector_of(const std::string& image, std::uint64_t sector) {
  const std::uint64_t begin = sector * kSector;
  if (begin >= image.size()) return {};
  return std::string_view(image).substr(begin, kSector);
}

// Equal once both are filled up with zeros.
bool is_same_sector(std::string_view a, std::string_view b) {
  if (a.size() > b.size()) std::swap(a, b);
  if (b.substr(0, a.size()) != a) return false;
  return b.find_first_not_of('\0', a.size()) == std::string_view::npos;
}

void put(std::string& image, std::uint64_t sector, std::string_view bytes) {
  const std::uint64_t begin = sector * kSector;
  if (begin >= image.size()) return;
  const std::uint64_t room = std::min<std::uint64_t>(kSector, image.size() - begin);
  std::fill_n(image.begin() + static_cast<std::ptrdiff_t>(begin), room, '\0');
  std::copy_n(bytes.begin(), std::min<std::uint64_t>(room, bytes.size()), image.begin() + static_cast<std::ptrdiff_t>(begin));
}

// How the unsynced sectors of one file fare. Drawn once a file: with a coin for each sector alone, a file of many
// sectors would never be left whole but for its end, which is what real disks do most.
enum class Fate : std::uint64_t { none, all, prefix, subset, count_ };

}  // namespace

void DiskFile::open_layer() {
  if (!layers_.empty() && layers_.back().epoch == epoch_) return;
  layers_.push_back(Layer{epoch_, content_.size(), {}});
}

void DiskFile::save_before(std::uint64_t first_sector, std::uint64_t end_sector) {
  Layer& layer = layers_.back();
  const std::uint64_t end = std::min(end_sector, sectors(layer.base_size));
  for (std::uint64_t sector = first_sector; sector < end; ++sector) {
    const auto [place, is_new] = layer.before.try_emplace(sector);
    if (!is_new) continue;
    const auto lost = lost_.find(sector);
    if (lost != lost_.end()) {
      place->second = std::move(lost->second);
      lost_.erase(lost);
    } else {
      // Untouched in this layer, so no truncation cut it either, and it still is as the layer found it.
      place->second = sector_of(content_, sector).substr(0, layer.base_size - sector * kSector);
    }
  }
}

void DiskFile::write(std::uint64_t offset, std::string_view data) {
  if (data.empty()) return;
  open_layer();
  const std::uint64_t end = offset + data.size();
  save_before(std::min<std::uint64_t>(offset, content_.size()) / kSector, sectors(end));
  heal_overwritten(offset, end);
  if (offset == content_.size()) {
    content_.append(data);
    return;
  }
  if (end > content_.size()) content_.resize(end, '\0');
  std::copy(data.begin(), data.end(), content_.begin() + static_cast<std::ptrdiff_t>(offset));
}

void DiskFile::truncate(std::uint64_t size) {
  if (size == content_.size()) return;
  open_layer();
  const std::uint64_t kept = std::min<std::uint64_t>(size, content_.size());
  save_before(kept / kSector, sectors(layers_.back().base_size));
  content_.resize(size, '\0');
  bad_.erase(bad_.lower_bound(sectors(size)), bad_.end());
}

void DiskFile::replace(std::string content) {
  content_ = std::move(content);
  bad_.clear();
  layers_.clear();
  lost_.clear();
}

void DiskFile::damage(std::uint64_t begin, std::uint64_t end, const std::function<void(char&)>& change) {
  const auto apply = [&](std::string& bytes, std::uint64_t first) {  // bytes that begin at `first` in the file
    for (std::uint64_t at = std::max(begin, first); at < std::min(end, first + bytes.size()); ++at) change(bytes[at - first]);
  };
  apply(content_, 0);
  for (Layer& layer : layers_) {
    for (auto& [sector, bytes] : layer.before) apply(bytes, sector * kSector);
  }
  for (auto& [sector, bytes] : lost_) apply(bytes, sector * kSector);
}

void DiskFile::cut(std::uint64_t size) {
  WT_ASSERT(size <= content_.size());
  content_.resize(size);
  const auto cut_sectors = [size](std::map<std::uint64_t, std::string>& kept) {
    kept.erase(kept.lower_bound(sectors(size)), kept.end());
    if (kept.empty()) return;
    auto& [sector, bytes] = *kept.rbegin();
    bytes.resize(std::min<std::uint64_t>(bytes.size(), size - sector * kSector));
  };
  for (Layer& layer : layers_) {
    layer.base_size = std::min(layer.base_size, size);
    cut_sectors(layer.before);
  }
  cut_sectors(lost_);
  bad_.erase(bad_.lower_bound(sectors(size)), bad_.end());
}

bool DiskFile::is_readable(std::uint64_t offset, std::uint64_t size) const {
  if (size == 0 || bad_.empty()) return true;
  const auto next = bad_.lower_bound(offset / kPage * (kPage / kSector));
  return next == bad_.end() || *next / (kPage / kSector) > (offset + size - 1) / kPage;
}

std::string DiskFile::readable_content() const {
  std::string out = content_;
  for (const std::uint64_t sector : bad_) {
    const std::uint64_t page = sector * kSector / kPage * kPage;
    if (page < out.size())
      std::fill_n(out.begin() + static_cast<std::ptrdiff_t>(page), std::min<std::uint64_t>(kPage, out.size() - page), '\0');
  }
  return out;
}

bool DiskFile::is_writable(std::uint64_t offset, std::uint64_t size) const {
  for (const std::uint64_t sector : bad_) {
    const std::uint64_t page = sector * kSector / kPage * kPage;
    const std::uint64_t end = std::min<std::uint64_t>(page + kPage, content_.size());
    const bool touches = offset < page + kPage && offset + size > page;
    if (touches && (offset > page || offset + size < end)) return false;
  }
  return true;
}

// Requires: called before the write takes effect.
void DiskFile::heal_overwritten(std::uint64_t offset, std::uint64_t end) {
  for (auto sector = bad_.lower_bound(offset / kSector); sector != bad_.end() && *sector * kSector < end;) {
    const std::uint64_t last = std::min<std::uint64_t>((*sector + 1) * kSector, std::max<std::uint64_t>(content_.size(), end));
    const bool is_whole = offset <= *sector * kSector && end >= last;
    sector = is_whole ? bad_.erase(sector) : std::next(sector);
  }
}

void DiskFile::complete_sync(SyncTicket ticket) {
  std::erase_if(layers_, [&](const Layer& layer) { return layer.epoch < static_cast<std::uint64_t>(ticket); });
}

void DiskFile::fail_sync(SyncTicket ticket) {
  std::size_t covered = 0;
  while (covered < layers_.size() && layers_[covered].epoch < static_cast<std::uint64_t>(ticket)) ++covered;
  if (covered == 0) return;
  const std::string on_disk = durable();
  const std::string in_cache = image(covered);
  for (std::uint64_t sector = 0; sector < sectors(in_cache.size()); ++sector) {
    const std::string_view old_bytes = sector_of(on_disk, sector);
    if (is_same_sector(old_bytes, sector_of(in_cache, sector))) continue;
    // Where a later layer overwrote the sector it is dirty again, over what really is on the disk.
    bool is_dirty_again = false;
    for (std::size_t later = covered; later < layers_.size() && !is_dirty_again; ++later) {
      const auto again = layers_[later].before.find(sector);
      if (again == layers_[later].before.end()) continue;
      again->second = old_bytes;
      is_dirty_again = true;
    }
    if (is_dirty_again) continue;
    lost_[sector] = std::string(old_bytes);
  }
  layers_.erase(layers_.begin(), layers_.begin() + static_cast<std::ptrdiff_t>(covered));
}

std::string DiskFile::image(std::size_t index) const {
  std::string image = content_;
  for (std::size_t i = layers_.size(); i > index; --i) {
    const Layer& layer = layers_[i - 1];
    image.resize(layer.base_size, '\0');
    for (const auto& [sector, bytes] : layer.before) put(image, sector, bytes);
  }
  return image;
}

void DiskFile::lay_lost_over(std::string& image) const {
  for (const auto& [sector, bytes] : lost_) put(image, sector, bytes);
}

std::string DiskFile::durable() const {
  std::string durable = image(0);
  lay_lost_over(durable);
  return durable;
}

void DiskFile::lose_power(Keep keep, core::Random& random) {
  if (layers_.empty() || keep == Keep::all) {
    lay_lost_over(content_);
  } else if (keep == Keep::none) {
    content_ = durable();
  } else {
    pick_survivors(keep, random);
  }
  layers_.clear();
  lost_.clear();
  bad_.erase(bad_.lower_bound(sectors(content_.size())), bad_.end());
}

void DiskFile::pick_survivors(Keep keep, core::Random& random) {
  std::vector<std::string> images;  // [0] is durable, the last is the page cache
  for (std::size_t i = 0; i <= layers_.size(); ++i) {
    images.push_back(image(i));
    lay_lost_over(images.back());
  }
  const std::string& oldest = images.front();
  const std::string& newest = images.back();
  std::vector<std::uint64_t> dirty;
  std::uint64_t size_max = 0;
  for (const std::string& i : images) size_max = std::max<std::uint64_t>(size_max, i.size());
  for (std::uint64_t sector = 0; sector < sectors(size_max); ++sector) {
    for (std::size_t i = 0; i + 1 < images.size(); ++i) {
      if (is_same_sector(sector_of(images[i], sector), sector_of(newest, sector))) continue;
      dirty.push_back(sector);
      break;
    }
  }

  const Fate fate{random.below(static_cast<std::uint64_t>(Fate::count_))};
  if (fate == Fate::none) {
    content_ = oldest;
    return;
  }
  if (fate == Fate::all) {
    content_ = newest;
    return;
  }
  std::uint64_t size = newest.size();
  if (oldest.size() != newest.size()) {
    const std::uint64_t kind = random.below(3);
    const std::uint64_t low = std::min(oldest.size(), newest.size());
    const std::uint64_t high = std::max(oldest.size(), newest.size());
    if (kind == 0) size = oldest.size();
    if (kind == 1) size = random.between(low, high);
  }
  const std::uint64_t survivors = fate == Fate::prefix ? random.between(0, dirty.size()) : 0;
  std::string left = newest;
  left.resize(size, '\0');
  for (std::size_t i = 0; i < dirty.size(); ++i) {
    const std::size_t version = fate == Fate::prefix ? (i < survivors ? images.size() - 1 : 0) : random.below(images.size());
    const std::string& from = images[version];
    put(left, dirty[i], sector_of(from, dirty[i]));
    // With ordered data a size is written only after the bytes below it.
    if (keep == Keep::ordered && from.size() < newest.size()) {
      const std::uint64_t end = std::max<std::uint64_t>(from.size(), dirty[i] * kSector);
      if (from.size() < (dirty[i] + 1) * kSector) left.resize(std::min<std::uint64_t>(left.size(), end));
    }
  }
  if (keep == Keep::any) tear_sector(left, oldest, newest, dirty, random);
  content_ = std::move(left);
}

// Bytes of the sector that no write touched keep their value (SQLite calls it powersafe overwrite): what was synced stays
// durable, whatever is appended behind it in the same sector.
void DiskFile::tear_sector(std::string& left, const std::string& oldest, const std::string& newest, const std::vector<std::uint64_t>& dirty,
                           core::Random& random) {
  if (dirty.empty() || !random.chance({1, 4})) return;
  const std::uint64_t sector = dirty[random.below(dirty.size())];
  const std::string_view before = sector_of(oldest, sector);
  const std::string_view after = sector_of(newest, sector);
  const std::uint64_t first = sector * kSector;
  const std::uint64_t last = std::min<std::uint64_t>(first + std::max(before.size(), after.size()), left.size());
  if (first >= last) return;
  const std::uint64_t middle = random.between(first, last);
  const std::uint64_t part = random.below(3);  // left, right, whole
  const bool has_garbage = random.chance({1, 2});
  const auto byte_of = [](std::string_view bytes, std::uint64_t i) { return i < bytes.size() ? bytes[i] : '\0'; };
  for (std::uint64_t at = part == 1 ? middle : first; at < (part == 0 ? middle : last); ++at) {
    const char was = byte_of(before, at - first);
    if (was == byte_of(after, at - first)) continue;
    left[at] = has_garbage ? static_cast<char>(random.below(256)) : was;
  }
}

std::vector<std::uint64_t> DiskFile::volatile_sectors() const {
  std::vector<std::uint64_t> out;
  if (layers_.empty()) return out;
  const std::string on_disk = durable();
  for (std::uint64_t sector = 0; sector < sectors(std::max(on_disk.size(), content_.size())); ++sector) {
    if (!is_same_sector(sector_of(on_disk, sector), sector_of(content_, sector))) out.push_back(sector);
  }
  return out;
}

bool DiskFile::is_size_volatile() const { return !layers_.empty() && durable().size() != content_.size(); }

void DiskFile::keep_only(const std::vector<std::uint64_t>& sectors, bool has_size, const std::string& from) {
  std::string left = durable();
  if (has_size) left.resize(from.size(), '\0');
  for (const std::uint64_t sector : sectors) put(left, sector, sector_of(from, sector));
  std::set<std::uint64_t> bad = std::move(bad_);
  replace(std::move(left));
  bad_ = std::move(bad);
  bad_.erase(bad_.lower_bound((content_.size() + kSector - 1) / kSector), bad_.end());
}

}  // namespace windtunnel::sim
