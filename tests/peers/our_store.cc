#include "tests/peers/our_store.h"

#include <stdexcept>

#include "core/base/json_writer.h"
#include "core/jetstream/consumer_config.h"
#include "core/store/file_store.h"
#include "core/store/meta_file.h"

namespace windtunnel::tests {
namespace {

using namespace core;

void must(const Status& status) {
  if (!status) throw std::runtime_error(status.error().text());
}
template <typename T>
T must(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().text());
  return *std::move(result);
}

}  // namespace

OurStore::OurStore(const std::string& root, const std::string& config, WallTime now, StoreSettings settings)
    : settings_(settings), now_(now) {
  const StreamLookup no_other = [](std::string_view) -> const StreamConfig* { return nullptr; };
  if (const ApiStatus refused = normalise(must(parse_stream_config(config)), no_other, config_))
    throw std::runtime_error(refused->description);
  directory_ = "jetstream/$G/streams/" + config_.name;
  files_ = must(PosixDisk::open(root, PosixDisk::Access::read_write));
  disk_ = std::make_unique<SpoiledDisk>(*files_);
  clock_.epoch = now;
  env_ = std::make_unique<Env>(Env{clock_, *disk_, network_, tasks_, log_, Random{Seed{1}}, defects_});
  must(disk_->make_directories(directory_));
  JsonWriter json;
  json.begin_object().field("Created", now);
  write_stream_config_fields(json, config_);
  json.end_object();
  must(write_meta(env(), directory_, config_.name, json.view()));
  reopen();
}

void OurStore::reopen() {
  tasks_.spawned.clear();
  StreamStoreOptions options;
  options.name = config_.name;
  options.directory = directory_;
  options.limits = store_limits(config_);
  options.block_size = block_size_for(config_);
  options.compression = config_.compression;
  options.first_seq = config_.first_seq;
  store_ = must(open_file_store(env(), settings_, options));
}

Seq OurStore::put(std::string_view subject, std::string_view payload, std::string_view headers) {
  return must(store_->append({subject, headers, payload}, WallTime{now_.unix_ns + ++stored_ * 1000}));
}

void OurStore::consumer(const std::string& name, const std::string& config, const ConsumerState& state) {
  ConsumerConfig parsed = must(parse_consumer_config(config));
  if (const ApiStatus refused = normalise(parsed, config_)) throw std::runtime_error(refused->description);
  const std::string directory = directory_ + "/obs/" + name;
  const auto store = must(open_consumer_store(env(), settings_, directory, [&] { return state; }));
  JsonWriter json;
  json.begin_object().field("Created", now_).field("Name", name);
  write_consumer_config_fields(json, parsed);
  json.end_object();
  must(write_meta(env(), directory, config_.name + "/" + name, json.view()));
  must(store->write());
  must(store->stop());
}

void OurStore::spoil_end(std::uint32_t index) {
  const std::string path = directory_ + "/msgs/" + std::to_string(index) + ".blk";
  const std::unique_ptr<File> file = must(disk_->open(path, OpenMode{}));
  disk_->spoil(path, (must(file->size()).value - 1) / SpoiledDisk::kPage);
}

void OurStore::stop() {
  must(store_->stop());
  store_.reset();
}

void OurStore::run_background() { tasks_.run_one(0); }

void OurStore::kill() { store_.reset(); }

}  // namespace windtunnel::tests
