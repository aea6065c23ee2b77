#include "core/store/meta_file.h"

#include <optional>

#include "core/base/defects.h"
#include "core/base/hash.h"
#include "core/env/disk.h"
#include "core/env/env.h"
#include "core/store/atomic_file.h"
#include "core/store/record.h"

namespace windtunnel::core {
namespace {

constexpr Bytes kMetaSizeMax{64u << 20};

std::string sum_of(std::string_view key_text, std::string_view json) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  std::string bytes;
  put_u64(bytes, highway_hash(highway_key(key_text), json));
  std::string hex;
  for (const char c : bytes) {
    hex.push_back(kDigits[static_cast<unsigned char>(c) >> 4]);
    hex.push_back(kDigits[static_cast<unsigned char>(c) & 15]);
  }
  return hex;
}

// The content, or nullopt if there is no such file.
Result<std::optional<std::string>> read_if_there(Env& env, const std::string& path) {
  auto content = env.disk.read_file(path, kMetaSizeMax);
  if (content) return std::optional{std::move(*content)};
  if (content.error().code == Errc::not_found) return std::optional<std::string>{};
  return content.error();
}

}  // namespace

Status write_meta(Env& env, std::string_view directory, std::string_view key_text, std::string_view json) {
  const std::string inf = std::string(directory) + "/meta.inf";
  const std::string sum = std::string(directory) + "/meta.sum";
  if (env.defects.is_on(Defect::nats_7388)) {
    WT_CHECK(write_in_place(env, inf, json, false));
    return write_in_place(env, sum, sum_of(key_text, json), false);
  }
  WT_TRY(const bool is_there, env.disk.exists(inf));
  WT_CHECK(write_synced(env, inf + ".tmp", json));
  WT_CHECK(write_synced(env, sum + ".tmp", sum_of(key_text, json)));
  // The temporary names are durable before the first rename: whichever of the two renames a power loss takes back, its
  // temporary file is still there, and read_meta ends what was begun.
  WT_CHECK(sync_names_of(env, directory));
  WT_CHECK(env.disk.rename(inf + ".tmp", inf));
  WT_CHECK(env.disk.rename(sum + ".tmp", sum));
  WT_CHECK(sync_names_of(env, directory));
  return is_there ? Status{} : sync_names_above(env, directory);
}

Result<std::string> read_meta(Env& env, std::string_view directory, std::string_view key_text) {
  const std::string inf = std::string(directory) + "/meta.inf";
  const std::string sum = std::string(directory) + "/meta.sum";
  WT_TRY(std::optional<std::string> json, read_if_there(env, inf));
  WT_TRY(const std::optional<std::string> hex, read_if_there(env, sum));
  if (json && hex && sum_of(key_text, *json) == *hex) {
    // Whoever wrote it may have died before the names were durable. What is built on it from now on needs them. If that fails
    // nothing is worse than it was.
    if (sync_names_of(env, directory)) static_cast<void>(sync_names_above(env, directory));
    return *std::move(json);
  }
  // Half of a replacement?
  if (hex) {
    WT_TRY(std::optional<std::string> next, read_if_there(env, inf + ".tmp"));
    if (next && sum_of(key_text, *next) == *hex) {
      WT_CHECK(env.disk.rename(inf + ".tmp", inf));
      WT_CHECK(sync_names_of(env, directory));
      return *std::move(next);
    }
  }
  if (json) {
    WT_TRY(const std::optional<std::string> next, read_if_there(env, sum + ".tmp"));
    if (next && sum_of(key_text, *json) == *next) {
      WT_CHECK(env.disk.rename(sum + ".tmp", sum));
      WT_CHECK(sync_names_of(env, directory));
      return *std::move(json);
    }
  }
  if (!json) return error(Errc::not_found, inf);
  if (!hex) return error(Errc::not_found, sum);
  return error(Errc::corrupt, inf + ": checksums do not match");
}

}  // namespace windtunnel::core
