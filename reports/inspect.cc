#include "reports/inspect.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/env/disk.h"
#include "core/jetstream/consumer_config.h"
#include "core/store/block_files.h"

namespace windtunnel::reports {
namespace {

using core::DirectoryEntry;
using core::Disk;
using core::Errc;
using core::Problem;
using core::Result;
using core::Severity;
using nlohmann::ordered_json;

constexpr int kJsonDepthMax = 64;  // of metadata; real ones have 4

struct StreamPlace {
  std::string account;
  std::string directory;
  std::string name;
};

struct StoreTree {
  std::vector<StreamPlace> streams;
  std::vector<Problem> problems;
};

std::string join(std::string_view above, std::string_view name) {
  return above.empty() ? std::string{name} : std::string{above} + "/" + std::string{name};
}
std::string last_name(std::string_view path) { return std::string{path.substr(path.rfind('/') + 1)}; }

// Where the streams are in a directory that a user named.
class Finder {
 public:
  Finder(Disk& disk, std::string_view shown) : disk_(disk), shown_(shown) {}

  Result<StoreTree> run(const std::string& directory) {
    WT_TRY(const std::vector<DirectoryEntry> names, disk_.list(directory));
    const bool has_state = has(names, "o.dat", false);
    if (has(names, "msgs", true) || has(names, "obs", true) || has(names, "meta.key", false) ||
        (!has_state && (has(names, "meta.inf", false) || has(names, "meta.sum", false)))) {
      tree_.streams.push_back({{}, directory, last_name(directory)});
      return std::move(tree_);
    }
    if (has_state) return refuse("is the directory of one consumer; name its stream, two levels above");
    const bool has_blocks = std::any_of(names.begin(), names.end(), [](const DirectoryEntry& name) {
      return !name.is_directory && (core::block_index_of(name.name) != 0 || name.name == "index.db");
    });
    if (has_blocks)
      return refuse("holds the blocks of a stream; name the directory above it, for the blocks alone do not say whose they are");
    if (has(names, "streams", true)) {
      WT_CHECK(add_account(directory));
      return std::move(tree_);
    }
    if (has(names, "jetstream", true)) {
      WT_CHECK(add_accounts(join(directory, "jetstream")));
      return std::move(tree_);
    }
    WT_CHECK(add_accounts(directory));
    if (accounts_ > 0 || last_name(directory) == "jetstream") return std::move(tree_);
    if (last_name(directory) == "streams") {
      WT_CHECK(add_streams({}, directory, names));
      return std::move(tree_);
    }
    return refuse("is no JetStream store: there is no stream in it (meta.inf, msgs), no account (streams), and no directory `jetstream`");
  }

 private:
  core::Error refuse(std::string_view why) const { return core::error(Errc::not_found, "`" + shown_ + "` " + std::string{why}); }

  static bool has(const std::vector<DirectoryEntry>& names, std::string_view name, bool is_directory) {
    return std::any_of(names.begin(), names.end(),
                       [&](const DirectoryEntry& entry) { return entry.name == name && entry.is_directory == is_directory; });
  }

  core::Status add_accounts(const std::string& directory) {
    WT_TRY(const std::vector<DirectoryEntry> names, disk_.list(directory));
    for (const DirectoryEntry& name : names) {
      if (!name.is_directory) continue;
      WT_TRY(const bool is_account, disk_.exists(join(directory, name.name) + "/streams"));
      if (is_account) WT_CHECK(add_account(join(directory, name.name)));
    }
    return {};
  }

  core::Status add_account(const std::string& directory) {
    ++accounts_;
    const std::string streams = join(directory, "streams");
    WT_TRY(const std::vector<DirectoryEntry> names, disk_.list(streams));
    return add_streams(last_name(directory), streams, names);
  }

  core::Status add_streams(const std::string& account, const std::string& directory, const std::vector<DirectoryEntry>& names) {
    for (const DirectoryEntry& name : names) {
      if (!name.is_directory) continue;
      const std::string path = join(directory, name.name);
      if (name.name.starts_with('.')) {
        tree_.problems.push_back({Severity::note,
                                  "leftover",
                                  path,
                                  std::nullopt,
                                  0,
                                  {},
                                  "a stream that was being deleted when the server died",
                                  "the next start removes it"});
      } else {
        tree_.streams.push_back({account, path, name.name});
      }
    }
    return {};
  }

