#include "core/jetstream/source_header.h"

#include <array>
#include <charconv>

#include "core/jetstream/ack_subject.h"
#include "core/jetstream/short_hash.h"

namespace windtunnel::core {
namespace {

std::string origin_of(const StreamSource& source) {
  return source.external ? source.name + ":" + short_hash(source.external->api) : source.name;
}

// " orders.eu >": what is left of several is joined by form feeds.
std::string filters_of(const StreamSource& source) {
  if (source.subject_transforms.empty()) return " " + (source.filter_subject.empty() ? ">" : source.filter_subject) + " >";
  std::string sources;
  std::string destinations;
  for (const SubjectTransformConfig& each : source.subject_transforms) {
    if (!sources.empty()) {
      sources += '\f';
      destinations += '\f';
    }
    sources += each.source.empty() ? ">" : each.source;
    destinations += each.destination.empty() ? ">" : each.destination;
  }
  return " " + sources + " " + destinations;
}

std::optional<Seq> parse_seq(std::string_view text) {
  Seq seq;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), seq.value);
  if (failed != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return seq;
}

}  // namespace

std::string source_key(const StreamSource& source) { return origin_of(source) + filters_of(source); }

std::string source_header(std::string_view key, Seq seq) {
  const std::size_t behind_origin = key.find(' ');
  std::string header;
  header.reserve(key.size() + 21);
  header.append(key.substr(0, behind_origin)).append(" ").append(std::to_string(seq.value)).append(key.substr(behind_origin));
  return header;
}

bool SourcedFrom::is_of(const StreamSource& source, std::string_view key_of_source) const {
  return key.empty() ? stream == source.name : key == key_of_source;
}

std::optional<SourcedFrom> parse_source_header(std::string_view value) {
  if (const std::optional<AckInfo> info = parse_ack_subject(value)) return SourcedFrom{{}, std::string(info->stream), info->stream_seq};
  std::array<std::string_view, 4> fields;
  std::size_t count = 0;
  for (std::string_view rest = value; count < fields.size();) {
    const std::size_t space = rest.find(' ');
    fields[count++] = rest.substr(0, space);
    if (space == std::string_view::npos) break;
    rest = rest.substr(space + 1);
    if (count == fields.size()) return std::nullopt;
  }
  if (count != 2 && count != 4) return std::nullopt;
  const std::optional<Seq> seq = parse_seq(fields[1]);
  if (!seq) return std::nullopt;
  SourcedFrom from{{}, std::string(fields[0].substr(0, fields[0].find(':'))), *seq};
  if (count == 4) from.key.append(fields[0]).append(" ").append(fields[2]).append(" ").append(fields[3]);
  return from;
}

}  // namespace windtunnel::core
