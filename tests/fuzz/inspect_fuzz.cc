// A whole stream directory, fed with anything: a good one (blocks, index, metadata, a consumer) that the input changes.
// Whatever it comes to, looking at it must neither crash nor hang nor change it, nor allocate out of proportion.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/assert.h"
#include "core/store/codec.h"
#include "core/store/consumer_store.h"
#include "core/store/file_store.h"
#include "core/store/inspection_world.h"
#include "core/store/meta_file.h"
#include "core/store/record.h"
#include "reports/inspect.h"
#include "tests/support/memory_disk.h"

using namespace windtunnel;
using namespace windtunnel::core;
using windtunnel::tests::MemoryDisk;

namespace {

constexpr std::string_view kDirectory = "jetstream/$G/streams/S";
constexpr WallTime kNow{1700000000000000000};

std::string path(std::string_view name) { return std::string(kDirectory) + "/" + std::string(name); }

MemoryDisk::Files good_files() {
  MemoryDisk disk;
  InspectionWorld world{disk, kNow};
  Env& env = world.env();
  WT_ASSERT(env.disk.make_directories(path("obs/w")));
  WT_ASSERT(write_meta(env, kDirectory, "S",
                       R"({"Created":"2024-01-01T00:00:00Z","name":"S","subjects":["s.>"],"storage":"file","max_bytes":100000})"));
  WT_ASSERT(
      write_meta(env, path("obs/w"), "S/w", R"({"Created":"2024-01-01T00:00:00Z","Name":"w","durable_name":"w","ack_policy":"explicit"})"));
  StreamStoreOptions options;
  options.name = "S";
  options.directory = std::string(kDirectory);
  StoreSettings settings;
  settings.block_size = Bytes{300};
  auto store = open_file_store(env, settings, options);
  WT_ASSERT(store.has_value());
  for (int i = 0; i < 12; ++i) {
    const std::string subject = "s." + std::to_string(i % 3);
    WT_ASSERT((*store)->append({subject, i % 4 == 0 ? "NATS/1.0\r\n\r\n" : "", "payload"}, kNow).has_value());
  }
  WT_ASSERT((*store)->remove(Seq{3}, false).has_value());
  WT_ASSERT((*store)->remove(Seq{8}, true).has_value());
  WT_ASSERT((*store)->stop());
  ConsumerState state;
  state.ack_floor = {2, Seq{2}};
  state.delivered = {7, Seq{7}};
  state.pending[Seq{5}] = {5, kNow};
  state.redelivered[Seq{5}] = 1;
  disk.put(path("obs/w/o.dat"), encode_consumer_state(state, kNow));
  return disk.files();
}

// Puts the right checksum to what was changed, or mutations would get no further than it.
void sign(MemoryDisk& disk) {
  if (disk.has(path("msgs/index.db")) && disk.file(path("msgs/index.db")).size() >= 8) {
    std::string& index = disk.file(path("msgs/index.db"));
    index.resize(index.size() - 8);
    put_u64(index, highway_hash(highway_key("S"), index));
  }
  for (const auto& [inf, key] : {std::pair{path("meta.inf"), "S"}, std::pair{path("obs/w/meta.inf"), "S/w"}}) {
    if (!disk.has(inf)) continue;
    InspectionWorld world{disk, kNow};
    const std::string json = disk.file(inf);
    WT_ASSERT(write_meta(world.env(), inf.substr(0, inf.rfind('/')), key, json));
  }
}

// Each record of a block gets the checksum that belongs to it, as far as lengths lead.
void sign_block(std::string& block, std::uint32_t index) {
  const HighwayKey key = block_key("S", index);
  for (std::size_t at = 0; at < block.size();) {
    const std::uint32_t size = claimed_record_size(std::string_view(block).substr(at));
    if (size < kEmptyRecordSize) return;
    const bool has_headers = (static_cast<unsigned char>(block[at + 3]) & 0x80u) != 0;
    const std::size_t subject = static_cast<unsigned char>(block[at + 20]) + 256u * static_cast<unsigned char>(block[at + 21]);
    if (22 + subject + (has_headers ? 4 : 0) + 8 > size) return;
    std::string covered = block.substr(at + 4, 16) + block.substr(at + 22, subject);
    const std::size_t rest = at + 22 + subject + (has_headers ? 4 : 0);
    covered += block.substr(rest, at + size - 8 - rest);
    std::string sum;
    put_u64(sum, highway_hash(key, covered));
    block.replace(at + size - 8, 8, sum);
    at += size;
  }
}

void change(MemoryDisk& disk, ByteReader& in) {
  std::vector<std::string> names;
  for (const auto& [name, content] : disk.files()) names.push_back(name);
  if (names.empty()) return;
  const std::string name = names[in.byte() % names.size()];
  std::string& content = disk.file(name);
  const std::uint8_t what = in.byte();
  const std::size_t at = content.empty() ? 0 : (in.byte() + 256u * (what >> 4)) % content.size();
  switch (what % 8) {
    case 0: content.resize(at); break;
    case 1: content = std::string(in.take(std::min<std::size_t>(in.byte(), in.rest().size()))); break;
    case 2: content.append(in.take(std::min<std::size_t>(in.byte(), in.rest().size()))); break;
    case 3: disk.files().erase(name); break;
    case 4: content.insert(at, in.take(std::min<std::size_t>(in.byte() % 32u, in.rest().size()))); break;
    case 5: {  // the file under another name
      static constexpr std::string_view kNames[] = {"msgs/9.blk", "msgs/index.db",      "meta.inf.tmp",
                                                    "msgs/2.new", "__new_msgs__/4.blk", "obs/w/o.dat"};
      const std::string copy = content;
      disk.put(path(kNames[in.byte() % std::size(kNames)]), copy);
      break;
    }
    default:
      for (std::size_t i = 0; i < 1u + what % 4u && at + i < content.size(); ++i) content[at + i] = static_cast<char>(in.byte());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const MemoryDisk::Files good = good_files();
  ByteReader in{{reinterpret_cast<const char*>(data), size}};
  MemoryDisk disk;
  for (const auto& [name, content] : good) disk.put(name, content);
  const std::uint8_t mode = in.byte();
  for (int i = 0; i < 16 && !in.rest().empty(); ++i) change(disk, in);
  if ((mode & 1u) != 0) {
    for (std::uint32_t index = 1; index < 4; ++index) {
      const std::string name = path("msgs/" + std::to_string(index) + ".blk");
      if (disk.has(name)) sign_block(disk.file(name), index);
    }
  }
  if ((mode & 2u) != 0) sign(disk);

  const MemoryDisk::Files before = disk.files();
  const std::uint64_t operations = disk.operations_done;
  std::size_t written = 0;
  const reports::Sink sink = [&](std::string_view text) { written += text.size(); };
  const reports::InspectOptions options{
      .at = (mode & 4u) != 0 ? std::optional{kNow} : std::nullopt, .with_messages = true, .with_consumers = true};
  const auto writer = (mode & 8u) != 0 ? reports::inspect_text(sink, options, {}) : reports::inspect_json(sink, options, "fuzz");
  static_cast<void>(reports::inspect(disk, "jetstream", "jetstream", options, *writer));
  WT_ASSERT(disk.files() == before);
  WT_ASSERT(disk.operations_done == operations);
  return 0;
}
