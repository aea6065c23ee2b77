// A workload for crash tests: operations drawn from a seed, and what the store must be after each, from a model alone.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "core/base/random.h"
#include "core/store/store_options.h"
#include "tests/core/store/store_model.h"

namespace windtunnel::tests {

struct Operation {
  enum class Kind { append, remove, erase, purge, compact, truncate, skip, ack, sync, restart } kind{};
  core::Seq seq;
  core::StoredMessage message;
  core::PurgeRequest purge;
  [[nodiscard]] std::string text() const {
    static constexpr const char* kNames[] = {"append", "remove", "erase", "purge", "compact", "truncate", "skip", "ack", "sync", "restart"};
    return std::string(kNames[static_cast<int>(kind)]) + " " + std::to_string(seq.value) +
           (kind == Kind::purge
                ? " '" + purge.filter + "' below " + std::to_string(purge.below.value) + " keep " + std::to_string(purge.keep)
                : std::string());
  }
};

struct Workload {
  core::StoreSettings settings;
  core::StreamStoreOptions options;
  std::vector<Operation> operations;
  std::vector<StoreModel> states;  // before the first, and after each
  static constexpr core::Duration kStep = std::chrono::milliseconds{100};
  static constexpr core::WallTime kStart{1704067200000000000};

  explicit Workload(std::uint64_t seed, std::size_t count) {
    core::Random random{core::Seed{seed}};
    options.name = "S";
    options.directory = "js/S";
    options.block_size = core::Bytes{random.between(200, 500)};
    settings.compact_min = core::Bytes{100};
    settings.sync_always = seed % 2 == 0;
    if (seed % 3 == 0) options.compression = core::Compression::s2;
    core::StoreLimits& limits = options.limits;
    switch (seed % 5) {
      case 1: limits.max_msgs = static_cast<std::int64_t>(random.between(4, 12)); break;
      case 2: limits.max_msgs_per_subject = static_cast<std::int64_t>(random.between(1, 3)); break;
      case 3: limits.max_age = core::Duration{1200000000}; break;
      case 4: limits.max_bytes = static_cast<std::int64_t>(random.between(200, 900)); break;
      default: break;
    }
    StoreModel model{false};
    model.limits = limits;
    states.push_back(model);
    for (std::size_t i = 0; i < count; ++i) {
      operations.push_back(draw(random, model, kStart + static_cast<std::int64_t>(i) * kStep));
      states.push_back(model);
    }
  }
  [[nodiscard]] static core::WallTime time_of(std::size_t operation) { return kStart + static_cast<std::int64_t>(operation) * kStep; }

 private:
  static core::Seq draw_live(core::Random& random, const StoreModel& model) {
    auto at = model.messages.begin();
    std::advance(at, static_cast<std::ptrdiff_t>(random.below(model.messages.size())));
    return at->first;
  }
  // Draws what to do, and does it to the model.
  static Operation draw(core::Random& random, StoreModel& model, core::WallTime now) {
    using Kind = Operation::Kind;
    static const std::vector<std::string> kSubjects = {"a", "b", "c.x", "c.y"};
    static constexpr Kind kKinds[] = {Kind::append, Kind::append, Kind::append,  Kind::append,   Kind::append, Kind::append,
                                      Kind::append, Kind::append, Kind::append,  Kind::remove,   Kind::remove, Kind::erase,
                                      Kind::purge,  Kind::purge,  Kind::compact, Kind::truncate, Kind::skip,   Kind::ack,
                                      Kind::ack,    Kind::ack,    Kind::ack,     Kind::sync,     Kind::sync,   Kind::restart};
    Operation out;
    out.kind = kKinds[random.below(std::size(kKinds))];
    const bool needs_message = out.kind == Kind::remove || out.kind == Kind::erase || out.kind == Kind::truncate || out.kind == Kind::ack;
    if (needs_message && model.messages.empty()) out.kind = Kind::append;
    switch (out.kind) {
      case Kind::append: {
        out.message.time = now;
        out.message.subject = kSubjects[random.below(kSubjects.size())];
        out.message.payload = std::string(static_cast<std::size_t>(random.below(60)), 'x') + std::to_string(now.unix_ns);
        model.append(out.message);
        out.seq = out.message.seq = model.last;
        break;
      }
      case Kind::remove:
      case Kind::erase:
      case Kind::ack:
        out.seq = draw_live(random, model);
        model.messages.erase(out.seq);
        break;
      case Kind::purge:
        if (random.chance({2, 3})) out.purge.filter = random.chance({1, 2}) ? "c.*" : "a";
        if (random.chance({1, 2})) out.purge.below = core::Seq{random.between(1, model.last.value + 2)};
        if (random.chance({1, 2})) out.purge.keep = random.below(4);
        for (const core::Seq seq : model.purged_by(out.purge)) model.messages.erase(seq);
        break;
      case Kind::compact:
        out.seq = core::Seq{random.between(1, model.last.value + 2)};
        model.messages.erase(model.messages.begin(), model.messages.lower_bound(out.seq));
        model.last = std::max(model.last, out.seq.prev());
        break;
      case Kind::truncate:
        out.seq = draw_live(random, model);
        model.messages.erase(model.messages.upper_bound(out.seq), model.messages.end());
        model.last = out.seq;
        break;
      case Kind::skip: out.seq = model.last = core::Seq{model.last.value + random.between(1, 5)}; break;
      case Kind::restart: model.expire(now); break;
      case Kind::sync: break;
    }
    return out;
  }
};

}  // namespace windtunnel::tests
