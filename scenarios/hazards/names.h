// The hazards that `windtunnel check` knows: what can be wrong with a topology or a configuration that every server accepts.
// docs/hazards.md has a section for each, under its name.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace windtunnel::scenarios {

enum class HazardKind : std::uint8_t {
  // servers and subjects
  same_stream_name,
  overlapping_subjects,
  copy_captures_origin_subjects,
  equal_domains,
  leaf_without_domain,
  equal_server_names,
  // mirrors and sources
  copy_cycle,
  origin_without_domain,
  origin_in_own_domain,
  origin_unreachable,
  origin_missing,
  copy_traffic_denied,
  mirror_with_subjects,
  workqueue_or_interest_origin,
  memory_origin,
  republish_loop,
  double_route,
  filter_matches_nothing,
  rollup_on_both_ends,
  rollup_refused_by_copy,
  copy_limits_lower,
  copy_refuses_messages,
  max_age_shorter_than_outage,
  limit_reached_in_outage,
  // message ids
  dedup_at_source_origin,
  colliding_msg_ids,
  mirror_dedup_window,
  dedup_window_too_short,
  retries_without_msg_id,
  // publishers
  plain_publish_to_remote,
  publish_to_nothing,
  publish_refused,
  ack_of_other_domain,
  // durability
  default_sync_with_power_loss,
  critical_single_replica,
  // consumers
  workqueue_unfiltered_consumers,
  workqueue_overlapping_filters,
  workqueue_ack_policy,
  workqueue_deliver_policy,
  workqueue_copied_and_consumed,
  interest_without_consumers,
  ack_wait_shorter_than_work,
  max_ack_pending_low,
  // the check itself
  incomplete_check,
  count_,  // not a hazard
};

struct HazardInfo {
  std::string_view name;     // "same-stream-name"; also the anchor in docs/hazards.md
  std::string_view summary;  // one sentence: what it is
  std::string_view mend;     // one sentence: what to do
};

[[nodiscard]] const HazardInfo& info_of(HazardKind kind);
[[nodiscard]] std::string_view name_of(HazardKind kind);
// In the order of the enumeration.
[[nodiscard]] std::span<const HazardInfo> all_hazards();
[[nodiscard]] std::span<const std::string_view> hazard_names();
[[nodiscard]] std::optional<HazardKind> hazard_named(std::string_view name);

}  // namespace windtunnel::scenarios
