#include "cli/arguments.h"

#include <algorithm>
#include <array>
#include <boost/program_options.hpp>
#include <charconv>
#include <sstream>

#include "core/base/time_text.h"
#include "faults/units.h"
#include "scenarios/language/nearest.h"

namespace windtunnel::cli {
namespace {

namespace options = boost::program_options;
using core::Errc;
using core::Result;
using scenarios::hint;
using scenarios::quoted;

constexpr std::array<std::string_view, 6> kVerbs = {"run", "crash-points", "check", "list", "inspect", "serve"};
constexpr std::array<std::string_view, 4> kLaterVerbs = {"explore", "shrink", "diff", "gate"};
constexpr std::array<std::string_view, 3> kLaterRunOptions = {"--html", "--out", "--shrink"};
constexpr std::array<std::string_view, 7> kListings = {"scenarios", "faults", "invariants", "workloads", "defects", "profiles", "hazards"};

constexpr std::string_view kUsage =
    R"(windtunnel: a deterministic wind tunnel for JetStream-style messaging

  windtunnel run FILE|DIR...      replay scenarios
  windtunnel crash-points FILE    crash at every disk operation of a run, every way the disk may be left
  windtunnel check FILE|DIR...    validate scenarios without running them, and warn of hazards; also of real servers: --streams
  windtunnel serve                run the server for real: TCP and files
  windtunnel list WHAT            scenarios, faults, invariants, workloads, defects, profiles or hazards
  windtunnel inspect DIR          say what is in a JetStream store directory, and what is wrong with it
  windtunnel VERB --help          the options of a verb
  windtunnel --version

Exit status: 0 all expectations held; 1 a divergence (inspect: problems; check --strict: hazards); 2 bad usage or input, or our own I/O failed;
3 a run was not deterministic; 4 windtunnel itself failed.
)";

core::Error usage(std::string detail) { return core::error(Errc::invalid_argument, std::move(detail)); }
core::Error later(std::string_view what) { return core::error(Errc::unsupported, quoted(what) + " is not available yet"); }

template <typename Words, typename Word>
bool contains(const Words& words, const Word& word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

Result<std::uint64_t> parse_number(std::string_view text, std::string_view option, std::uint64_t max) {
  std::uint64_t value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc{} || end != text.data() + text.size() || value > max) {
    return usage("`" + std::string{option} + "` must be a whole number, 0 to " + std::to_string(max) + ", not " + quoted(text));
  }
  return value;
}

// The options of one verb, and which words are known but refused.
struct Verb {
  std::string_view name;
  std::string_view synopsis;
  options::options_description description;
  std::span<const std::string_view> later_options;
};

struct Parsed {
  options::variables_map values;
  std::vector<std::string> words;  // what is no option
};

std::string help_text(const Verb& verb) {
  std::ostringstream out;
  out << "windtunnel " << verb.name << " " << verb.synopsis << "\n\n" << verb.description;
  return out.str();
}

core::Error unknown_option(std::string_view token, const Verb& verb) {
  const std::string_view name = token.substr(0, token.find('='));
  if (contains(verb.later_options, name)) return later(name);
  std::vector<std::string> known;
  for (const auto& option : verb.description.options()) known.push_back("--" + option->long_name());
  const std::vector<std::string_view> views{known.begin(), known.end()};
  return usage("unknown option " + quoted(name) + " of `windtunnel " + std::string{verb.name} + "`" + hint(name, views));
}

Result<Parsed> parse_verb(std::span<const std::string> arguments, const Verb& verb) {
  const std::vector<std::string> tokens{arguments.begin(), arguments.end()};
  // Names may not be shortened: a script that does would break when an option is added.
  const int style = options::command_line_style::unix_style & ~options::command_line_style::allow_guessing;
  Parsed out;
  options::positional_options_description positional;
  positional.add("word", -1);
  options::options_description all = verb.description;
  all.add_options()("word", options::value<std::vector<std::string>>());
  try {
    options::parsed_options parsed =
        options::command_line_parser(tokens).options(all).positional(positional).style(style).allow_unregistered().run();
    for (const auto& option : parsed.options) {
      if (option.unregistered)
        return unknown_option(option.original_tokens.empty() ? option.string_key : option.original_tokens.front(), verb);
    }
    options::store(parsed, out.values);
  } catch (const options::error& failure) {
    return usage(std::string{failure.what()} + "; see `windtunnel " + std::string{verb.name} + " --help`");
  }
  if (out.values.count("word") != 0) out.words = out.values["word"].as<std::vector<std::string>>();
  return out;
}

std::optional<std::string> text_of(const Parsed& parsed, const char* name) {
  if (parsed.values.count(name) == 0) return std::nullopt;
  return parsed.values[name].as<std::string>();
}

core::Status parse_seeds(const Parsed& parsed, RunCommand& command) {
  const std::optional<std::string> seed = text_of(parsed, "seed");
  const std::optional<std::string> seeds = text_of(parsed, "seeds");
  static constexpr std::uint64_t kAny = ~std::uint64_t{0};
  if (seed && seeds) return usage("give `--seed` or `--seeds`, not both");
  if (seed) {
    WT_TRY(const std::uint64_t value, parse_number(*seed, "--seed", kAny));
    command.first_seed = command.last_seed = value;
  } else if (seeds) {
    const std::size_t dots = seeds->find("..");
    if (dots == std::string::npos) return usage("`--seeds` must be a range such as 1..200, not " + quoted(*seeds));
    WT_TRY(const std::uint64_t first, parse_number(std::string_view{*seeds}.substr(0, dots), "--seeds", kAny));
    WT_TRY(const std::uint64_t last, parse_number(std::string_view{*seeds}.substr(dots + 2), "--seeds", kAny));
    if (first > last) return usage("`--seeds` " + quoted(*seeds) + " ends before it begins");
    if (last - first >= kSeedsMax)
      return usage("`--seeds` " + quoted(*seeds) + " are more than " + std::to_string(kSeedsMax) + " seeds; run them in parts");
    command.first_seed = first;
    command.last_seed = last;
  }
  return {};
}

// Every value of an option that may be repeated, and each of which may be several words with commas between them.
std::vector<std::string> list_of(const Parsed& parsed, const char* name) {
  std::vector<std::string> out;
  if (parsed.values.count(name) == 0) return out;
  for (const std::string& value : parsed.values[name].as<std::vector<std::string>>()) {
    for (std::size_t begin = 0; begin <= value.size();) {
      const std::size_t end = std::min(value.find(',', begin), value.size());
      out.push_back(value.substr(begin, end - begin));
      begin = end + 1;
    }
  }
  return out;
}

Result<std::vector<core::Defect>> parse_defects(const Parsed& parsed) {
  std::vector<core::Defect> out;
  for (const std::string& name : list_of(parsed, "defect")) {
    const std::optional<core::Defect> defect = core::defect_named(name);
    if (!defect) {
      std::vector<std::string_view> known;
      for (const core::DefectInfo& info : core::all_defects()) known.push_back(info.name);
      return usage("there is no defect " + quoted(name) + hint(name, known) + "; see `windtunnel list defects`");
    }
    if (!contains(out, *defect)) out.push_back(*defect);
  }
  return out;
}

Result<std::vector<core::Release>> parse_profiles(const Parsed& parsed) {
  std::vector<core::Release> out;
  for (const std::string& name : list_of(parsed, "as")) {
    const std::optional<core::Release> release = core::profile_named(name);
    if (!release) return usage("there is no profile " + quoted(name) + "; `windtunnel list profiles` shows those there are");
    if (contains(out, *release)) return usage("`--as` names " + quoted(name) + " twice");
    out.push_back(*release);
  }
  return out;
}

Result<std::vector<scenarios::CrashAt>> parse_crashes(const Parsed& parsed) {
  const std::vector<std::string> places = list_of(parsed, "crash-at");
  const std::vector<std::string> keeps = list_of(parsed, "keep");
  if (places.size() != keeps.size()) return usage("each `--crash-at` needs a `--keep` of its own, and the other way round");
  std::vector<scenarios::CrashAt> out;
  for (std::size_t i = 0; i < places.size(); ++i) {
    const auto place = scenarios::parse_crash_place(places[i]);
    if (!place) return usage("`--crash-at` " + place.error().detail);
    const auto keep = sim::parse_survivors(keeps[i]);
    if (!keep) return usage("`--keep` " + keep.error().detail);
    out.push_back({place->node, place->operation, *keep});
  }
  return out;
}

void add_defect_options(options::options_description& description) {
  description.add_options()("as", options::value<std::vector<std::string>>()->value_name("PROFILE,..."),
                            "with the defects of a release, such as nats-2.10.17; of several, a run for each")(
      "defect", options::value<std::vector<std::string>>()->value_name("NAME,..."), "with this defect on every node; may be repeated");
}

Result<Command> parse_run(std::span<const std::string> arguments) {
  Verb verb{.name = "run",
            .synopsis = "FILE|DIR... [OPTION]...",
            .description = options::options_description{"Replays scenarios; a directory stands for all *.yaml in it"},
            .later_options = kLaterRunOptions};
  verb.description.add_options()("seed", options::value<std::string>()->value_name("N"), "the seed; default: the scenario's own, or 1")(
      "seeds", options::value<std::string>()->value_name("A..B"), "every seed from A to B")(
      "jobs", options::value<std::string>()->value_name("N"), "worker processes; default 1; 0: run in this process, for a debugger")(
      "verify", "run everything twice and compare; runs that fail always are");
  add_defect_options(verb.description);
  verb.description.add_options()("crash-at", options::value<std::vector<std::string>>()->value_name("NODE:N"),
                                 "crash the node after the N-th operation on its disk, and start it again; may be repeated")(
      "keep", options::value<std::vector<std::string>>()->value_name("HOW"),
      "how that crash leaves the disk: kill, none, all, only:N, ... (docs/crash-points.md)")(
      "trace", options::value<std::string>()->value_name("FILE"), "write every event of the run (of a single one)")(
      "json", options::value<std::string>()->value_name("FILE"), "write the report as JSON (docs/json-report.md)")(
      "junit", options::value<std::string>()->value_name("FILE"), "write the report as JUnit XML")("help", "show this");
  WT_TRY(const Parsed parsed, parse_verb(arguments, verb));
  if (parsed.values.count("help") != 0) return Command{HelpCommand{help_text(verb)}};
  RunCommand command;
  command.paths = parsed.words;
  if (command.paths.empty()) return usage("`windtunnel run` needs a scenario: a file or a directory");
  WT_CHECK(parse_seeds(parsed, command));
  if (const auto jobs = text_of(parsed, "jobs")) {
    WT_TRY(const std::uint64_t count, parse_number(*jobs, "--jobs", kJobsMax));
    command.jobs = static_cast<unsigned>(count);
  }
  command.verify = parsed.values.count("verify") != 0;
  WT_TRY(command.profiles, parse_profiles(parsed));
  WT_TRY(command.defects, parse_defects(parsed));
  WT_TRY(command.crashes, parse_crashes(parsed));
  command.trace_file = text_of(parsed, "trace");
  command.json_file = text_of(parsed, "json");
  command.junit_file = text_of(parsed, "junit");
  if (command.trace_file && command.first_seed && command.first_seed != command.last_seed)
    return usage("`--trace` is for a single run; give one `--seed`");
  if (command.trace_file && command.profiles.size() > 1) return usage("`--trace` is for a single run; give one `--as`");
  return Command{std::move(command)};
}

Result<Command> parse_crash_points(std::span<const std::string> arguments) {
  Verb verb{
      .name = "crash-points",
      .synopsis = "FILE [OPTION]...",
      .description = options::options_description{"Crashes at every disk operation of a run, in every way that a crash may leave the disk"},
      .later_options = {}};
  verb.description.add_options()("seed", options::value<std::string>()->value_name("N"), "the seed; default: the scenario's own, or 1")(
      "jobs", options::value<std::string>()->value_name("N"), "worker processes; default 1")(
      "depth", options::value<std::string>()->value_name("N"), "2 (the default): crash again while a node recovers; 1: do not");
  add_defect_options(verb.description);
  verb.description.add_options()("json", options::value<std::string>()->value_name("FILE"),
                                 "write the result as JSON (docs/crash-points.md)")("help", "show this");
  WT_TRY(const Parsed parsed, parse_verb(arguments, verb));
  if (parsed.values.count("help") != 0) return Command{HelpCommand{help_text(verb)}};
  if (parsed.words.size() != 1) return usage("`windtunnel crash-points` needs one scenario file");
  CrashPointsCommand command;
  command.path = parsed.words.front();
  if (const auto seed = text_of(parsed, "seed")) {
    WT_TRY(command.seed, parse_number(*seed, "--seed", ~std::uint64_t{0}));
  }
  if (const auto jobs = text_of(parsed, "jobs")) {
    WT_TRY(const std::uint64_t count, parse_number(*jobs, "--jobs", kJobsMax));
    command.jobs = std::max(1u, static_cast<unsigned>(count));
  }
  if (const auto depth = text_of(parsed, "depth")) {
    if (*depth != "1" && *depth != "2") return usage("`--depth` must be 1 or 2, not " + quoted(*depth));
    command.depth = *depth == "1" ? 1 : 2;
  }
  WT_TRY(const std::vector<core::Release> profiles, parse_profiles(parsed));
  if (profiles.size() > 1) return usage("`windtunnel crash-points` takes one `--as` at a time");
  if (!profiles.empty()) command.profile = profiles.front();
  WT_TRY(command.defects, parse_defects(parsed));
  command.json_file = text_of(parsed, "json");
  return Command{std::move(command)};
}

// "hub=hub.json", or a file alone. What stands before the first `=` is a server's name only if it could be one: paths have `=` too.
Result<scenarios::StreamsFile> parse_streams(const std::string& text) {
  const std::size_t equals = text.find('=');
  scenarios::StreamsFile out{.server = {}, .path = text};
  if (equals != std::string::npos && text.find_first_of("/.") >= equals) {
    out.server = text.substr(0, equals);
    out.path = text.substr(equals + 1);
    const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
    const bool is_name = !out.server.empty() && is_letter(out.server.front()) && out.server.size() <= 64 &&
                         std::all_of(out.server.begin(), out.server.end(),
                                     [&is_letter](char c) { return is_letter(c) || (c >= '0' && c <= '9') || c == '-'; });
    if (!is_name) return usage("`--streams` " + quoted(text) + ": " + quoted(out.server) + " is no name of letters, digits, - and _");
  }
  if (out.path.empty()) return usage("`--streams` needs a file: NAME=FILE.json, or FILE.json");
  return out;
}

Result<Command> parse_check(std::span<const std::string> arguments) {
  Verb verb{.name = "check",
            .synopsis = "[FILE|DIR...] [OPTION]...",
            .description = options::options_description{"Validates scenarios without running them, and warns of hazards (docs/hazards.md)"},
            .later_options = {}};
  verb.description.add_options()("strict", "exit 1 if there are hazards that nobody has accepted")(
      "streams", options::value<std::vector<std::string>>()->value_name("[NAME=]FILE"),
      "look at the streams of a real server: what `nats stream info --json` prints there; may be repeated")(
      "topology", options::value<std::string>()->value_name("FILE"), "how these servers are joined by leaf links (docs/hazards.md)")(
      "json", options::value<std::string>()->value_name("FILE"), "write what was found as JSON, too (docs/check-json.md)")("help",
                                                                                                                           "show this");
  WT_TRY(const Parsed parsed, parse_verb(arguments, verb));
  if (parsed.values.count("help") != 0) return Command{HelpCommand{help_text(verb)}};
  CheckCommand command;
  command.paths = parsed.words;
  command.topology = text_of(parsed, "topology");
  command.is_strict = parsed.values.count("strict") != 0;
  command.json_file = text_of(parsed, "json");
  if (parsed.values.count("streams") != 0) {
    for (const std::string& text : parsed.values["streams"].as<std::vector<std::string>>()) {
      WT_TRY(scenarios::StreamsFile file, parse_streams(text));
      command.streams.push_back(std::move(file));
    }
  }
  if (command.paths.empty() && command.streams.empty() && !command.topology)
    return usage("`windtunnel check` needs a scenario: a file or a directory; or `--streams FILE.json`");
  return Command{std::move(command)};
}

Result<Command> parse_list(std::span<const std::string> arguments) {
  Verb verb{.name = "list",
            .synopsis = "scenarios [FILE|DIR...] | faults | invariants | workloads | defects | profiles | hazards",
            .description = options::options_description{"Says what there is"},
            .later_options = {}};
  verb.description.add_options()("help", "show this");
  WT_TRY(const Parsed parsed, parse_verb(arguments, verb));
  if (parsed.values.count("help") != 0) return Command{HelpCommand{help_text(verb)}};
  if (parsed.words.empty())
    return usage("`windtunnel list` needs a word: scenarios, faults, invariants, workloads, defects, profiles or hazards");
  const std::string& word = parsed.words.front();
  const auto found = std::find(kListings.begin(), kListings.end(), word);
  if (found == kListings.end()) return usage(quoted(word) + " cannot be listed" + hint(word, kListings));
  ListCommand command{.what = static_cast<Listing>(found - kListings.begin()), .paths = {parsed.words.begin() + 1, parsed.words.end()}};
  if (command.what != Listing::scenarios && !command.paths.empty())
    return usage("`windtunnel list " + word + "` takes nothing else, not " + quoted(command.paths.front()));
  return Command{std::move(command)};
}

Result<std::uint16_t> parse_port(const std::string& text, std::string_view option) {
  WT_TRY(const std::uint64_t port, parse_number(text, option, 65535));
  return static_cast<std::uint16_t>(port);
}

// "nats-leaf://user:password@host:7422"; scheme, credentials and port may be left out.
Result<core::LeafRemote> parse_leaf_remote(const std::string& url) {
  std::string_view rest = url;
  for (const std::string_view scheme : {"nats-leaf://", "nats://"}) {
    if (rest.starts_with(scheme)) rest.remove_prefix(scheme.size());
  }
  core::LeafRemote out;
  if (const std::size_t at = rest.rfind('@'); at != std::string_view::npos) {
    const std::string_view login = rest.substr(0, at);
    const std::size_t colon = login.find(':');
    if (colon == std::string_view::npos) return usage("`--leaf-remote` " + quoted(url) + " names a user without a password");
    out.credentials = {std::string{login.substr(0, colon)}, std::string{login.substr(colon + 1)}};
    rest.remove_prefix(at + 1);
  }
  const std::size_t colon = rest.rfind(':');
  out.address = core::Address{std::string{rest.substr(0, colon)}, 7422};
  if (out.address.host.empty() || rest.find('/') != std::string_view::npos)
    return usage("`--leaf-remote` must be a URL such as nats-leaf://host:7422, not " + quoted(url));
  if (colon != std::string_view::npos) {
    WT_TRY(out.address.port, parse_port(std::string{rest.substr(colon + 1)}, "--leaf-remote"));
  }
  return out;
}

core::Status parse_serve_options(const Parsed& parsed, ServeCommand& command) {
  command.host = text_of(parsed, "host").value_or(command.host);
  command.store = text_of(parsed, "store");
  command.domain = text_of(parsed, "domain").value_or("");
  command.name = text_of(parsed, "name").value_or(command.name);
  command.is_verbose = parsed.values.count("verbose") != 0;
  if (const auto port = text_of(parsed, "port")) {
    WT_TRY(command.port, parse_port(*port, "--port"));
  }
  if (const auto port = text_of(parsed, "leaf-port")) {
    WT_TRY(command.leaf_port, parse_port(*port, "--leaf-port"));
  }
  for (const std::string& url : list_of(parsed, "leaf-remote")) {
    WT_TRY(core::LeafRemote remote, parse_leaf_remote(url));
    command.leaf_remotes.push_back(std::move(remote));
  }
  if (const auto sync = text_of(parsed, "sync")) {
    command.sync_always = *sync == "always";
    if (!command.sync_always) {
      const core::Result<core::Duration> every = faults::parse_duration(*sync);
      if (!every || every->count() <= 0) return usage("`--sync` must be a duration such as 10s, or always, not " + quoted(*sync));
      command.sync_interval = *every;
    }
  }
  for (const auto& [option, max] : {std::pair{"max-mem", &command.max_memory}, std::pair{"max-file", &command.max_file}}) {
    const auto text = text_of(parsed, option);
    if (!text) continue;
    const core::Result<core::Bytes> size = faults::parse_size(*text);
    if (!size || size->value > static_cast<std::uint64_t>(INT64_MAX)) {
      return usage("`--" + std::string{option} + "` must be a size such as 64MiB, not " + quoted(*text));
    }
    *max = *size;
  }
  WT_TRY(const std::vector<core::Release> profiles, parse_profiles(parsed));
  if (profiles.size() > 1) return usage("`windtunnel serve` is one server: `--as` takes a single profile");
  if (!profiles.empty()) command.profile = profiles.front();
  WT_TRY(command.defects, parse_defects(parsed));
  return {};
}

Result<Command> parse_serve(std::span<const std::string> arguments) {
  Verb verb{.name = "serve",
            .synopsis = "[OPTION]...",
            .description =
                options::options_description{"Runs the server for real, on TCP and files. SIGTERM ends it in order, SIGUSR2 is lame duck"},
            .later_options = {}};
  verb.description.add_options()("host", options::value<std::string>()->value_name("ADDRESS"), "where it listens; default 127.0.0.1")(
      "port", options::value<std::string>()->value_name("N"), "for clients; default 4222, 0 picks one")(
      "store", options::value<std::string>()->value_name("DIR"), "of JetStream, as nats-server's store_dir; default: temporary")(
      "sync", options::value<std::string>()->value_name("EVERY"), "between fsyncs, or always: before each ack; default 2m")(
      "domain", options::value<std::string>()->value_name("NAME"), "of JetStream")(
      "name", options::value<std::string>()->value_name("NAME"), "of the server; default windtunnel")(
      "leaf-port", options::value<std::string>()->value_name("N"), "for leaf nodes; default: none are accepted, 0 picks one")(
      "leaf-remote", options::value<std::vector<std::string>>()->value_name("URL"), "dial this hub as a leaf node; may be repeated")(
      "max-mem", options::value<std::string>()->value_name("SIZE"), "what streams in memory may hold together; default 64GiB")(
      "max-file", options::value<std::string>()->value_name("SIZE"), "the same of streams in files; default 1TiB")(
      "as", options::value<std::vector<std::string>>()->value_name("PROFILE"), "with the defects of a release, such as nats-2.10.17")(
      "defect", options::value<std::vector<std::string>>()->value_name("NAME,..."), "with this defect; may be repeated")(
      "verbose", "log more")("help", "show this");
  WT_TRY(const Parsed parsed, parse_verb(arguments, verb));
  if (parsed.values.count("help") != 0) return Command{HelpCommand{help_text(verb)}};
  if (!parsed.words.empty()) return usage("`windtunnel serve` takes options only, not " + quoted(parsed.words.front()));
  ServeCommand command;
  WT_CHECK(parse_serve_options(parsed, command));
  return Command{std::move(command)};
}

Result<Command> parse_inspect(std::span<const std::string> arguments) {
  Verb verb{
      .name = "inspect",
      .synopsis = "DIR [OPTION]...",
      .description = options::options_description{"Says what is in a JetStream store (ours or nats-server's) and what is wrong with it.\n"
                                                  "DIR is a store, an account or a stream. Nothing is ever written to it"},
      .later_options = {}};
  verb.description.add_options()("json", "as JSON (docs/inspect.md)")("messages", "every message: sequence, subject, time, size")(
      "consumers", "what each consumer has pending, one by one")("at", options::value<std::string>()->value_name("TIME"),
                                                                 "apply the limits by age as of then, such as 2024-05-01T10:00:00Z")(
      "help", "show this");
  WT_TRY(const Parsed parsed, parse_verb(arguments, verb));
  if (parsed.values.count("help") != 0) return Command{HelpCommand{help_text(verb)}};
  if (parsed.words.empty()) return usage("`windtunnel inspect` needs a directory: a store, an account or a stream");
  if (parsed.words.size() > 1) return usage("`windtunnel inspect` takes one directory, not also " + quoted(parsed.words[1]));
  InspectCommand command;
  command.path = parsed.words.front();
  command.json = parsed.values.count("json") != 0;
  command.messages = parsed.values.count("messages") != 0;
  command.consumers = parsed.values.count("consumers") != 0;
  if (const auto at = text_of(parsed, "at")) {
    command.at = core::parse_rfc3339(*at);
    if (!command.at) return usage("`--at` must be a time such as 2024-05-01T10:00:00Z, not " + quoted(*at));
  }
  return Command{std::move(command)};
}

}  // namespace

Result<Command> parse_arguments(std::span<const std::string> arguments) {
  if (arguments.empty()) return usage("a verb is missing; see `windtunnel --help`");
  const std::string& verb = arguments.front();
  if (verb == "--help" || verb == "-h" || verb == "help") return Command{HelpCommand{std::string{kUsage}}};
  if (verb == "--version") return Command{VersionCommand{}};
  if (verb == "run") return parse_run(arguments.subspan(1));
  if (verb == "crash-points") return parse_crash_points(arguments.subspan(1));
  if (verb == "check") return parse_check(arguments.subspan(1));
  if (verb == "list") return parse_list(arguments.subspan(1));
  if (verb == "inspect") return parse_inspect(arguments.subspan(1));
  if (verb == "serve") return parse_serve(arguments.subspan(1));
  if (contains(kLaterVerbs, verb)) return later(verb);
  if (verb.starts_with('-')) return usage("the verb comes first, before options such as " + quoted(verb) + "; see `windtunnel --help`");
  return usage("unknown verb " + quoted(verb) + hint(verb, kVerbs));
}

}  // namespace windtunnel::cli
