#include "reports/json.h"

#include <array>
#include <charconv>
#include <nlohmann/json.hpp>

#include "core/base/json_writer.h"
#include "reports/text.h"

namespace windtunnel::reports {
namespace {

using core::JsonWriter;
using nlohmann::json;

constexpr std::array kOutcomes = {Outcome::passed, Outcome::failed, Outcome::nondeterministic, Outcome::refused, Outcome::died};

void write_texts(JsonWriter& out, std::string_view name, const std::vector<std::string>& texts) {
  out.key(name).begin_array();
  for (const std::string& text : texts) out.text(text);
  out.end_array();
}

void write_divergence(JsonWriter& out, const scenarios::Divergence& divergence) {
  out.begin_object();
  out.field("invariant", divergence.invariant);
  out.field("sentence", divergence.sentence);
  out.field("expected", divergence.expected);
  out.field("actual", divergence.actual);
  out.field("stream", divergence.stream);
  out.field("node", divergence.node);
  out.field("message", divergence.message);
  out.field("first_seq", divergence.first_seq.value);
  out.field("at_ns", divergence.at.time_since_epoch().count());
  write_texts(out, "life_story", divergence.life_story);
  write_texts(out, "faults_around", divergence.faults_around);
  out.end_object();
}

// What took how long; null: it never came to an end.
void write_wait(JsonWriter& out, const scenarios::CopyWait& wait) {
  out.field("stream", wait.stream);
  out.field("node", wait.node);
  out.field("origin", wait.origin);
  out.key("took_ns");
  if (wait.took) {
    out.number(wait.took->count());
  } else {
    out.null();
  }
  out.field("bound_ns", wait.bound.count());
}

void write_waits(JsonWriter& out, std::string_view name, const std::vector<scenarios::CopyWait>& waits) {
  out.key(name).begin_array();
  for (const scenarios::CopyWait& wait : waits) {
    out.begin_object();
    write_wait(out, wait);
    out.end_object();
  }
  out.end_array();
}

scenarios::CopyWait read_wait(const json& object) {
  scenarios::CopyWait out;
  out.stream = object.at("stream").get<std::string>();
  out.node = object.at("node").get<std::string>();
  out.origin = object.at("origin").get<std::string>();
  if (const json& took = object.at("took_ns"); !took.is_null()) out.took = core::Duration{took.get<std::int64_t>()};
  out.bound = core::Duration{object.at("bound_ns").get<std::int64_t>()};
  return out;
}

std::vector<std::string> texts(const json& object, const char* name) { return object.at(name).get<std::vector<std::string>>(); }

scenarios::Divergence read_divergence(const json& object) {
  scenarios::Divergence out;
  out.invariant = object.at("invariant").get<std::string>();
  out.sentence = object.at("sentence").get<std::string>();
  out.expected = object.at("expected").get<std::string>();
  out.actual = object.at("actual").get<std::string>();
  out.stream = object.at("stream").get<std::string>();
  out.node = object.at("node").get<std::string>();
  out.message = object.at("message").get<std::string>();
  out.first_seq = core::Seq{object.at("first_seq").get<std::uint64_t>()};
  out.at = core::Instant{core::Duration{object.at("at_ns").get<std::int64_t>()}};
  out.life_story = texts(object, "life_story");
  out.faults_around = texts(object, "faults_around");
  return out;
}

void write_variant(JsonWriter& out, const RunVariant& variant) {
  out.field("as", variant.profile);
  write_texts(out, "defects", variant.defects);
  out.key("crashes").begin_array();
  for (const scenarios::CrashAt& crash : variant.crashes) {
    out.begin_object();
    out.field("at", place_text(crash)).field("keep", to_text(crash.keep));
    out.end_object();
  }
  out.end_array();
}

// nullopt if a crash makes no sense.
std::optional<RunVariant> read_variant(const json& object) {
  RunVariant out;
  out.profile = object.at("as").get<std::string>();
  out.defects = texts(object, "defects");
  for (const json& crash : object.at("crashes")) {
    const auto place = scenarios::parse_crash_place(crash.at("at").get<std::string>());
    const auto keep = sim::parse_survivors(crash.at("keep").get<std::string>());
    if (!place || !keep) return std::nullopt;
    out.crashes.push_back({place->node, place->operation, *keep});
  }
  return out;
}

// Throws json::exception, or returns nullopt, if the object is not one of ours.
std::optional<RunRecord> read_run(const json& object) {
  RunRecord out;
  out.file = object.at("file").get<std::string>();
  out.scenario = object.at("scenario").get<std::string>();
  out.seed = core::Seed{object.at("seed").get<std::uint64_t>()};
  std::optional<RunVariant> variant = read_variant(object);
  if (!variant) return std::nullopt;
  out.variant = *std::move(variant);
  const auto outcome = object.at("outcome").get<std::string>();
  bool is_known = false;
  for (const Outcome each : kOutcomes) {
    if (name_of(each) != outcome) continue;
    out.outcome = each;
    is_known = true;
  }
  if (!is_known) return std::nullopt;
  const auto hash = object.at("trace_hash").get<std::string>();
  const auto [end, failure] = std::from_chars(hash.data(), hash.data() + hash.size(), out.result.trace_hash, 16);
  if (failure != std::errc{} || end != hash.data() + hash.size()) return std::nullopt;
  out.result.scenario = out.scenario;
  out.result.seed = out.seed;
  out.result.events = object.at("events").get<std::uint64_t>();
  out.result.virtual_time = core::Duration{object.at("virtual_ns").get<std::int64_t>()};
  out.result.remarks = texts(object, "remarks");
  out.result.notes = texts(object, "notes");
  out.result.timeline = texts(object, "timeline");
  for (const json& divergence : object.at("divergences")) out.result.divergences.push_back(read_divergence(divergence));
  for (const json& wait : object.at("catch_ups")) out.result.catch_ups.push_back(read_wait(wait));
  for (const json& wait : object.at("surfacings")) out.result.surfacings.push_back(read_wait(wait));
  out.problem = object.at("problem").get<std::string>();
  out.is_verified = object.at("verified").get<bool>();
  out.wall = core::Duration{object.at("wall_ns").get<std::int64_t>()};
  out.replay = object.at("replay").get<std::string>();
  return out;
}

void write_hazards(JsonWriter& out, std::span<const scenarios::CheckReport> checks) {
  out.key("hazards").begin_array();
  for (const scenarios::CheckReport& check : checks) {
    for (const scenarios::Hazard& hazard : check.hazards) {
      if (hazard.is_accepted) continue;
      out.begin_object();
      out.field("id", scenarios::name_of(hazard.kind)).field("file", check.file).field("scenario", check.name);
      out.field("line", hazard.where.line).field("column", hazard.where.column).field("why", hazard.why);
      out.end_object();
    }
  }
  out.end_array();
}

}  // namespace

std::string run_json(const RunRecord& record) {
  JsonWriter out;
  out.begin_object();
  out.field("file", record.file);
  out.field("scenario", record.scenario);
  out.field("seed", record.seed.value);
  write_variant(out, record.variant);
  out.field("outcome", name_of(record.outcome));
  out.field("events", record.result.events);
  out.field("virtual_ns", record.result.virtual_time.count());
  out.field("wall_ns", record.wall.count());
  out.field("trace_hash", hash_text(record.result.trace_hash));
  out.field("verified", record.is_verified);
  out.field("problem", record.problem);
  out.key("divergences").begin_array();
  for (const scenarios::Divergence& divergence : record.result.divergences) write_divergence(out, divergence);
  out.end_array();
  write_waits(out, "catch_ups", record.result.catch_ups);
  write_waits(out, "surfacings", record.result.surfacings);
  write_texts(out, "remarks", record.result.remarks);
  write_texts(out, "notes", record.result.notes);
  write_texts(out, "timeline", record.result.timeline);
  out.field("replay", record.replay);
  out.end_object();
  return out.take();
}

core::Result<RunRecord> run_from_json(std::string_view text) {
  try {
    if (std::optional<RunRecord> record = read_run(json::parse(text))) return *std::move(record);
    return core::error(core::Errc::corrupt, "a run's JSON has a value that makes no sense");
  } catch (const json::exception& failure) {
    return core::error(core::Errc::corrupt, failure.what());
  }
}

std::string report_json(std::span<const std::string> runs, std::span<const SlowestRun> slowest,
                        std::span<const scenarios::CheckReport> checks, const Totals& totals, core::Duration wall,
                        std::string_view windtunnel_version) {
  JsonWriter head;
  head.field("schema", "windtunnel.report").field("version", kJsonVersion).field("windtunnel", windtunnel_version);
  head.key("totals").begin_object();
  head.field("runs", totals.runs)
      .field("passed", totals.passed)
      .field("failed", totals.failed)
      .field("nondeterministic", totals.nondeterministic);
  head.field("refused", totals.refused).field("died", totals.died).field("wall_ns", wall.count());
  head.end_object();
  head.key("slowest").begin_array();
  for (const SlowestRun& run : slowest) {
    head.begin_object();
    head.field("file", run.file).field("scenario", run.scenario).field("seed", run.seed.value);
    write_variant(head, run.variant);
    head.field("what", run.what == SlowestRun::What::level ? "level" : "surfaced");
    write_wait(head, run.wait);
    head.end_object();
  }
  head.end_array();
  write_hazards(head, checks);
  // A line a run, so that a report of many runs can be read and compared by lines.
  std::string out = "{" + head.take() + ",\"runs\":[";
  for (std::size_t i = 0; i < runs.size(); ++i) out += (i == 0 ? "\n" : ",\n") + runs[i];
  return out + "\n]}\n";
}

}  // namespace windtunnel::reports
