#include "sim/disk_port.h"

#include <algorithm>

#include "core/base/assert.h"
#include "core/base/data_hash.h"
#include "core/base/hash.h"

namespace windtunnel::sim {

using core::Bytes;
using core::Errc;
using core::error;

namespace {

// As the kernel has it: beyond this a size is EFBIG. Also keeps a damaged offset from eating the host's memory.
constexpr std::uint64_t kFileSizeMax = std::uint64_t{1} << 32;

core::Error failed(Errc why, DiskOperation operation, std::string_view path) {
  return error(why, std::string(name_of(operation)) + " " + std::string(path));
}

}  // namespace

std::uint64_t SimDisk::Port::begin(DiskOperation operation, std::string_view path) {
  gate_.pass();
  const std::uint64_t count = disk_.count(operation, path);
  const bool is_held = disk_.notify({operation, path, count, false});
  core::Duration latency = disk_.latency(operation);
  if (is_held) latency = std::max(latency, core::Duration{1});
  if (disk_.stalled_until_ > disk_.kernel_.now()) latency = std::max(latency, disk_.stalled_until_ - disk_.kernel_.now());
  if (latency >= kSlow) disk_.record("disk.slow", {{"path", path}, {"ns", latency.count()}});
  if (latency > core::Duration{0}) tasks_.sleep_until(core::after(disk_.kernel_.now(), latency));
  gate_.pass();
  return count;
}

void SimDisk::Port::pause_between_calls() {
  const core::Duration latency = std::max(disk_.latency(DiskOperation::write), core::Duration{1});
  tasks_.sleep_until(core::after(disk_.kernel_.now(), latency));
  gate_.pass();
}

void SimDisk::Port::end(DiskOperation operation, std::string_view path, std::uint64_t count) {
  if (!disk_.notify({operation, path, count, true})) return;
  tasks_.sleep_until(core::after(disk_.kernel_.now(), core::Duration{1}));
  gate_.pass();
}

core::Result<std::unique_ptr<core::File>> SimDisk::Port::open(std::string_view path, core::OpenMode mode) {
  const DiskOperation operation = mode.create && !disk_.tree_.exists(path) ? DiskOperation::create : DiskOperation::open;
  const std::uint64_t count = begin(operation, path);
  if (const auto why = disk_.failure_of(operation, path)) return failed(*why, operation, path);
  if (mode.create && !disk_.tree_.exists(path) && disk_.room_for(0, 1) == 0) return failed(Errc::no_space, operation, path);
  const core::Result<DiskTree::Inode> inode = disk_.tree_.open(path, mode);
  if (!inode) {
    disk_.record("disk.open", {{"path", path}, {"error", core::name_of(inode.error().code)}});
    return inode.error();
  }
  auto file = std::make_unique<OpenFile>(disk_, *this, std::string(path), *inode);
  if (mode.truncate) disk_.tree_.truncate(*inode, 0);
  disk_.record("disk.open", {{"path", path}, {"size", disk_.tree_.file(*inode).content().size()}});
  end(operation, path, count);
  return std::unique_ptr<core::File>(std::move(file));
}

core::Status SimDisk::Port::make_directories(std::string_view path) {
  gate_.pass();
  for (std::size_t slash = path.find('/');; slash = path.find('/', slash + 1)) {
    const std::string_view directory = path.substr(0, slash);
    if (!disk_.tree_.exists(directory)) {
      const std::uint64_t count = begin(DiskOperation::make_directory, directory);
      if (const auto why = disk_.failure_of(DiskOperation::make_directory, directory))
        return failed(*why, DiskOperation::make_directory, directory);
      if (disk_.room_for(0, 1) == 0) return failed(Errc::no_space, DiskOperation::make_directory, directory);
      // Another task may have made it meanwhile.
      if (!disk_.tree_.exists(directory)) WT_CHECK(disk_.tree_.make_directory(directory));
      disk_.record("disk.make_directory", {{"path", directory}});
      end(DiskOperation::make_directory, directory, count);
    }
    if (!disk_.tree_.is_directory(directory)) return error(Errc::not_found, std::string(directory) + " is a file");
    if (slash == std::string_view::npos) return {};
  }
}

core::Result<std::vector<core::DirectoryEntry>> SimDisk::Port::list(std::string_view directory) {
  const std::uint64_t count = begin(DiskOperation::list, directory);
  if (const auto why = disk_.failure_of(DiskOperation::list, directory)) return failed(*why, DiskOperation::list, directory);
  core::Result<std::vector<core::DirectoryEntry>> entries = disk_.tree_.list(directory);
  std::uint64_t names = 0;
  if (entries) {
    for (const core::DirectoryEntry& entry : *entries) names = core::fold(names, core::hash_bytes(entry.name));
  }
  disk_.record("disk.list", {{"path", directory}, {"found", entries.has_value()}, {"names", names}});
  if (entries) end(DiskOperation::list, directory, count);
  return entries;
}

core::Status SimDisk::Port::rename(std::string_view from, std::string_view to) {
  const std::uint64_t count = begin(DiskOperation::rename, to);
  if (const auto why = disk_.failure_of(DiskOperation::rename, to)) return failed(*why, DiskOperation::rename, to);
  core::Status done = disk_.tree_.rename(from, to);
  disk_.record("disk.rename", {{"from", from}, {"to", to}, {"done", done.has_value()}});
  if (done) end(DiskOperation::rename, to, count);
  return done;
}

core::Status SimDisk::Port::remove_node(std::string_view path, bool is_directory) {
  const std::uint64_t count = begin(DiskOperation::remove, path);
  if (const auto why = disk_.failure_of(DiskOperation::remove, path)) return failed(*why, DiskOperation::remove, path);
  core::Status done = is_directory ? disk_.tree_.remove_directory(path) : disk_.tree_.remove(path);
  disk_.record("disk.remove", {{"path", path}, {"done", done.has_value()}});
  if (done) end(DiskOperation::remove, path, count);
  return done;
}

core::Status SimDisk::Port::remove(std::string_view path) { return remove_node(path, false); }

core::Status SimDisk::Port::remove_all(std::string_view path) {
  gate_.pass();
  if (!disk_.tree_.exists(path)) return {};
  if (!disk_.tree_.is_directory(path)) return remove_node(path, false);
  const core::Result<std::vector<core::DirectoryEntry>> entries = disk_.tree_.list(path);
  if (!entries) return entries.error();
  for (const core::DirectoryEntry& entry : *entries) {
    WT_CHECK(remove_all(std::string(path) + "/" + entry.name));
  }
  return remove_node(path, true);
}

core::Result<bool> SimDisk::Port::exists(std::string_view path) {
  const std::uint64_t count = begin(DiskOperation::exists, path);
  if (const auto why = disk_.failure_of(DiskOperation::exists, path)) return failed(*why, DiskOperation::exists, path);
  const bool exists = disk_.tree_.exists(path);
  disk_.record("disk.exists", {{"path", path}, {"exists", exists}});
  end(DiskOperation::exists, path, count);
  return exists;
}

core::Status SimDisk::Port::sync_directory(std::string_view path) {
  gate_.pass();
  WT_TRY(const DiskTree::SyncTicket ticket, disk_.tree_.begin_sync(path));
  const std::uint64_t count = begin(DiskOperation::sync_directory, path);
  if (const auto why = disk_.failure_of(DiskOperation::sync_directory, path)) return failed(*why, DiskOperation::sync_directory, path);
  if (disk_.trick_of(DiskTrick::Kind::phantom_sync, path) != nullptr) {
    disk_.lie_about_names(path);
  } else {
    WT_CHECK(disk_.tree_.complete_sync(path, ticket));
  }
  disk_.record("disk.sync_directory", {{"path", path}});
  end(DiskOperation::sync_directory, path, count);
  return {};
}

// ---- files ----

core::Result<std::size_t> SimDisk::OpenFile::read_at(Bytes offset, std::span<char> into) {
  const std::uint64_t count = port_.begin(DiskOperation::read, path_);
  if (const auto why = disk_.failure_of(DiskOperation::read, path_)) return failed(*why, DiskOperation::read, path_);
  const std::string& content = disk_.tree_.file(inode_).content();
  std::size_t got = 0;
  if (offset.value < content.size()) {
    got = std::min<std::size_t>(into.size(), content.size() - offset.value);
    std::copy_n(content.data() + offset.value, got, into.data());
  }
  if (!disk_.tree_.file(inode_).is_readable(offset.value, got)) {
    disk_.record("disk.bad_sector", {{"path", path_}, {"offset", offset.value}, {"size", got}});
    return failed(Errc::io_error, DiskOperation::read, path_);
  }
  if (got > 0) disturb_read(offset, into.subspan(0, got));
  disk_.record("disk.read", {{"path", path_}, {"offset", offset.value}, {"size", got}, {"hash", core::hash_data({into.data(), got})}});
  port_.end(DiskOperation::read, path_, count);
  return got;
}

void SimDisk::OpenFile::disturb_read(Bytes offset, std::span<char> bytes) {
  if (DiskTrick* trick = disk_.trick_of(DiskTrick::Kind::misread, path_)) {
    const std::uint64_t bit = trick->random.below(bytes.size() * 8);
    bytes[bit / 8] = static_cast<char>(static_cast<unsigned char>(bytes[bit / 8]) ^ 1u << (bit % 8));
  }
  if (DiskTrick* trick = disk_.trick_of(DiskTrick::Kind::misdirected_read, path_)) {
    const std::string other = disk_.misdirected_bytes(*trick, path_, offset.value, bytes.size());
    std::copy(other.begin(), other.end(), bytes.begin());
  }
}

core::Status SimDisk::OpenFile::write_prefix(Bytes offset, std::string_view data, std::uint64_t landed, Errc why) {
  disk_.tree_.write(inode_, offset.value, data.substr(0, landed));
  disk_.record("disk.write_failed", {{"path", path_}, {"offset", offset.value}, {"size", data.size()}, {"landed", landed}});
  return failed(why, DiskOperation::write, path_);
}

core::Status SimDisk::OpenFile::write_at(Bytes offset, std::string_view data) {
  gate_.pass();
  if (offset.value > kFileSizeMax || data.size() > kFileSizeMax - offset.value) return failed(Errc::io_error, DiskOperation::write, path_);
  WriteUnderWay write{inode_, offset.value, data};
  struct Registered {
    WritesUnderWay& all;
    WriteUnderWay* self;
    Registered(WritesUnderWay& list, WriteUnderWay& w) : all(list), self(&w) { all.push_back(self); }
    ~Registered() { std::erase(all, self); }
    Registered(const Registered&) = delete;
    Registered& operator=(const Registered&) = delete;
  };
  std::uint64_t count = 0;
  {
    const Registered registered(disk_.writes_under_way_, write);
    count = port_.begin(DiskOperation::write, path_);
  }
  if (const auto why = disk_.failure_of(DiskOperation::write, path_)) {
    const std::uint64_t landed = disk_.failure_random_.chance({1, 2}) ? disk_.failure_random_.between(0, data.size()) : 0;
    return write_prefix(offset, data, landed, *why);
  }
  if (!disk_.tree_.file(inode_).is_writable(offset.value, data.size())) {
    disk_.record("disk.bad_sector", {{"path", path_}, {"offset", offset.value}, {"size", data.size()}});
    return failed(Errc::io_error, DiskOperation::write, path_);
  }
  const std::uint64_t size = disk_.tree_.file(inode_).content().size();
  const std::uint64_t end = offset.value + data.size();
  const std::uint64_t room = disk_.room_for(size, end);
  if (room < end) return write_prefix(offset, data, room > offset.value ? room - offset.value : 0, Errc::no_space);
  if (DiskTrick* trick = disk_.trick_of(DiskTrick::Kind::short_write, path_); trick != nullptr && data.size() > 1) {
    const std::uint64_t first = trick->random.between(1, data.size() - 1);
    disk_.tree_.write(inode_, offset.value, data.substr(0, first));
    disk_.record("disk.write_short", {{"path", path_}, {"offset", offset.value}, {"size", data.size()}, {"landed", first}});
    // The second call. A process that is killed before it leaves the first part, at whatever byte it ends.
    port_.pause_between_calls();
  }
  if (DiskTrick* trick = disk_.trick_of(DiskTrick::Kind::misdirected_write, path_)) {
    disk_.misdirect_write(*trick, inode_, path_, offset.value, data);
  } else {
    disk_.tree_.write(inode_, offset.value, data);
  }
  if (const auto lost = disk_.lost_open_.find(inode_); lost != disk_.lost_open_.end())
    disk_.report(lost->second, disk_.tree_.file(inode_).content(), std::nullopt);
  disk_.record("disk.write", {{"path", path_}, {"offset", offset.value}, {"size", data.size()}, {"hash", core::hash_data(data)}});
  port_.end(DiskOperation::write, path_, count);
  return {};
}

core::Status SimDisk::OpenFile::truncate(Bytes size) {
  gate_.pass();
  if (size.value > kFileSizeMax) return failed(Errc::io_error, DiskOperation::truncate, path_);
  const std::uint64_t count = port_.begin(DiskOperation::truncate, path_);
  if (const auto why = disk_.failure_of(DiskOperation::truncate, path_)) return failed(*why, DiskOperation::truncate, path_);
  if (disk_.room_for(disk_.tree_.file(inode_).content().size(), size.value) < size.value)
    return failed(Errc::no_space, DiskOperation::truncate, path_);
  disk_.tree_.truncate(inode_, size.value);
  disk_.record("disk.truncate", {{"path", path_}, {"size", size.value}});
  port_.end(DiskOperation::truncate, path_, count);
  return {};
}

core::Status SimDisk::OpenFile::sync() {
  gate_.pass();
  const DiskFile::SyncTicket ticket = disk_.tree_.begin_sync(inode_);
  const std::uint64_t count = port_.begin(DiskOperation::sync, path_);
  if (const auto late = disk_.late_failures_.find(path_); late != disk_.late_failures_.end()) {
    disk_.late_failures_.erase(late);
    disk_.tree_.fail_sync(inode_, ticket);
    return failed(Errc::io_error, DiskOperation::sync, path_);
  }
  const DiskFailure* failure = disk_.failing(DiskOperation::sync, path_);
  if (failure != nullptr && !failure->is_late) {
    disk_.tree_.fail_sync(inode_, ticket);
    return failed(failure->error, DiskOperation::sync, path_);
  }
  if (failure != nullptr) disk_.late_failures_.insert(path_);
  if (failure != nullptr || disk_.trick_of(DiskTrick::Kind::phantom_sync, path_) != nullptr) {
    disk_.tree_.fail_sync(inode_, ticket);
    disk_.lie_about(inode_, path_);
  } else {
    disk_.tree_.complete_sync(inode_, ticket);
  }
  disk_.record("disk.sync", {{"path", path_}});
  port_.end(DiskOperation::sync, path_, count);
  return {};
}

core::Result<Bytes> SimDisk::OpenFile::size() {
  gate_.pass();
  return Bytes{disk_.tree_.file(inode_).content().size()};
}

}  // namespace windtunnel::sim
