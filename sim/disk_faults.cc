// What goes wrong with a SimDisk beyond what a crash does to it.
#include <algorithm>
#include <array>
#include <vector>

#include "core/base/assert.h"
#include "core/base/data_hash.h"
#include "sim/disk.h"

namespace windtunnel::sim {

std::string_view name_of(DiskTrick::Kind kind) {
  static constexpr std::array<std::string_view, 5> kNames{"misread", "misdirected_read", "misdirected_write", "short_write",
                                                          "phantom_sync"};
  return kNames[static_cast<std::size_t>(kind)];
}

void SimDisk::heal() {
  const bool is_ill =
      !failures_.empty() || !tricks_.empty() || !late_failures_.empty() || capacity_ || slowdown_ != 1 || stalled_until_ > kernel_.now();
  if (is_ill) record("disk.heal", {});
  failures_.clear();
  tricks_.clear();
  late_failures_.clear();
  capacity_.reset();
  slowdown_ = 1;
  stalled_until_ = core::Instant{};
}

DiskTrick* SimDisk::trick_of(DiskTrick::Kind kind, std::string_view path) {
  for (DiskTrick& trick : tricks_) {
    if (trick.kind != kind || trick.times == 0 || (trick.matches && !trick.matches(path))) continue;
    if (trick.times != UINT64_MAX) --trick.times;
    record("disk.trick", {{"kind", name_of(kind)}, {"path", path}});
    return &trick;
  }
  return nullptr;
}

void SimDisk::report(std::string_view path, std::optional<std::string> before, std::optional<std::string> after, bool is_after_power_loss) {
  if (damage_listener_) damage_listener_(DiskDamage{path, std::move(before), std::move(after), is_after_power_loss});
}

// ---- at rest ----

bool SimDisk::damage(std::string_view path, core::EventName name, std::uint64_t what, const std::function<void(DiskFile&)>& change) {
  DiskFile* file = tree_.damaged(path);
  if (file == nullptr) return false;
  std::string before = file->content();
  change(*file);
  record(name, {{"path", path}, {"size", before.size()}, {"what", what}});
  std::string after = file->content();
  report(path, std::move(before), std::move(after));
  return true;
}

bool SimDisk::lose(std::string_view path) {
  const std::optional<DiskTree::Inode> inode = tree_.file_inode(path);
  if (!inode) return false;
  const std::optional<std::string> content = tree_.content(path);
  record("disk.lose", {{"path", path}, {"size", content->size()}});
  if (tree_.is_open(*inode)) lost_open_[*inode] = std::string(path);
  WT_ASSERT(tree_.lose(path));
  report(path, content, std::nullopt);
  return true;
}

bool SimDisk::restore(std::string_view path, std::string older) {
  const std::uint64_t hash = core::hash_data(older);
  return damage(path, "disk.restore", hash, [&](DiskFile& file) { file.replace(std::move(older)); });
}

bool SimDisk::cut(std::string_view path, std::uint64_t size) {
  const std::optional<std::string> content = tree_.content(path);
  if (!content || size >= content->size()) return false;
  return damage(path, "disk.cut", size, [size](DiskFile& file) { file.cut(size); });
}

bool SimDisk::zero(std::string_view path, std::uint64_t from) {
  const std::optional<std::string> content = tree_.content(path);
  if (!content || from >= content->size()) return false;
  return damage(path, "disk.zero", from, [&](DiskFile& file) { file.damage(from, content->size(), [](char& byte) { byte = 0; }); });
}

bool SimDisk::flip_bit(std::string_view path, std::uint64_t bit) {
  const std::optional<std::string> content = tree_.content(path);
  if (!content || bit / 8 >= content->size()) return false;
  return damage(path, "disk.flip_bit", bit, [bit](DiskFile& file) {
    file.damage(bit / 8, bit / 8 + 1, [bit](char& byte) { byte = static_cast<char>(static_cast<unsigned char>(byte) ^ 1u << (bit % 8)); });
  });
}

bool SimDisk::flip_bits(std::string_view path, std::uint64_t bits, core::Random& random) {
  const std::optional<std::string> content = tree_.content(path);
  if (!content || content->empty()) return false;
  const std::uint64_t sector = random.below((content->size() + DiskFile::kSector - 1) / DiskFile::kSector);
  const std::uint64_t begin = sector * DiskFile::kSector * 8;
  const std::uint64_t end = std::min<std::uint64_t>((sector + 1) * DiskFile::kSector, content->size()) * 8;
  std::set<std::uint64_t> chosen;
  while (chosen.size() < std::min(bits, end - begin)) chosen.insert(random.between(begin, end - 1));
  return damage(path, "disk.flip_bits", *chosen.begin(), [&](DiskFile& file) {
    for (const std::uint64_t bit : chosen) {
      file.damage(bit / 8, bit / 8 + 1,
                  [bit](char& byte) { byte = static_cast<char>(static_cast<unsigned char>(byte) ^ 1u << (bit % 8)); });
    }
  });
}

bool SimDisk::spoil_sector(std::string_view path, core::Random& random) {
  DiskFile* file = tree_.damaged(path);
  if (file == nullptr || file->content().empty()) return false;
  const std::uint64_t sector = random.below((file->content().size() + DiskFile::kSector - 1) / DiskFile::kSector);
  const std::string before = file->readable_content();
  file->spoil(sector);
  record("disk.spoil_sector", {{"path", path}, {"sector", sector}});
  report(path, before, file->readable_content());
  return true;
}

// ---- in flight ----

std::string SimDisk::neighbour(DiskTrick& trick, std::string_view path) const {
  const std::string_view directory = path.substr(0, path.rfind('/') + 1);
  std::vector<std::string> others;
  for (std::string& other : tree_.files()) {
    const bool is_beside = other.starts_with(directory) && other.find('/', directory.size()) == std::string::npos;
    if (is_beside && other != path && trick.matches && trick.matches(other)) others.push_back(std::move(other));
  }
  if (others.empty()) return std::string(path);
  return others[trick.random.below(others.size())];
}

// Sector by sector as a drive would, in a place where there are bytes to be hit.
void SimDisk::misdirect_write(DiskTrick& trick, DiskTree::Inode inode, std::string_view path, std::uint64_t offset, std::string_view data) {
  // The file system counts the bytes as written: the file grows, over what the medium had there.
  const std::uint64_t size = tree_.file(inode).content().size();
  std::string intended = tree_.file(inode).content();
  if (offset + data.size() > intended.size()) intended.resize(offset + data.size(), '\0');
  std::copy(data.begin(), data.end(), intended.begin() + static_cast<std::ptrdiff_t>(offset));
  if (offset + data.size() > size) tree_.truncate(inode, offset + data.size());

  const std::string victim = neighbour(trick, path);
  std::optional<std::string> before = tree_.content(victim);
  const std::uint64_t room = before ? before->size() / DiskFile::kSector : 0;
  const std::uint64_t at = room == 0 ? 0 : trick.random.below(room) * DiskFile::kSector;
  record("disk.misdirected", {{"path", path}, {"offset", offset}, {"size", data.size()}, {"to", std::string_view(victim)}, {"at", at}});
  if (DiskFile* hit = tree_.damaged(victim)) {
    // One call a byte for each version of the sector that is kept: the place decides, not the count.
    for (std::uint64_t i = 0; i < data.size(); ++i) hit->damage(at + i, at + i + 1, [&](char& byte) { byte = data[i]; });
    std::string after = hit->content();
    if (victim != path) report(victim, std::move(before), std::move(after));
  }
  report(path, std::move(intended), tree_.file(inode).content());
}

std::string SimDisk::misdirected_bytes(DiskTrick& trick, std::string_view path, std::uint64_t offset, std::size_t size) const {
  const std::string other = neighbour(trick, path);
  std::string bytes = tree_.content(other).value_or("");
  if (other == path) offset = (offset + DiskFile::kSector * (1 + trick.random.below(8))) % std::max<std::uint64_t>(bytes.size(), 1);
  bytes = offset < bytes.size() ? bytes.substr(offset, size) : std::string{};
  bytes.resize(size, '\0');
  return bytes;
}

void SimDisk::lie_about(DiskTree::Inode inode, std::string_view path) {
  const DiskFile& file = tree_.file(inode);
  if (damage_listener_) report(path, file.content(), file.durable(), true);
}

// Names that are there but not on the medium, and those that are gone but still on it.
void SimDisk::lie_about_names(std::string_view directory) {
  if (!damage_listener_) return;
  const std::string prefix = directory.empty() ? "" : std::string(directory) + "/";
  for (const std::string& path : tree_.files()) {
    if (path.starts_with(prefix) && !tree_.durable_content(path)) report(path, tree_.content(path), std::nullopt, true);
  }
  for (const std::string& path : tree_.durable_files()) {
    if (path.starts_with(prefix) && !tree_.content(path)) report(path, std::nullopt, tree_.durable_content(path), true);
  }
}

}  // namespace windtunnel::sim
