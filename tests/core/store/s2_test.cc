#include "core/store/s2.h"

#include <doctest/doctest.h>

#include "core/base/random.h"

#include "tests/support/hex.h"

using namespace windtunnel::core;
using namespace windtunnel::tests;

// The recorded stores `compressed-*` hold what the real encoder writes; here are the forms that it may write and did not.

TEST_CASE("a block that is not what its header says is corrupt") {
  CHECK(is_compressed_block("cmp\x01\x05"));
  CHECK_FALSE(is_compressed_block("cmp\x01"));
  CHECK_FALSE(decompress_block(std::string("cmp\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01") + "12345678"));
  CHECK(decompress_block(std::string("cmp\x07\x09") + "x12345678").error().code == Errc::unsupported);
  CHECK(decompress_block(std::string("cmp") + '\0' + "\x09x12345678").value() == "x12345678");  // stored as it is
  CHECK_FALSE(decompress_block(std::string("cmp") + '\0' + "\x0ax12345678"));
}

TEST_CASE("copies, repeats and plain chunks unpack, and a wrong checksum is found") {
  const std::string header = from_hex("ff060000") + "S2sTwO";
  // Plain chunk: CRC-32C of "123456789" is e3069283, masked c9... as computed by the rule of the framing.
  const std::uint32_t crc = 0xe3069283u;
  const std::uint32_t masked = (crc >> 15 | crc << 17) + 0xa282ead8u;
  std::string check;
  for (unsigned i = 0; i < 4; ++i) check.push_back(static_cast<char>(masked >> (8 * i) & 0xff));
  CHECK(decode_s2_stream(header + from_hex("010d0000") + check + "123456789", 100).value() == "123456789");
  CHECK(decode_s2_stream(header + from_hex("010d0000") + check + "123456788", 100).error().code == Errc::corrupt);
  CHECK(decode_s2_stream(header + from_hex("010d0000") + check + "123456789", 8).error().code == Errc::limit_reached);
  CHECK_FALSE(decode_s2_stream(header + from_hex("010d0000") + check + "12345678", 100));  // cut
  CHECK(decode_s2_stream(header + from_hex("fe020000") + "xx", 100).value().empty());      // padding
  CHECK_FALSE(decode_s2_stream(header + from_hex("0204000000000000"), 100));               // a chunk that must be understood

  // The same nine digits as one S2 block: a literal.
  CHECK(decode_s2_stream(header + from_hex("000f0000") + check + from_hex("0920") + "123456789", 100).value() == "123456789");
  // A copy from before the beginning.
  CHECK_FALSE(decode_s2_stream(header + from_hex("00080000") + check + from_hex("04120500"), 100));
  // A repeat without a copy before it.
  CHECK_FALSE(decode_s2_stream(header + from_hex("00080000") + check + from_hex("05003101"), 100));
}

TEST_CASE("what is packed is unpacked again, in frames that other readers know") {
  Random random{Seed{7}};
  for (const std::size_t size :
       {std::size_t{8}, std::size_t{9}, std::size_t{100}, std::size_t{70000}, std::size_t{1048584}, std::size_t{3000000}}) {
    for (const bool is_random : {false, true}) {
      CAPTURE(size);
      CAPTURE(is_random);
      std::string plain(size, 'x');
      for (std::size_t i = 0; i < size; ++i) {
        if (is_random || i % 50 == 0) plain[i] = static_cast<char>(random.below(256));
      }
      const std::string packed = compress_block(plain);
      REQUIRE(is_compressed_block(packed));
      CHECK(decompress_block(packed).value() == plain);
      CHECK(packed.substr(packed.size() - 8) == plain.substr(size - 8));  // the last record's checksum, in the clear
      CHECK(packed.find("S2sTwO") < 16);
      if (is_random) CHECK(packed.size() < size + 100);  // chunks that do not shrink are kept plain
      if (!is_random && size > 1000) CHECK(packed.size() < size / 4);
    }
  }
}
