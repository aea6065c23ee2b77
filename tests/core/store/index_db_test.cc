#include "core/store/index_db.h"

#include <doctest/doctest.h>

#include "core/base/hash.h"
#include "core/base/random.h"
#include "tests/support/hex.h"

using namespace windtunnel::core;
using namespace windtunnel::tests;

namespace {

IndexSnapshot worked_snapshot() {
  IndexSnapshot snapshot;
  snapshot.messages = 2;
  snapshot.bytes = 85;
  snapshot.first_seq = Seq{1};
  snapshot.first_time = 1700000000000000000;
  snapshot.last_seq = Seq{3};
  snapshot.last_time = 1700000000000002000;
  snapshot.subjects = {{"orders.new", 1, 1, 1}, {"orders.old", 1, 1, 1}};
  IndexBlock block;
  block.index = 1;
  block.bytes = 85;
  block.first_seq = Seq{1};
  block.first_time = snapshot.first_time;
  block.last_seq = Seq{3};
  block.last_time = snapshot.last_time;
  block.deleted.insert(Seq{2});
  snapshot.blocks.push_back(block);
  snapshot.last_block = 1;
  const std::string checksum = from_hex("b2a5df9cac7b3dd0");
  for (std::size_t i = 8; i-- > 0;) snapshot.last_checksum = snapshot.last_checksum << 8 | static_cast<unsigned char>(checksum[i]);
  return snapshot;
}

}  // namespace

TEST_CASE("index.db has nats-server's bytes") {
  const std::string bytes = encode_index(worked_snapshot(), "ORDERS");
  CHECK(bytes.size() == 353);
  const Sha256 digest = sha256(bytes);
  CHECK(to_hex({reinterpret_cast<const char*>(digest.data()), digest.size()}) ==
        "48747291e842aaccefd3ea66ed9540046b7ed4da362062dc24c013db1b29cf73");

  IndexSnapshot empty;
  IndexBlock block;
  block.index = 1;
  block.first_seq = Seq{1};
  empty.blocks.push_back(block);
  empty.last_block = 1;
  CHECK(to_hex(encode_index(empty, "STREAM")) == "0b010000000000000001010001000000000100000000000000003398faf17779a6cd");
}

TEST_CASE("index.db is read back") {
  const IndexSnapshot snapshot = worked_snapshot();
  const auto read = decode_index(encode_index(snapshot, "ORDERS"), "ORDERS");
  REQUIRE(read);
  CHECK(read->messages == 2);
  CHECK(read->subjects == snapshot.subjects);
  REQUIRE(read->blocks.size() == 1);
  CHECK(read->blocks[0].last_time == snapshot.last_time);
  CHECK(read->blocks[0].messages() == 2);
  CHECK(read->blocks[0].deleted.contains(Seq{2}));
  CHECK(read->last_checksum == snapshot.last_checksum);
}

TEST_CASE("an index.db that is damaged, cut or another stream's is corrupt") {
  const std::string good = encode_index(worked_snapshot(), "ORDERS");
  CHECK(decode_index(good, "ORDER").error().detail == "Stream state checksum did not match");
  CHECK(decode_index(good.substr(0, 31), "ORDERS").error().detail == "Stream state too short (31 bytes)");
  for (std::size_t at = 0; at < good.size(); ++at) {
    std::string bytes = good;
    bytes[at] = static_cast<char>(bytes[at] ^ 1);
    CHECK_FALSE(decode_index(bytes, "ORDERS"));
  }
}

TEST_CASE("a sequence set survives its encoding, whatever is in it") {
  Random random{Seed{7}};
  for (int round = 0; round < 200; ++round) {
    SeqSet set;
    std::vector<Seq> seqs;
    const std::uint64_t count = random.below(400);
    const std::uint64_t spread = std::uint64_t{1} << random.between(8, 40);
    for (std::uint64_t i = 0; i < count; ++i) {
      const Seq seq{1 + random.below(spread)};
      if (!set.contains(seq)) seqs.push_back(seq);
      set.insert(seq);
    }
    std::sort(seqs.begin(), seqs.end());
    std::string bytes;
    set.encode_to(bytes);
    bytes += "tail";
    std::string_view rest = bytes;
    const auto read = SeqSet::decode(rest);
    REQUIRE(read);
    CHECK(rest == "tail");
    CHECK(read->size() == seqs.size());
    std::vector<Seq> listed;
    read->for_each([&](Seq seq) { listed.push_back(seq); });
    CHECK(listed == seqs);
  }
}
