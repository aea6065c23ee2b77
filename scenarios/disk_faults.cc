#include "scenarios/disk_faults.h"

#include <algorithm>
#include <utility>

#include "core/base/assert.h"

namespace windtunnel::scenarios {
namespace {

core::Instant in_kernel_time(core::Instant scenario_time) { return core::after(kTimeZero, scenario_time - core::Instant{}); }

// As the real world's are told (core/posix/posix_error.cc).
core::Errc code_of(faults::DiskErrorCode error) {
  switch (error) {
    case faults::DiskErrorCode::eio:
    case faults::DiskErrorCode::emfile: return core::Errc::io_error;
    case faults::DiskErrorCode::enospc: return core::Errc::no_space;
    case faults::DiskErrorCode::erofs:
    case faults::DiskErrorCode::eacces: return core::Errc::read_only;
  }
  return core::Errc::io_error;
}

std::uint64_t times(std::uint64_t count) { return count == 0 ? UINT64_MAX : count; }

sim::PathMatch matcher(const faults::FileChoice& file) {
  return [file](std::string_view path) { return file.matches(path); };
}

}  // namespace

sim::DiskOperation operation_of(faults::DiskOp op) {
  switch (op) {
    case faults::DiskOp::create: return sim::DiskOperation::create;
    case faults::DiskOp::write: return sim::DiskOperation::write;
    case faults::DiskOp::fsync: return sim::DiskOperation::sync;
    case faults::DiskOp::truncate: return sim::DiskOperation::truncate;
    case faults::DiskOp::rename: return sim::DiskOperation::rename;
    case faults::DiskOp::remove: return sim::DiskOperation::remove;
    case faults::DiskOp::mkdir: return sim::DiskOperation::make_directory;
    case faults::DiskOp::fsync_directory: return sim::DiskOperation::sync_directory;
    case faults::DiskOp::open: return sim::DiskOperation::open;
    case faults::DiskOp::read: return sim::DiskOperation::read;
    case faults::DiskOp::list: return sim::DiskOperation::list;
  }
  WT_ASSERT(!"an operation without a counterpart");
  return sim::DiskOperation::write;
}

void DiskFaults::prepare(const faults::TimelineEntry& entry) {
  const auto* stale = std::get_if<faults::StaleFile>(&entry.fault.action);
  if (stale == nullptr) return;
  if (stale->version == faults::StaleVersion::previous_sync) {
    listened_.insert(stale->node);
    wanted_[stale->node].push_back(stale->file);
    return;
  }
  WT_ASSERT(entry.at.has_value());  // the loader takes `age` only where the time is known
  const core::Instant strikes = in_kernel_time(*entry.at);
  const core::Instant then = std::max(world_.kernel().now(), core::Instant{strikes - stale->age});
  world_.kernel().at(then, [this, node = stale->node, file = stale->file, key = std::pair{faults::to_text(entry.fault), strikes}] {
    Contents& kept = snapshots_[key];
    for (const std::string& path : disk(node).tree().files()) {
      if (file.matches(path)) kept[path] = *disk(node).tree().content(path);
    }
  });
}

void DiskFaults::on_operation(const std::string& node, const sim::DiskEvent& event) {
  if (!event.is_done || event.operation != sim::DiskOperation::sync) return;
  const auto wanted = wanted_.find(node);
  if (wanted == wanted_.end()) return;
  const bool is_followed =
      std::any_of(wanted->second.begin(), wanted->second.end(), [&](const faults::FileChoice& file) { return file.matches(event.path); });
  if (!is_followed) return;
  std::optional<std::string> content = disk(node).tree().content(event.path);
  if (!content) return;
  SyncedVersions& versions = synced_[node][std::string(event.path)];
  versions.previous = std::exchange(versions.last, *std::move(content));
  ++versions.count;
}

bool DiskFaults::apply(const faults::TimelineEntry& entry, std::size_t number) {
  const faults::Action& action = entry.fault.action;
  core::Random random = entry.random.child(std::to_string(number));
  if (const auto* misread = std::get_if<faults::Misread>(&action)) {
    play(misread->node, sim::DiskTrick::Kind::misread, misread->file, misread->count, random);
  } else if (const auto* read = std::get_if<faults::MisdirectedRead>(&action)) {
    play(read->node, sim::DiskTrick::Kind::misdirected_read, read->file, read->count, random);
  } else if (const auto* write = std::get_if<faults::MisdirectedWrite>(&action)) {
    play(write->node, sim::DiskTrick::Kind::misdirected_write, write->file, write->count, random);
  } else if (const auto* shorter = std::get_if<faults::ShortWrite>(&action)) {
    play(shorter->node, sim::DiskTrick::Kind::short_write, shorter->file, shorter->count, random);
  } else if (const auto* phantom = std::get_if<faults::PhantomSync>(&action)) {
    play(phantom->node, sim::DiskTrick::Kind::phantom_sync, phantom->file, 0, random);
  } else if (const auto* fsync = std::get_if<faults::FailedFsync>(&action)) {
    sim::DiskFailure failure;
    failure.operation = sim::DiskOperation::sync;
    failure.times = times(fsync->count);
    failure.matches = matcher(fsync->file);
    failure.is_late = fsync->is_late;
    disk(fsync->node).fail(std::move(failure));
    world_.history().fsync_failed({world_.kernel().now(), world_.node(fsync->node).process->node()});
  } else if (const auto* error = std::get_if<faults::DiskError>(&action)) {
    sim::DiskFailure failure;
    failure.operation = operation_of(error->op);
    failure.times = times(error->count);
    failure.error = code_of(error->error);
    failure.matches = matcher(error->file);
    if (error->op == faults::DiskOp::open) failure.also = sim::DiskOperation::create;  // O_CREAT is an open as well
    disk(error->node).fail(std::move(failure));
    if (error->op == faults::DiskOp::fsync || error->op == faults::DiskOp::fsync_directory)
      world_.history().fsync_failed({world_.kernel().now(), world_.node(error->node).process->node()});
  } else if (const auto* full = std::get_if<faults::DiskFull>(&action)) {
    disk(full->node).set_capacity(core::Bytes{disk(full->node).tree().bytes_used() + full->free.value});
  } else if (const auto* slow = std::get_if<faults::SlowDisk>(&action)) {
    disk(slow->node).set_slowdown(static_cast<std::uint32_t>(slow->factor));
    if (slow->stall > core::Duration{0}) disk(slow->node).stall_until(core::after(world_.kernel().now(), slow->stall));
  } else if (const auto* heal = std::get_if<faults::HealDisk>(&action)) {
    disk(heal->node).heal();
  } else if (faults::files_of(action) != nullptr) {
    strike_files(entry, random);
  } else {
    return false;
  }
  world_.history().disk_struck(world_.kernel().now(), world_.node(*faults::node_of(action)).process->node(), action);
  return true;
}

void DiskFaults::play(const std::string& node, sim::DiskTrick::Kind kind, const faults::FileChoice& file, std::uint64_t count,
                      core::Random random) {
  sim::DiskTrick trick;
  trick.kind = kind;
  trick.matches = matcher(file);
  trick.times = times(count);
  trick.random = random;
  disk(node).play(std::move(trick));
}

void DiskFaults::strike_files(const faults::TimelineEntry& entry, core::Random random) {
  const faults::FileChoice& choice = *faults::files_of(entry.fault.action);
  const std::string& node = *faults::node_of(entry.fault.action);
  core::Random picks = random.child("pick");
  bool has_struck = false;
  for (const std::string& path : faults::choose(choice, disk(node).tree().files(), picks)) {
    core::Random own = random.child(path);
    has_struck = strike_file(entry, disk(node), path, own) || has_struck;
  }
  // Nothing there to be damaged (yet): seen in the trace, so that nobody takes it for a fault that did no harm.
  if (!has_struck) world_.record(world_.node(node).process->node(), core::LogLevel::warn, "fault.no_file", {{"file", choice.glob}});
}

bool DiskFaults::strike_file(const faults::TimelineEntry& entry, sim::SimDisk& disk, const std::string& path, core::Random& random) {
  const faults::Action& action = entry.fault.action;
  const std::uint64_t size = disk.tree().content(path).value_or("").size();
  if (std::holds_alternative<faults::LoseFile>(action)) return disk.lose(path);
  if (const auto* cut = std::get_if<faults::TruncateFile>(&action)) {
    return disk.cut(path, cut->keep ? cut->keep->value : size - std::min(size, cut->cut->value));
  }
  if (const auto* zero = std::get_if<faults::ZeroFile>(&action)) {
    return disk.zero(path, zero->tail ? size - std::min(size, zero->tail->value) : 0);
  }
  if (const auto* flip = std::get_if<faults::BitFlip>(&action)) return disk.flip_bits(path, flip->bits, random);
  if (std::holds_alternative<faults::BadSector>(action)) return disk.spoil_sector(path, random);
  const auto* stale = std::get_if<faults::StaleFile>(&action);
  WT_ASSERT(stale != nullptr);
  if (stale->version == faults::StaleVersion::previous_sync) {
    const SyncedVersions& versions = synced_[stale->node][path];
    return versions.count >= 2 && disk.restore(path, versions.previous);
  }
  const Contents& then = snapshots_[{faults::to_text(entry.fault), world_.kernel().now()}];
  const auto found = then.find(path);
  return found != then.end() && disk.restore(path, found->second);
}

}  // namespace windtunnel::scenarios
