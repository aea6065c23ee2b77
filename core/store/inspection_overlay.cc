#include "core/store/inspection_overlay.h"

#include <algorithm>
#include <cstring>
#include <map>

namespace windtunnel::core {
namespace {

// Files are as large as offsets can name; nothing is allocated for a gap.
constexpr std::uint64_t kFileSizeMax = std::uint64_t{1} << 62;

Error no_directory(std::string_view path) { return error(Errc::not_found, "no directory " + std::string(path)); }

}  // namespace

struct OverlayDisk::Node {
  bool is_directory = false;
  std::optional<std::string> below;  // where the disk below has it

  // Of a directory.
  bool is_loaded = false;
  std::map<std::string, std::shared_ptr<Node>, std::less<>> children;

  // Of a file.
  struct Patch {
    std::uint64_t offset = 0;
    std::string bytes;
  };
  bool is_sized = false;
  std::uint64_t size = 0;
  std::uint64_t below_size = 0;  // how much of the file below still shows
  std::vector<Patch> patches;    // later ones lie over earlier ones

  void write(std::uint64_t offset, std::string_view data) {
    // Appending, the common case, grows one patch.
    if (!patches.empty() && patches.back().offset + patches.back().bytes.size() == offset) {
      patches.back().bytes.append(data);
    } else {
      patches.push_back({offset, std::string(data)});
    }
    size = std::max(size, offset + data.size());
  }
  void truncate(std::uint64_t to) {
    below_size = std::min(below_size, to);
    std::erase_if(patches, [to](const Patch& patch) { return patch.offset >= to; });
    for (Patch& patch : patches)
      patch.bytes.resize(static_cast<std::size_t>(std::min<std::uint64_t>(patch.bytes.size(), to - patch.offset)));
    size = to;
  }
};

class OverlayDisk::Handle final : public File {
 public:
  Handle(std::shared_ptr<Node> node, std::unique_ptr<File> below) : node_(std::move(node)), below_(std::move(below)) {}

  Result<std::size_t> read_at(Bytes offset, std::span<char> into) override {
    const std::uint64_t from = offset.value;
    if (from >= node_->size) return std::size_t{0};
    const std::size_t length = static_cast<std::size_t>(std::min<std::uint64_t>(into.size(), node_->size - from));
    std::size_t filled = 0;
    if (below_ != nullptr && from < node_->below_size) {
      const auto part = static_cast<std::size_t>(std::min<std::uint64_t>(length, node_->below_size - from));
      WT_TRY(filled, below_->read_at(offset, into.first(part)));
    }
    std::fill(into.begin() + static_cast<std::ptrdiff_t>(filled), into.begin() + static_cast<std::ptrdiff_t>(length), '\0');
    for (const Node::Patch& patch : node_->patches) {
      const std::uint64_t begin = std::max(from, patch.offset);
      const std::uint64_t end = std::min(from + length, patch.offset + patch.bytes.size());
      if (begin < end) std::memcpy(into.data() + (begin - from), patch.bytes.data() + (begin - patch.offset), end - begin);
    }
    return length;
  }
  Status write_at(Bytes offset, std::string_view data) override {
    if (offset.value > kFileSizeMax || data.size() > kFileSizeMax - offset.value)
      return error(Errc::no_space, "the file would be too large");
    if (!data.empty()) node_->write(offset.value, data);
    return {};
  }
  Status truncate(Bytes size) override {
    if (size.value > kFileSizeMax) return error(Errc::no_space, "the file would be too large");
    node_->truncate(size.value);
    return {};
  }
  Status sync() override { return {}; }
  Result<Bytes> size() override { return Bytes{node_->size}; }

