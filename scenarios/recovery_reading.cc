#include "scenarios/recovery_reading.h"

#include <algorithm>
#include <memory>

#include "core/base/data_hash.h"
#include "core/jetstream/stream_config.h"
#include "core/store/file_store.h"
#include "core/store/inspection_overlay.h"
#include "core/store/inspection_world.h"
#include "core/store/meta_file.h"
#include "scenarios/node_program.h"

namespace windtunnel::scenarios {
namespace {

// Of a node, so many starts are read.
constexpr std::uint64_t kStartsRead = 4;

std::string directory_of(const std::string& stream) { return "jetstream/$G/streams/" + stream; }
std::string index_of(const std::string& stream) { return directory_of(stream) + "/msgs/index.db"; }

// A tree's files, of which one may be another than it is, or not be there. Nothing can be changed.
class TreeDisk final : public core::Disk {
 public:
  struct Instead {
    std::string path;
    std::optional<std::string> content;
  };

  TreeDisk(const sim::DiskTree& tree, std::optional<Instead> instead) : tree_(tree), instead_(std::move(instead)) {}

  core::Result<std::unique_ptr<core::File>> open(std::string_view path, core::OpenMode mode) override {
    if (mode.create) return refusal();
    std::optional<std::string> content = instead_ && path == instead_->path ? instead_->content : tree_.readable_content(path);
    if (!content) return core::error(core::Errc::not_found, std::string(path));
    return std::unique_ptr<core::File>{std::make_unique<Content>(*std::move(content))};
  }
  core::Result<std::vector<core::DirectoryEntry>> list(std::string_view directory) override {
    WT_TRY(std::vector<core::DirectoryEntry> entries, tree_.list(directory));
    const bool is_above = instead_ && instead_->path.substr(0, instead_->path.rfind('/')) == directory;
    if (!is_above) return entries;
    const std::string name = instead_->path.substr(instead_->path.rfind('/') + 1);
    std::erase_if(entries, [&](const core::DirectoryEntry& entry) { return entry.name == name; });
    if (instead_->content) entries.push_back({name, false});
    std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
    return entries;
  }
  core::Result<bool> exists(std::string_view path) override {
    if (instead_ && path == instead_->path) return instead_->content.has_value();
    return tree_.exists(path);
  }
  core::Status make_directories(std::string_view) override { return refusal(); }
  core::Status rename(std::string_view, std::string_view) override { return refusal(); }
  core::Status remove(std::string_view) override { return refusal(); }
  core::Status remove_all(std::string_view) override { return refusal(); }
  core::Status sync_directory(std::string_view) override { return refusal(); }

 private:
  class Content final : public core::File {
   public:
    explicit Content(std::string bytes) : bytes_(std::move(bytes)) {}
    core::Result<std::size_t> read_at(core::Bytes offset, std::span<char> into) override {
      const std::size_t begin = static_cast<std::size_t>(std::min<std::uint64_t>(offset.value, bytes_.size()));
      const std::size_t count = std::min(into.size(), bytes_.size() - begin);
      std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(begin), count, into.begin());
      return count;
    }
    core::Status write_at(core::Bytes, std::string_view) override { return refusal(); }
    core::Status truncate(core::Bytes) override { return refusal(); }
    core::Status sync() override { return {}; }
    core::Result<core::Bytes> size() override { return core::Bytes{bytes_.size()}; }

   private:
    std::string bytes_;
  };
  static core::Error refusal() { return core::error(core::Errc::read_only, "a copy"); }

