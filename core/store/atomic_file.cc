#include "core/store/atomic_file.h"

#include <memory>
#include <string>

#include "core/base/defects.h"
#include "core/env/disk.h"
#include "core/env/env.h"

namespace windtunnel::core {

Status write_synced(Env& env, std::string_view path, std::string_view content) {
  WT_TRY(const std::unique_ptr<File> file, env.disk.open(path, OpenMode{.create = true, .exclusive = false, .truncate = true}));
  WT_CHECK(file->write_at(Bytes{0}, content));
  return file->sync();
}

Status replace_file(Env& env, std::string_view path, std::string_view content) {
  const std::string temporary = std::string(path) + ".tmp";
  WT_CHECK(write_synced(env, temporary, content));
  return env.disk.rename(temporary, path);
}

Status write_in_place(Env& env, std::string_view path, std::string_view content, bool syncs) {
  WT_TRY(const std::unique_ptr<File> file, env.disk.open(path, OpenMode{.create = true, .exclusive = false, .truncate = true}));
  WT_CHECK(file->write_at(Bytes{0}, content));
  return syncs ? file->sync() : Status{};
}

Status sync_names_of(Env& env, std::string_view directory) {
  if (env.defects.is_on(Defect::no_dir_sync)) return {};
  return env.disk.sync_directory(directory);
}

Status sync_names_above(Env& env, std::string_view directory) {
  for (std::size_t slash = directory.rfind('/'); slash != std::string_view::npos; slash = directory.rfind('/')) {
    directory = directory.substr(0, slash);
    WT_CHECK(sync_names_of(env, directory));
  }
  return sync_names_of(env, "");
}

}  // namespace windtunnel::core