  Disk& disk_;
  const std::string shown_;
  StoreTree tree_;
  std::size_t accounts_ = 0;
};

// The JSON of a meta.inf without what nats-server adds to the configuration.
struct Metadata {
  std::string created;
  std::string name;
  std::string config;  // empty: no JSON object
};

// Deeper nesting than any configuration has could exhaust the stack.
bool is_too_deep(std::string_view json) {
  int depth = 0;
  return std::any_of(json.begin(), json.end(), [&](char c) {
    if (c == '{' || c == '[') ++depth;
    if (c == '}' || c == ']') --depth;
    return depth > kJsonDepthMax;
  });
}

std::string text_member(const ordered_json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string{};
}

Metadata read_metadata(std::string_view text) {
  Metadata out;
  if (is_too_deep(text)) return out;
  ordered_json json = ordered_json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return out;
  out.created = text_member(json, "Created");
  out.name = text_member(json, "name");
  json.erase("Created");
  json.erase("Name");
  out.config = json.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
  return out;
}

class Inspector {
 public:
  Inspector(Disk& disk, const InspectOptions& options) : disk_(disk), options_(options) {}

  StreamFindings look_at(const StreamPlace& place) {
    StreamFindings out;
    out.account = place.account;
    out.name = place.name;
    out.directory = place.directory;
    core::MetaReport meta = core::inspect_meta(disk_, place.directory, place.name);
    const Metadata metadata = read_metadata(meta.json);
    if (!meta.is_valid && !metadata.name.empty() && metadata.name != place.name) take_renamed(metadata.name, place, meta, out);
    out.problems = meta.problems;
    out.created = metadata.created;
    out.config_json = metadata.config;
    read_config(meta, out);
    open(meta.is_valid, out);
    if (out.inspection != nullptr) add_consumers(out);
    sort(out.problems);
    return out;
  }

  static void sort(std::vector<Problem>& problems) {
    std::stable_sort(problems.begin(), problems.end(), [](const Problem& a, const Problem& b) { return a.severity > b.severity; });
  }

 private:
  // A directory that was copied under another name: every checksum in it is keyed by the old one.
  void take_renamed(const std::string& name, const StreamPlace& place, core::MetaReport& meta, StreamFindings& out) {
    core::MetaReport other = core::inspect_meta(disk_, place.directory, name);
    if (!other.is_valid) return;
    meta = std::move(other);
    out.name = name;
    meta.problems.push_back({Severity::warning,
                             "renamed-stream",
                             place.directory,
                             std::nullopt,
                             0,
                             {},
                             "the directory is called " + place.name + " but holds the stream " + name,
                             "give it back its name: a server goes by it and would skip the stream"});
  }

  static void read_config(const core::MetaReport& meta, StreamFindings& out) {
    if (out.config_json.empty()) {
      if (!meta.json.empty()) add_unreadable(out, "it is no JSON object");
      return;
    }
    const Result<core::StreamConfig> parsed = core::parse_stream_config(meta.json);
    if (!parsed) {
      add_unreadable(out, parsed.error().detail);
      return;
    }
    // With the server's defaults, if it would take it. What it would refuse (a feature that is not there yet) is shown all the same.
    core::StreamConfig config;
    const core::StreamLookup no_other = [](std::string_view) -> const core::StreamConfig* { return nullptr; };
    if (core::normalise(*parsed, no_other, config)) config = *parsed;
    out.config = std::move(config);
  }

  static void add_unreadable(StreamFindings& out, const std::string& why) {
    out.problems.push_back({Severity::damage,
                            "unreadable-metadata",
                            out.directory + "/meta.inf",
                            std::nullopt,
                            0,
                            {},
                            "meta.inf is no configuration: " + why,
                            "bring it back from a backup; a server skips the stream"});
  }