  const sim::DiskTree& tree_;
  std::optional<Instead> instead_;
};

core::Result<core::StreamStoreOptions> options_of(core::Env& env, const std::string& stream) {
  WT_TRY(const std::string meta, core::read_meta(env, directory_of(stream), stream));
  WT_TRY(const core::StreamConfig parsed, core::parse_stream_config(meta));
  core::StreamConfig config;
  const core::StreamLookup no_other = [](std::string_view) -> const core::StreamConfig* { return nullptr; };
  if (core::normalise(parsed, no_other, config)) return core::error(core::Errc::invalid_argument, "no server would take it");
  core::StreamStoreOptions options;
  options.name = stream;
  options.directory = directory_of(stream);
  options.limits = core::store_limits(config);
  options.block_size = core::block_size_for(config);
  options.compression = config.compression;
  options.first_seq = config.first_seq;
  // No time passes here, so nothing can be too old.
  if (options.limits.max_age.count() > 0) return core::error(core::Errc::unsupported, "max_age");
  return options;
}

core::Result<RecoveredStore> recover(const RecoveryReadings::Place& place, const sim::DiskTree& tree, const std::string& stream,
                                     std::optional<TreeDisk::Instead> instead) {
  TreeDisk files{tree, std::move(instead)};
  core::OverlayDisk overlay{files};
  core::InspectionWorld world{overlay, core::WallTime{}, place.defects};
  WT_TRY(core::StreamStoreOptions options, options_of(world.env(), stream));
  core::StoreSettings settings = node_config(*place.spec, nullptr).store;
  settings.opens_early = false;  // nobody would read the blocks later
  WT_TRY(const std::unique_ptr<core::StreamStore> store, core::open_file_store(world.env(), settings, std::move(options)));
  RecoveredStore out;
  out.state = store->state();
  out.subjects = store->subject_counts("");
  for (core::Seq seq = out.state.first_seq; seq.value > 0 && seq <= out.state.last_seq;) {
    const auto message = store->load_next({}, seq);
    if (!message) {  // what cannot be read is left out: its neighbours count
      seq = seq.next();
      continue;
    }
    if (!*message) break;
    seq = (*message)->seq;
    out.messages[seq] = core::content_hash((*message)->headers, (*message)->payload);
    seq = seq.next();
  }
  return out;
}

}  // namespace

void RecoveryReadings::look(const Place& place, const sim::DiskTree& tree) {
  if (std::exchange(nodes_[place.node].changes, tree.changes()) == tree.changes()) return;
  for (const StreamSpec& stream : place.scenario->streams) {
    if (stream.on != place.spec->name || stream.storage != Storage::file) continue;
    std::optional<std::string> content = tree.durable_content(index_of(stream.name));
    if (!content) continue;
    Indexes& own = indexes_[StreamKey{place.node, stream.name}];
    if (*content == own.last) continue;
    own.before_last = std::exchange(own.last, *std::move(content));
  }
}

void RecoveryReadings::starting(const Place& place, const sim::DiskTree& tree, core::Instant at) {
  look(place, tree);
  if (nodes_[place.node].starts++ < kStartsRead) read(place, tree, at, false);
}

void RecoveryReadings::at_end(const Place& place, const sim::DiskTree& tree, core::Instant at) {
  look(place, tree);
  read(place, tree, at, true);
}

void RecoveryReadings::read(const Place& place, const sim::DiskTree& tree, core::Instant at, bool is_final) {
  for (const StreamSpec& stream : place.scenario->streams) {
    if (stream.on != place.spec->name || stream.storage != Storage::file || !tree.is_directory(directory_of(stream.name))) continue;
    const std::string index = index_of(stream.name);
    core::Result<RecoveredStore> as_it_is = recover(place, tree, stream.name, std::nullopt);
    if (!as_it_is) continue;  // it cannot be opened, which is another invariant's business
    RecoveryReading reading{StreamKey{place.node, stream.name}, at, is_final, *std::move(as_it_is), {}, std::nullopt};
    const std::optional<std::string> current = tree.readable_content(index);
    reading.without_index = reading.with_index;
    if (current) {
      if (core::Result<RecoveredStore> without = recover(place, tree, stream.name, TreeDisk::Instead{index, std::nullopt}))
        reading.without_index = *std::move(without);
    }
    const Indexes& seen = indexes_[reading.key];
    const std::string& older = current && seen.last == *current ? seen.before_last : seen.last;
    if (!older.empty()) {
      if (core::Result<RecoveredStore> with_older = recover(place, tree, stream.name, TreeDisk::Instead{index, older}))
        reading.with_older_index = *std::move(with_older);
    }
    readings_.push_back(std::move(reading));
  }
}

}  // namespace windtunnel::scenarios
