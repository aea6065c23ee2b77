#include "core/jetstream/copy_notes.h"

#include <algorithm>
#include <utility>

#include "core/base/defects.h"
#include "core/base/hash.h"
#include "core/base/json_writer.h"
#include "core/env/clock.h"
#include "core/env/disk.h"
#include "core/env/env.h"
#include "core/env/log.h"
#include "core/jetstream/disk_retry.h"
#include "core/jetstream/json_fields.h"
#include "core/store/atomic_file.h"

namespace windtunnel::core {
namespace {

constexpr const char* kFile = "/copies.json";

// The notes, behind a line with their checksum.
std::string encode(const std::vector<CopyNote>& notes) {
  JsonWriter json;
  json.begin_array();
  for (const CopyNote& note : notes) {
    json.begin_object().field("key", note.key).field("seq", note.seq.value).field("at", note.at.value).field("time", note.time.unix_ns);
    if (!note.created.empty()) json.field("created", note.created);
    if (note.through.value > 0) json.field("through", note.through.value).field("own_last", note.own_last.value);
    if (note.has_parted) json.field("parted", true);
    json.end_object();
  }
  json.end_array();
  return std::to_string(hash_bytes(json.view())) + "\n" + json.view();
}

std::optional<std::vector<CopyNote>> decode(std::string_view bytes) {
  const std::size_t line = bytes.find('\n');
  if (line == std::string_view::npos) return std::nullopt;
  const std::string_view text = bytes.substr(line + 1);
  if (bytes.substr(0, line) != std::to_string(hash_bytes(text))) return std::nullopt;
  const std::optional<Json> json = parse_json(text);
  if (!json || !json->is_array()) return std::nullopt;
  std::vector<CopyNote> notes;
  for (const Json& each : *json) {
    CopyNote& note = notes.emplace_back();
    if (!each.is_object() || !read(each, "key", note.key) || !read(each, "seq", note.seq) || !read(each, "at", note.at) ||
        !read(each, "time", note.time.unix_ns) || !read(each, "created", note.created) || !read(each, "through", note.through) ||
        !read(each, "own_last", note.own_last) || !read(each, "parted", note.has_parted)) {
      return std::nullopt;
    }
  }
  return notes;
}

}  // namespace

CopyNotes::CopyNotes(Env& env, std::string directory, bool syncs, std::function<std::vector<CopyNote>()> current)
    : env_(env), directory_(std::move(directory)), syncs_(syncs), current_(std::move(current)), mutex_(env.tasks), scope_(env.tasks) {}

Result<std::vector<CopyNote>> CopyNotes::load() {
  if (directory_.empty()) return std::vector<CopyNote>{};
  const Result<std::string> bytes = env_.disk.read_file(directory_ + kFile);
  if (!bytes && is_device_error(bytes.error()) && !env_.defects.is_on(Defect::break_disk_errors)) return bytes.error();
  is_loaded_ = true;
  is_there_ = bytes || bytes.error().code != Errc::not_found;
  if (!bytes) return std::vector<CopyNote>{};
  std::optional<std::vector<CopyNote>> notes = decode(*bytes);
  if (!notes) {
    env_.log.warn("copies.unreadable", {{"file", directory_ + kFile}});
    return std::vector<CopyNote>{};
  }
  written_ = *notes;
  return *std::move(notes);
}

void CopyNotes::changed(Duration within) {
  if (directory_.empty() || is_closed_) return;
  const Instant due = after(env_.clock.now(), within);
  if (due >= due_) return;
  due_ = due;
  if (!std::exchange(is_writing_, true)) scope_.spawn("notes of copies", [this] { write_loop(); });
  waiting_.wake_all(env_.tasks);
}

void CopyNotes::write_loop() {
  while (!is_closed_) {
    if (env_.clock.now() < due_) {
      waiting_.wait(env_.tasks, "notes of copies to write", due_);
      continue;
    }
    write();
  }
}

Status CopyNotes::try_write() {
  if (directory_.empty() || !is_loaded_) return {};
  const MutexLock lock{mutex_};
  due_ = kForever;
  std::vector<CopyNote> notes = current_();
  if (notes == written_) return {};
  const std::string temporary = directory_ + kFile + ".tmp";
  const bool syncs = syncs_ || !is_there_;
  WT_CHECK(write_in_place(env_, temporary, encode(notes), syncs));
  WT_CHECK(env_.disk.rename(temporary, directory_ + kFile));
  if (syncs) WT_CHECK(sync_names_of(env_, directory_));
  is_there_ = true;
  written_ = std::move(notes);
  return {};
}

void CopyNotes::stop(bool writes) {
  is_closed_ = true;
  waiting_.wake_all(env_.tasks);
  scope_.join();
  if (writes) write();
}

void CopyNotes::write() {
  if (const Status status = try_write(); !status) {
    env_.log.warn("copies.write_failed", {{"file", directory_ + kFile}, {"error", status.error().text()}});
    if (!env_.defects.is_on(Defect::break_disk_errors)) changed(kDiskRetry);
  }
}

}  // namespace windtunnel::core
