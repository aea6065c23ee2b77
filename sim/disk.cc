#include "sim/disk.h"

#include <algorithm>

#include "core/base/assert.h"
#include "core/base/data_hash.h"
#include "sim/disk_path.h"
#include "sim/disk_port.h"

namespace windtunnel::sim {

std::string_view name_of(DiskOperation operation) {
  static constexpr std::array<std::string_view, kDiskOperations> kNames{
      "open", "create", "exists", "list", "read", "write", "truncate", "sync", "make_directory", "rename", "remove", "sync_directory"};
  return kNames[static_cast<std::size_t>(operation)];
}

SimDisk::SimDisk(Kernel& kernel, NodeId node, std::string_view name, DiskTraits traits)
    : kernel_(kernel),
      node_(node),
      traits_(traits),
      random_(kernel.random("disk/" + std::string(name))),
      latency_random_(random_.child("latency")),
      failure_random_(random_.child("failures")) {}

SimDisk::~SimDisk() { WT_ASSERT(writes_under_way_.empty()); }

void SimDisk::set_slowdown(std::uint32_t factor) {
  WT_ASSERT(factor >= 1);
  slowdown_ = factor;
}

void SimDisk::set_listener(Listener listener) {
  listener_ = std::move(listener);
  counts_.clear();
}

core::Duration SimDisk::latency(DiskOperation operation) {
  DurationRange range = traits_.names;
  if (operation == DiskOperation::read) range = traits_.read;
  if (operation == DiskOperation::write || operation == DiskOperation::truncate) range = traits_.write;
  if (operation == DiskOperation::sync || operation == DiskOperation::sync_directory) range = traits_.sync;
  return range.draw(latency_random_) * slowdown_;
}

std::uint64_t SimDisk::count(DiskOperation operation, std::string_view path) {
  if (!listener_) return 0;
  auto place = counts_.find(path);
  if (place == counts_.end()) place = counts_.emplace(std::string(path), std::array<std::uint64_t, kDiskOperations>{}).first;
  return ++place->second[static_cast<std::size_t>(operation)];
}

bool SimDisk::notify(const DiskEvent& event) {
  bool is_held = listener_ && listener_(event);
  if (event.is_done && tree_.changes() != changes_seen_) {
    changes_seen_ = tree_.changes();
    ++changing_operations_;
    if (change_watch_ && change_watch_(changing_operations_, event)) is_held = true;
  }
  return is_held;
}

const DiskFailure* SimDisk::failing(DiskOperation operation, std::string_view path) {
  for (Rule& rule : failures_) {
    const DiskFailure& failure = rule.failure;
    if (failure.operation != operation && failure.also != operation) continue;
    if (failure.matches ? !failure.matches(path) : !path_matches(failure.pattern, path)) continue;
    const std::uint64_t index = rule.matched++;
    if (index < failure.skip || index - failure.skip >= failure.times) continue;
    record("disk.failure", {{"operation", name_of(operation)}, {"path", path}, {"error", core::name_of(failure.error)}});
    return &failure;
  }
  return nullptr;
}

std::optional<core::Errc> SimDisk::failure_of(DiskOperation operation, std::string_view path) {
  const DiskFailure* failure = failing(operation, path);
  return failure == nullptr ? std::nullopt : std::optional{failure->error};
}

std::uint64_t SimDisk::room_for(std::uint64_t size, std::uint64_t wanted) const {
  if (!capacity_ || wanted <= size) return wanted;
  const std::uint64_t used = tree_.bytes_used();
  const std::uint64_t free = used < capacity_->value ? capacity_->value - used : 0;
  return std::min(wanted, size + free);
}

// The writer's buffer is still there: its stack is unwound later. A write is cut where the page cache's pages meet, so
// one within a page lands whole or not at all.
void SimDisk::settle_writes(core::Random& random, Keep keep) {
  constexpr std::uint64_t kPage = 4096;
  for (const WriteUnderWay* write : writes_under_way_) {
    if (keep == Keep::none) continue;
    const std::uint64_t end = write->offset + write->data.size();
    std::uint64_t cut = write->offset;
    const std::uint64_t how = random.below(4);
    if (how == 0) cut = end;
    if (how == 1) cut = random.between(write->offset, end) / kPage * kPage;
    const std::uint64_t landed = cut > write->offset ? cut - write->offset : 0;
    tree_.write(write->inode, write->offset, write->data.substr(0, landed));
    record("disk.write_cut", {{"offset", write->offset}, {"size", write->data.size()}, {"landed", landed}});
  }
  writes_under_way_.clear();
}

void SimDisk::crash_process() {
  WT_ASSERT(!kernel_.runtime().is_in_fiber());
  core::Random random = random_.child("crash").child(std::to_string(++crashes_));
  settle_writes(random, Keep::any);
  tree_.close_all();
  lost_open_.clear();
  is_mounted_ = false;
}

void SimDisk::lose_power(Keep keep) {
  WT_ASSERT(!kernel_.runtime().is_in_fiber());
  core::Random random = random_.child("power_loss").child(std::to_string(++crashes_));
  settle_writes(random, keep);
  tree_.lose_power(keep, random);
  lost_open_.clear();
  late_failures_.clear();
  is_mounted_ = false;
  record("disk.power_loss", {{"files", tree_.files().size()}, {"bytes", tree_.bytes_used()}});
}

void SimDisk::lose_power(const Survivors& how, const DiskTree* older) {
  WT_ASSERT(!kernel_.runtime().is_in_fiber());
  ++crashes_;
  writes_under_way_.clear();
  tree_.lose_power(how, older);
  lost_open_.clear();
  late_failures_.clear();
  is_mounted_ = false;
  record("disk.power_loss", {{"files", tree_.files().size()}, {"bytes", tree_.bytes_used()}});
}

void SimDisk::put(std::string_view path, std::string content) {
  record("disk.put", {{"path", path}, {"size", content.size()}, {"hash", core::hash_data(content)}});
  tree_.put(path, std::move(content));
}

void SimDisk::drop(std::string_view path) {
  record("disk.drop", {{"path", path}});
  tree_.drop(path);
}

std::unique_ptr<core::Disk> SimDisk::mount(const Gate& gate, core::Tasks& tasks) {
  WT_ASSERT(!is_mounted_);
  is_mounted_ = true;
  return std::make_unique<Port>(*this, gate, tasks);
}

}  // namespace windtunnel::sim