 private:
  std::shared_ptr<Node> node_;
  std::unique_ptr<File> below_;
};

OverlayDisk::OverlayDisk(Disk& below) : below_(below), root_(std::make_shared<Node>()) {
  root_->is_directory = true;
  root_->below = "";
}
OverlayDisk::~OverlayDisk() = default;

// Takes over the names of the directory below, once.
Status OverlayDisk::load(Node& directory) {
  if (directory.is_loaded || !directory.below) return {};
  WT_TRY(const std::vector<DirectoryEntry> entries, below_.list(*directory.below));
  for (const DirectoryEntry& entry : entries) {
    auto child = std::make_shared<Node>();
    child->is_directory = entry.is_directory;
    child->below = directory.below->empty() ? entry.name : *directory.below + "/" + entry.name;
    directory.children.emplace(entry.name, std::move(child));
  }
  directory.is_loaded = true;
  return {};
}

Result<std::shared_ptr<OverlayDisk::Node>> OverlayDisk::find(std::string_view path) {
  std::shared_ptr<Node> node = root_;
  while (!path.empty()) {
    if (!node->is_directory) return std::shared_ptr<Node>{};
    WT_CHECK(load(*node));
    const std::size_t slash = std::min(path.find('/'), path.size());
    const auto child = node->children.find(path.substr(0, slash));
    if (child == node->children.end()) return std::shared_ptr<Node>{};
    node = child->second;
    path.remove_prefix(std::min(slash + 1, path.size()));
  }
  return node;
}

Result<OverlayDisk::Place> OverlayDisk::place_of(std::string_view path) {
  if (path.empty()) return error(Errc::invalid_argument, "the root has no name");
  const std::size_t slash = path.rfind('/');
  const std::string_view above = slash == std::string_view::npos ? std::string_view{} : path.substr(0, slash);
  WT_TRY(const std::shared_ptr<Node> directory, find(above));
  if (directory == nullptr || !directory->is_directory) return no_directory(above);
  WT_CHECK(load(*directory));
  return Place{directory, std::string(path.substr(slash == std::string_view::npos ? 0 : slash + 1))};
}

Result<std::unique_ptr<File>> OverlayDisk::open(std::string_view path, OpenMode mode) {
  WT_TRY(const Place place, place_of(path));
  const auto found = place.directory->children.find(place.name);
  if (found == place.directory->children.end()) {
    if (!mode.create) return error(Errc::not_found, std::string(path));
    auto made = std::make_shared<Node>();
    made->is_sized = true;
    place.directory->children.emplace(place.name, made);
    return std::unique_ptr<File>{std::make_unique<Handle>(std::move(made), nullptr)};
  }
  const std::shared_ptr<Node> node = found->second;
  if (node->is_directory) return error(Errc::invalid_argument, std::string(path) + " is a directory");
  if (mode.create && mode.exclusive) return error(Errc::already_exists, std::string(path));
  std::unique_ptr<File> below;
  if (node->below) {
    WT_TRY(below, below_.open(*node->below, OpenMode{}));
    if (!node->is_sized) {
      WT_TRY(const Bytes size, below->size());
      node->size = node->below_size = size.value;
      node->is_sized = true;
    }
  }
  if (mode.truncate) node->truncate(0);
  return std::unique_ptr<File>{std::make_unique<Handle>(node, std::move(below))};
}

Status OverlayDisk::make_directories(std::string_view path) {
  std::shared_ptr<Node> node = root_;
  while (!path.empty()) {
    WT_CHECK(load(*node));
    const std::size_t slash = std::min(path.find('/'), path.size());
    const std::string name{path.substr(0, slash)};
    std::shared_ptr<Node>& child = node->children[name];
    if (child == nullptr) {
      child = std::make_shared<Node>();
      child->is_directory = true;
    }
    if (!child->is_directory) return error(Errc::not_found, name + " is a file");
    node = child;
    path.remove_prefix(std::min(slash + 1, path.size()));
  }
  return {};
}

Result<std::vector<DirectoryEntry>> OverlayDisk::list(std::string_view directory) {
  WT_TRY(const std::shared_ptr<Node> node, find(directory));
  if (node == nullptr || !node->is_directory) return no_directory(directory);
  WT_CHECK(load(*node));
  std::vector<DirectoryEntry> out;
  for (const auto& [name, child] : node->children) out.push_back({name, child->is_directory});
  return out;
}

Status OverlayDisk::rename(std::string_view from, std::string_view to) {
  WT_TRY(const Place old_place, place_of(from));
  WT_TRY(const Place new_place, place_of(to));
  const auto found = old_place.directory->children.find(old_place.name);
  if (found == old_place.directory->children.end()) return error(Errc::not_found, std::string(from));
  const std::shared_ptr<Node> moved = found->second;
  const auto replaced = new_place.directory->children.find(new_place.name);
  if (replaced != new_place.directory->children.end()) {
    Node& old = *replaced->second;
    if (&old == moved.get()) return {};
    if (old.is_directory != moved->is_directory) return error(Errc::already_exists, std::string(to) + " is of another kind");
    if (old.is_directory) WT_CHECK(load(old));
    if (!old.children.empty()) return error(Errc::already_exists, std::string(to) + " is not empty");
  }
  if (moved->is_directory && to.starts_with(std::string(from) + "/"))
    return error(Errc::invalid_argument, std::string(to) + " lies below " + std::string(from));
  old_place.directory->children.erase(found);
  new_place.directory->children[new_place.name] = moved;
  return {};
}

Status OverlayDisk::remove(std::string_view path) {
  WT_TRY(const Place place, place_of(path));
  const auto found = place.directory->children.find(place.name);
  if (found == place.directory->children.end()) return error(Errc::not_found, std::string(path));
  if (found->second->is_directory) return error(Errc::invalid_argument, std::string(path) + " is a directory");
  place.directory->children.erase(found);
  return {};
}

Status OverlayDisk::remove_all(std::string_view path) {
  const Result<Place> place = place_of(path);
  if (!place) return place.error().code == Errc::not_found ? Status{} : Status{place.error()};
  place->directory->children.erase(place->name);
  return {};
}

Result<bool> OverlayDisk::exists(std::string_view path) {
  WT_TRY(const std::shared_ptr<Node> node, find(path));
  return node != nullptr;
}

Status OverlayDisk::sync_directory(std::string_view path) {
  WT_TRY(const std::shared_ptr<Node> node, find(path));
  return node != nullptr && node->is_directory ? Status{} : Status{no_directory(path)};
}

}  // namespace windtunnel::core
