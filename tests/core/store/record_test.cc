#include "core/store/record.h"

#include <doctest/doctest.h>

#include "core/store/block_scan.h"
#include "tests/support/hex.h"

using namespace windtunnel::core;
using windtunnel::tests::from_hex;
using windtunnel::tests::to_hex;

namespace {

constexpr WallTime kBase{1700000000000000000};
const HighwayKey kKey = block_key("ORDERS", 1);

std::string worked_block() {
  std::string out;
  append_message(out, kKey, Seq{1}, kBase, {"orders.new", "", "hello"});
  append_message(out, kKey, Seq{2}, kBase + Duration{1000}, {"orders.new", "NATS/1.0\r\nNats-Msg-Id: a\r\n\r\n", "hi"});
  append_message(out, kKey, Seq{3}, kBase + Duration{2000}, {"orders.old", "", ""});
  return out;
}

std::vector<std::uint64_t> seqs_in(const std::string& bytes, BlockScan* scan_out = nullptr) {
  std::vector<std::uint64_t> seqs;
  const BlockScan scan = scan_block(bytes, kKey, [&](const RecordView& record, std::uint64_t) {
    if (record.kind == RecordKind::message) seqs.push_back(record.seq.value);
  });
  if (scan_out != nullptr) *scan_out = scan;
  return seqs;
}

}  // namespace

TEST_CASE("records have nats-server's bytes") {
  CHECK(to_hex(worked_block()) ==
        "2d000000010000000000000000002a36fe9c97170a006f72646572732e6e657768656c6c6f7d28f55830ba6f76"
        "4a0000800200000000000000e8032a36fe9c97170a006f72646572732e6e65771c0000004e4154532f312e300d0a4e6174732d4d73672d49643a20610d0a0d0a68"
        "690999b9c77780434b"
        "280000000300000000000000d0072a36fe9c97170a006f72646572732e6f6c649e2345b5d9d83ed6");
  std::string tombstone;
  append_tombstone(tombstone, kKey, Seq{2}, kBase + Duration{1000});
  CHECK(to_hex(tombstone) == "1e0000000200000000000040e8032a36fe9c97170000b2a5df9cac7b3dd0");
  std::string skip;
  append_skip(skip, kKey, Seq{4}, kBase + Duration{3000});
  CHECK(to_hex(skip) == "1e0000000400000000000080b80b2a36fe9c97170000fccf9968d8ce05da");
}

TEST_CASE("a record of a real server is read") {
  const std::string bytes = from_hex("26000000010000000000000068682e8ab03eda160300666f6f6d7367233197e97102df536e52");
  const auto record = parse_record(bytes, block_key("TEST", 1));
  REQUIRE(record);
  CHECK(record->kind == RecordKind::message);
  CHECK(record->seq == Seq{1});
  CHECK(record->time == WallTime{1646697541710801000});
  CHECK(record->subject == "foo");
  CHECK(record->payload == "msg#1");
  CHECK(record->size == bytes.size());
  CHECK_FALSE(parse_record(bytes, block_key("TEST", 2)));  // valid in its own block only
}

TEST_CASE("headers are told from the payload") {
  const std::string block = worked_block();
  const auto record = parse_record(std::string_view(block).substr(45), kKey);
  REQUIRE(record);
  CHECK(record->headers == "NATS/1.0\r\nNats-Msg-Id: a\r\n\r\n");
  CHECK(record->payload == "hi");
}

TEST_CASE("an erased record keeps its size and loses its content") {
  Random random{Seed{3}};
  std::string bytes;
  append_erased(bytes, kKey, Seq{2}, 74, random);
  CHECK(bytes.size() == 74);
  const auto record = parse_record(bytes, kKey);
  REQUIRE(record);
  CHECK(record->kind == RecordKind::erased);
  CHECK(record->seq == Seq{2});
  // The form of the reference, with 44 bytes of filler.
  const auto worked = parse_record(from_hex("4a000000020000000000008000000000000000000000aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                                            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa3abe196663c9fd4d"),
                                   kKey);
  REQUIRE(worked);
  CHECK(worked->kind == RecordKind::erased);
}

TEST_CASE("a flipped bit anywhere in a record is found") {
  std::string bytes = worked_block().substr(45, 74);
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ 1 << bit % 8);
    CAPTURE(bit);
    CHECK_FALSE(parse_record(bytes, kKey));
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ 1 << bit % 8);
  }
}

TEST_CASE("a record cut at any byte is no record") {
  const std::string bytes = worked_block().substr(0, 45);
  for (std::size_t size = 0; size < bytes.size(); ++size) CHECK_FALSE(parse_record(std::string_view(bytes).substr(0, size), kKey));
}

TEST_CASE("damage costs the record that it hit and no other") {
  const std::string block = worked_block();
  for (std::size_t at = 0; at < block.size(); ++at) {
    CAPTURE(at);
    std::string bytes = block;
    bytes[at] = static_cast<char>(bytes[at] ^ 0x10);
    BlockScan scan;
    const auto seqs = seqs_in(bytes, &scan);
    const std::uint64_t hit = at < 45 ? 1 : at < 119 ? 2 : 3;
    std::vector<std::uint64_t> expected;
    for (std::uint64_t seq = 1; seq <= 3; ++seq) {
      if (seq != hit) expected.push_back(seq);
    }
    CHECK(seqs == expected);
    REQUIRE(scan.damaged.size() == 1);
    CHECK(scan.damaged[0].before == Seq{hit - 1});
    CHECK(scan.damaged[0].behind == Seq{hit == 3 ? 0 : hit + 1});
  }
}

TEST_CASE("a torn tail and a tail of zeros end a block") {
  const std::string block = worked_block();
  BlockScan scan;
  CHECK(seqs_in(block.substr(0, block.size() - 5), &scan) == std::vector<std::uint64_t>{1, 2});
  CHECK(scan.good_size == 119);
  CHECK(scan.damaged == std::vector<DamagedRange>{{119, 35, Seq{2}, Seq{0}}});
  CHECK(seqs_in(block + std::string(4096, '\0'), &scan) == std::vector<std::uint64_t>{1, 2, 3});
  CHECK(scan.good_size == block.size());
}

TEST_CASE("a payload that looks like a record is not taken for one when the record around it is damaged") {
  std::string inner;
  append_message(inner, kKey, Seq{2}, kBase, {"forged", "", "x"});
  std::string block;
  append_message(block, kKey, Seq{1}, kBase, {"outer", "", inner});
  const std::size_t end = block.size();
  append_message(block, kKey, Seq{3}, kBase, {"next", "", "y"});
  block[end - 1] = static_cast<char>(block[end - 1] ^ 1);
  CHECK(seqs_in(block) == std::vector<std::uint64_t>{3});
}
