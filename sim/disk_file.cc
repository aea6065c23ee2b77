#include "sim/disk_file.h"

#include <algorithm>
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
}

void DiskFile::replace(std::string content) {
  content_ = std::move(content);
  layers_.clear();
  lost_.clear();
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
  if (layers_.empty()) {
    lay_lost_over(content_);
  } else if (keep == Keep::none) {
    content_ = durable();
  } else if (keep == Keep::all) {
    lay_lost_over(content_);
  } else {
    pick_survivors(keep, random);
  }
  layers_.clear();
  lost_.clear();
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
  content_ = std::move(left);
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
  replace(std::move(left));
}

}  // namespace windtunnel::sim