  void open(bool is_meta_valid, StreamFindings& out) {
    core::StreamStoreOptions options;
    options.name = out.name;
    options.directory = out.directory;
    // A configuration that cannot be trusted must not remove anything, not even in memory.
    if (out.config && is_meta_valid) {
      options.limits = core::store_limits(*out.config);
      options.block_size = core::block_size_for(*out.config);
      options.compression = out.config->compression;
      options.first_seq = out.config->first_seq;
    }
    auto opened = core::StreamInspection::open(disk_, std::move(options), options_.at);
    if (opened) {
      out.inspection = *std::move(opened);
      const std::vector<Problem>& found = out.inspection->report().problems;
      out.problems.insert(out.problems.end(), found.begin(), found.end());
      return;
    }
    const bool is_encrypted = opened.error().code == Errc::unsupported;
    if (is_encrypted) out.problems.clear();  // its metadata does not read either
    out.problems.push_back({is_encrypted ? Severity::warning : Severity::damage,
                            is_encrypted ? "encrypted" : "unreadable-file",
                            out.directory,
                            std::nullopt,
                            0,
                            {},
                            opened.error().detail,
                            is_encrypted
                                ? "encrypted stores are not supported; nats-server with its key can make a backup that is not encrypted"
                                : "see whether the device and the permissions are right"});
  }

  void add_consumers(StreamFindings& out) {
    const core::StreamReport& stream = out.inspection->report();
    auto consumers = core::inspect_consumers(disk_, out.directory, out.name, stream.state);
    if (!consumers) {
      out.problems.push_back({Severity::damage,
                              "unreadable-file",
                              out.directory + "/obs",
                              std::nullopt,
                              0,
                              {},
                              consumers.error().text(),
                              "see whether the device and the permissions are right"});
      return;
    }
    for (core::ConsumerReport& report : *consumers) {
      ConsumerFindings consumer;
      const Metadata metadata = read_metadata(report.meta.json);
      consumer.created = metadata.created;
      consumer.config = metadata.config;
      const auto config = metadata.config.empty() ? Result<core::ConsumerConfig>{core::error(Errc::corrupt, "it is no JSON object")}
                                                  : core::parse_consumer_config(report.meta.json);
      if (!config && !report.meta.json.empty()) {
        report.problems.push_back({Severity::damage, "unreadable-metadata", out.directory + "/obs/" + report.name + "/meta.inf",
                                   std::nullopt, 0, report.name, "meta.inf is no configuration: " + config.error().detail,
                                   "bring it back from a backup; a server skips the consumer"});
      }
      if (config && report.state)
        consumer.num_pending = out.inspection->count_matching(config->filters(), report.state->delivered.stream.next());
      out.problems.insert(out.problems.end(), report.problems.begin(), report.problems.end());
      consumer.report = std::move(report);
      out.consumers.push_back(std::move(consumer));
    }
  }

  Disk& disk_;
  const InspectOptions& options_;
};

void count(const std::vector<Problem>& problems, InspectTotals& totals) {
  for (const Problem& problem : problems) {
    switch (problem.severity) {
      case Severity::note: ++totals.notes; break;
      case Severity::warning: ++totals.warnings; break;
      case Severity::damage: ++totals.damages; break;
    }
    if (problem.kind == "encrypted") ++totals.encrypted;
  }
}

}  // namespace

core::Result<InspectTotals> inspect(core::Disk& disk, const std::string& directory, std::string_view shown, const InspectOptions& options,
                                    InspectWriter& writer) {
  WT_TRY(StoreTree tree, (Finder{disk, shown}.run(directory)));
  InspectTotals totals;
  totals.streams = tree.streams.size();
  writer.begin(shown, directory, tree.streams.size());
  Inspector inspector{disk, options};
  for (const StreamPlace& place : tree.streams) {
    StreamFindings findings = inspector.look_at(place);
    writer.stream(findings);
    count(findings.problems, totals);
  }
  count(tree.problems, totals);
  writer.end(totals, tree.problems);
  return totals;
}

}  // namespace windtunnel::reports
