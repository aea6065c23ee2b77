#include "scenarios/damage.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/data_hash.h"
#include "core/store/block_files.h"
#include "core/store/block_scan.h"
#include "core/store/consumer_store.h"
#include "core/store/index_db.h"
#include "core/store/s2.h"

namespace windtunnel::scenarios {
namespace {

// What the bytes of a block hold.
struct BlockContent {
  std::set<core::Seq> messages;
  std::set<core::Seq> marks;
  core::Seq last;
  std::vector<std::uint64_t> checksums;  // of its records, in order
  bool is_damaged = false;
};

BlockContent read_block(const std::optional<std::string>& content, std::string_view stream, std::uint32_t index) {
  BlockContent out;
  if (!content) return out;
  std::string plain = *content;
  if (core::is_compressed_block(plain)) {
    core::Result<std::string> unpacked = core::decompress_block(plain);
    if (!unpacked) {
      out.is_damaged = true;
      return out;
    }
    plain = *std::move(unpacked);
  }
  const core::BlockScan scan = core::scan_block(plain, core::block_key(stream, index), [&](const core::RecordView& record, std::uint64_t) {
    (record.kind == core::RecordKind::message ? out.messages : out.marks).insert(record.seq);
    out.last = std::max(out.last, record.seq);
    out.checksums.push_back(record.checksum);
  });
  out.is_damaged = !scan.damaged.empty() || scan.has_damaged_tail(plain.size());
  return out;
}

// "jetstream/$G/streams/ORDERS/msgs/2.blk": what it is part of.
struct Place {
  std::string directory;  // of the stream; empty: of none
  std::string stream;
  std::string rest;  // "msgs/2.blk"
};

Place place_of(std::string_view path) {
  static constexpr std::string_view kAbove = "/streams/";
  const std::size_t at = path.find(kAbove);
  if (at == std::string_view::npos) return {};
  const std::string_view below = path.substr(at + kAbove.size());
  const std::size_t slash = below.find('/');
  if (slash == std::string_view::npos) return {};
  return {std::string(path.substr(0, at + kAbove.size() + slash)), std::string(below.substr(0, slash)),
          std::string(below.substr(slash + 1))};
}

std::uint32_t block_of(std::string_view rest) {
  static constexpr std::string_view kBlocks = "msgs/";
  return rest.starts_with(kBlocks) ? core::block_index_of(rest.substr(kBlocks.size())) : 0;
}

std::set<core::Seq> without(const std::set<core::Seq>& from, const std::set<core::Seq>& what) {
  std::set<core::Seq> out;
  std::set_difference(from.begin(), from.end(), what.begin(), what.end(), std::inserter(out, out.end()));
  return out;
}

// Whether something was removed of which the index does not know: other blocks may have gone as rightly.
bool went_on_after(const core::IndexSnapshot& index, const std::set<core::Seq>& marks) {
  return std::any_of(index.blocks.begin(), index.blocks.end(), [&](const core::IndexBlock& block) {
    if (block.messages() == 0) return false;
    const auto first = marks.lower_bound(block.first_seq), behind = marks.upper_bound(block.last_seq);
    return std::any_of(first, behind, [&](core::Seq seq) { return !block.deleted.contains(seq); });
  });
}

// Whether something was written behind what was the last record when the index was written. A recovery may have done so, to mark what is
// lost or gone: the index is then no witness that nothing else has gone since. Where that record is gone nothing tells.
bool wrote_on_after(const core::IndexSnapshot& index, std::uint32_t newest, const BlockContent& last_block) {
  if (newest > index.last_block) return true;
  if (index.last_checksum == 0) return newest == index.last_block && !last_block.checksums.empty();
  const auto at = std::find(last_block.checksums.begin(), last_block.checksums.end(), index.last_checksum);
  return at != last_block.checksums.end() && std::next(at) != last_block.checksums.end();
}

}  // namespace

Damage examine(const sim::DiskDamage& damage, const sim::DiskTree& tree, sim::NodeId node, core::Instant at) {
  Damage out;
  out.at = at;
  out.node = node;
  out.path = damage.path;
  out.is_after_power_loss = damage.is_after_power_loss;
  if (damage.after) out.left = core::hash_data(*damage.after);
  const Place place = place_of(damage.path);
  out.stream = place.stream;
  if (place.stream.empty()) return out;
  const std::uint32_t index = block_of(place.rest);
  if (index != 0) {
    out.part = Damage::Part::block;
    const BlockContent before = read_block(damage.before, place.stream, index);
    const BlockContent after = read_block(damage.after, place.stream, index);
    out.messages = without(before.messages, after.messages);
    // A mark that an older version brings back takes what it is for.
    for (const core::Seq seq : without(after.marks, before.marks)) out.messages.insert(seq);
    out.marks = without(before.marks, after.marks);
    out.back = without(after.messages, before.messages);
    out.is_evident = after.is_damaged;
  } else if (place.rest == "msgs/index.db") {
    out.part = Damage::Part::index;
  } else if (place.rest.starts_with("obs/")) {
    out.part = Damage::Part::consumer;
    out.consumer = place.rest.substr(4, place.rest.find('/', 4) - 4);
    // A state of an earlier time reads like any other, and one that is gone like one that was never written.
    out.is_evident = place.rest.ends_with("/o.dat") && damage.after && !core::decode_consumer_state(*damage.after);
  } else if (place.rest.starts_with("meta.")) {
    out.part = Damage::Part::metadata;
  }

  // What the rest of the directory still knows.
  std::set<core::Seq> marks;
  const std::optional<std::string> index_file = tree.readable_content(place.directory + "/msgs/index.db");
  const core::Result<core::IndexSnapshot> listed = core::decode_index(index_file.value_or(""), place.stream);  // nothing decodes to nothing
  std::uint32_t newest = 0;
  BlockContent index_block;
  for (const std::string& path : tree.files()) {
    if (!path.starts_with(place.directory + "/")) continue;
    const std::string rest = path.substr(place.directory.size() + 1);
    const std::optional<std::string> content = path == damage.path ? damage.after : tree.readable_content(path);
    if (!content) continue;
    if (const std::uint32_t other = block_of(rest); other != 0) {
      BlockContent block = read_block(content, place.stream, other);
      out.known_last = std::max(out.known_last, block.last);
      marks.insert(block.marks.begin(), block.marks.end());
      newest = std::max(newest, other);
      if (listed && listed->last_block == other) index_block = std::move(block);
    } else if (rest == "msgs/index.db") {
      const core::Result<core::IndexSnapshot> snapshot = core::decode_index(*content, place.stream);
      if (!snapshot) continue;
      out.known_last = std::max(out.known_last, snapshot->last_seq);
    }
  }
  // An index that is as new as the newest block, and knows of every removal there was, says what the lost one held.
  if (out.part == Damage::Part::block && listed) {
    const bool is_new_enough = listed->last_seq >= out.known_last && (out.messages.empty() || listed->last_seq >= *out.messages.rbegin());
    if (is_new_enough && !went_on_after(*listed, marks) && !wrote_on_after(*listed, newest, index_block)) {
      const bool is_listed = std::any_of(listed->blocks.begin(), listed->blocks.end(),
                                         [&](const core::IndexBlock& block) { return block.index == index && block.messages() > 0; });
      out.is_evident = out.is_evident || is_listed;
    }
  }
  return out;
}

}  // namespace windtunnel::scenarios
