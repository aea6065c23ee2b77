// What peers say in JSON and in header blocks, fed with anything; the first byte says what it is. CONNECT of clients and leaf nodes, INFO
// of leaf nodes, headers of messages, acknowledgement subjects, durations.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/assert.h"
#include "core/jetstream/ack_subject.h"
#include "core/jetstream/go_duration.h"
#include "core/jetstream/go_json.h"
#include "core/nats/headers.h"
#include "core/server/domain_mapping.h"
#include "core/server/protocol_json.h"

using namespace windtunnel::core;

namespace {

void fuzz_connect(std::string_view text) {
  ClientConnect connect;
  if (!parse_client_connect(text, connect)) return;
  const ClientConnect first = connect;
  // Once more changes nothing: what it names is the same.
  WT_ASSERT(parse_client_connect(text, connect).has_value());
  WT_ASSERT(connect.name == first.name && connect.protocol == first.protocol && connect.is_verbose == first.is_verbose);
}

void fuzz_leaf(std::string_view text) {
  if (const auto info = parse_leaf_info(text)) static_cast<void>(info->import_rules.allow.size());
  const auto connect = parse_leaf_connect(text);
  if (!connect) return;
  // What we would say of it we can read.
  const auto again = parse_leaf_connect(leaf_connect_json(*connect));
  WT_ASSERT(again.has_value());
  WT_ASSERT(again->domain == connect->domain && again->deny_pub == connect->deny_pub && again->is_hub == connect->is_hub);
}

void fuzz_headers(std::string_view text) {
  std::string block{text};
  static_cast<void>(header_status(block));
  HeaderLines lines{block};
  std::string_view key;
  std::string_view value;
  std::size_t seen = 0;
  while (lines.next(key, value)) {
    ++seen;
    WT_ASSERT(key.size() + value.size() <= block.size());
  }
  WT_ASSERT(seen <= block.size());
  for (const char* const name : {"Nats-Msg-Id", "Nats-Rollup", "Nats-Expected-Last-Sequence", "A"}) {
    const auto found = header_value(block, name);
    WT_ASSERT(!found || (found->data() >= block.data() && found->data() + found->size() <= block.data() + block.size()));
  }
  const std::size_t before = block.size();
  remove_header(block, "Nats-Msg-Id");
  WT_ASSERT(block.size() <= before);
  remove_headers_with_prefix(block, "Nats-");
  WT_ASSERT(block.size() <= before);
  append_header(block, "X-Last", "value");
}

void fuzz_ack(std::string_view text) {
  if (const auto info = parse_ack_subject(text)) {
    const auto again = parse_ack_subject(ack_subject(*info));
    WT_ASSERT(again.has_value());
    WT_ASSERT(again->stream_seq == info->stream_seq && again->consumer_seq == info->consumer_seq);
  }
  if (const auto duration = parse_go_duration(text)) {
    const auto again = parse_go_duration(go_duration(*duration));
    WT_ASSERT(again == duration);
  }
  static_cast<void>(go_json_error(text));
  const DomainMapping mapping{"hub"};
  std::string mapped;
  if (mapping.map(text, mapped)) WT_ASSERT(mapped.size() <= text.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text{reinterpret_cast<const char*>(data) + 1, size - 1};
  switch (data[0] % 4) {
    case 0: fuzz_connect(text); break;
    case 1: fuzz_leaf(text); break;
    case 2: fuzz_headers(text); break;
    default: fuzz_ack(text); break;
  }
  return 0;
}
