// Random operations on a DiskTree against a naive model of the same rules: whole copies instead of before-images, whole
// histories instead of layers.
#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "sim/disk_tree.h"

namespace windtunnel::sim {
namespace {

using core::Random;
using core::Seed;

struct ModelFile {
  std::vector<std::string> versions{""};  // since the last sync; [0] is durable
  [[nodiscard]] const std::string& content() const { return versions.back(); }
};
using FilePtr = std::shared_ptr<ModelFile>;  // owned by every name, current, durable or former, that led to it
using Names = std::map<std::string, FilePtr>;

struct ModelDirectory {
  Names now;
  Names durable;
  std::map<std::string, std::set<FilePtr>> since;  // what a name pointed to since the last sync; nullptr: nothing
};

class Model {
 public:
  std::map<std::string, ModelDirectory> directories{{"a", {}}, {"b", {}}};

  FilePtr find(const std::string& directory, const std::string& name) {
    const auto& now = directories.at(directory).now;
    const auto found = now.find(name);
    return found == now.end() ? nullptr : found->second;
  }
  void set(const std::string& directory, const std::string& name, FilePtr file) {
    ModelDirectory& d = directories.at(directory);
    if (file) {
      d.now[name] = file;
    } else {
      d.now.erase(name);
    }
    d.since[name].insert(file);
  }
  void rename(const std::string& from, const std::string& name, const std::string& to, const std::string& target) {
    const FilePtr file = find(from, name);
    set(to, target, file);
    set(from, name, nullptr);
    if (from != to) moves.push_back({from, to, target, file});
  }
  void sync(const std::string& directory) {
    // A name that was moved away is durably gone now, so its new name is durably there.
    for (const Move& move : moves) {
      if (move.from != directory) continue;
      directories.at(move.to).durable[move.target] = move.file;
    }
    std::erase_if(moves, [&](const Move& move) { return move.from == directory || move.to == directory; });
    ModelDirectory& d = directories.at(directory);
    d.durable = d.now;
    d.since.clear();
  }
  void restart() {
    moves.clear();
    for (auto& [name, directory] : directories) {
      directory.since.clear();
      directory.now.clear();
      directory.durable.clear();
    }
  }

 private:
  struct Move {
    std::string from;
    std::string to;
    std::string target;
    FilePtr file;
  };
  std::vector<Move> moves;
};

std::string bytes_of(const std::string& content, std::size_t sector) {
  std::string bytes = sector * 512 < content.size() ? content.substr(sector * 512, 512) : std::string();
  bytes.resize(512, '\0');
  return bytes;
}

// Whether `got` can be a sector that was torn within itself: what every version has in common is there (D5).
bool is_torn(const ModelFile& file, std::size_t sector, const std::string& got) {
  for (std::size_t i = 0; i < got.size(); ++i) {
    const auto byte = [&](const std::string& version) { return bytes_of(version, sector)[i]; };
    const char first = byte(file.versions.front());
    const bool is_common =
        std::all_of(file.versions.begin(), file.versions.end(), [&](const std::string& version) { return byte(version) == first; });
    if (is_common && got[i] != first) return false;
  }
  return true;
}

// Whether `left` can be what a power loss made of the file.
bool is_possible(const ModelFile& file, const std::string& left, Keep keep) {
  std::size_t torn = 0;
  std::size_t low = file.versions.front().size();
  std::size_t high = low;
  for (const std::string& version : file.versions) {
    low = std::min(low, version.size());
    high = std::max(high, version.size());
  }
  if (left.size() < low || left.size() > high) return false;
  for (std::size_t sector = 0; sector * 512 < left.size(); ++sector) {
    const std::size_t used = std::min<std::size_t>(512, left.size() - sector * 512);
    const std::string got = left.substr(sector * 512, used);
    if (std::none_of(file.versions.begin(), file.versions.end(),
                     [&](const std::string& v) { return bytes_of(v, sector).substr(0, used) == got; })) {
      if (keep != Keep::any || !is_torn(file, sector, got) || ++torn > 1) return false;
    }
  }
  return true;
}

void check_exact(const DiskTree& tree, const Model& model, bool is_durable) {
  std::map<std::string, std::string> expected;
  for (const auto& [directory, d] : model.directories) {
    for (const auto& [name, file] : is_durable ? d.durable : d.now) {
      expected[directory + "/" + name] = is_durable ? file->versions.front() : file->content();
    }
  }
  std::map<std::string, std::string> actual;
  for (const std::string& path : tree.files()) actual[path] = tree.content(path).value();
  CHECK((actual == expected));
}

void check_possible(const DiskTree& tree, const Model& model, Keep keep) {
  for (const auto& entry_of_model : model.directories) {
    const std::string& directory = entry_of_model.first;  // no binding: clang 14 captures none
    const ModelDirectory& d = entry_of_model.second;
    std::set<std::string> names;
    for (const auto& [name, file] : d.durable) names.insert(name);
    for (const auto& [name, files] : d.since) names.insert(name);
    for (const std::string& name : names) {
      std::set<FilePtr> candidates;
      const auto durable = d.durable.find(name);
      candidates.insert(durable == d.durable.end() ? nullptr : durable->second);
      if (const auto since = d.since.find(name); since != d.since.end()) candidates.insert(since->second.begin(), since->second.end());
      const auto left = tree.content(directory + "/" + name);
      const bool ok = std::any_of(candidates.begin(), candidates.end(),
                                  [&](const FilePtr& file) { return file ? left && is_possible(*file, *left, keep) : !left; });
      CAPTURE(directory);
      CAPTURE(name);
      CHECK(ok);
    }
    const auto entries = tree.list(directory);
    for (const core::DirectoryEntry& entry : *entries) CHECK(names.contains(entry.name));
  }
}

// The survivors are the start of what follows.
void adopt(const DiskTree& tree, Model& model) {
  model.restart();
  for (auto& [directory, d] : model.directories) {
    const auto entries = tree.list(directory);
    for (const core::DirectoryEntry& entry : *entries) {
      auto file = std::make_shared<ModelFile>();
      file->versions = {tree.content(directory + "/" + entry.name).value()};
      d.now[entry.name] = file;
      d.durable[entry.name] = file;
    }
  }
}

void run(std::uint64_t seed) {
  CAPTURE(seed);
  Random random{Seed{seed}};
  DiskTree tree;
  Model model;
  REQUIRE(tree.make_directory("a"));
  REQUIRE(tree.make_directory("b"));
  REQUIRE(tree.complete_sync("", *tree.begin_sync("")));
  const auto pick_directory = [&] { return std::string(1, "ab"[random.below(2)]); };
  const auto pick_name = [&] { return std::string(1, "wxyz"[random.below(4)]); };
  for (int step = 0; step < 120; ++step) {
    const std::uint64_t what = random.below(16);
    const std::string directory = pick_directory();
    const std::string name = pick_name();
    const std::string path = directory + "/" + name;
    FilePtr file = model.find(directory, name);
    if (what < 7) {
      const auto inode = tree.open(path, {.create = true});
      REQUIRE(inode);
      if (!file) model.set(directory, name, file = std::make_shared<ModelFile>());
      std::string content = file->content();
      if (what < 5) {
        const std::uint64_t offset = random.chance({1, 2}) ? content.size() : random.below(2000);
        const std::string data(random.between(1, 1500), static_cast<char>('A' + random.below(26)));
        if (content.size() < offset + data.size()) content.resize(offset + data.size(), '\0');
        content.replace(offset, data.size(), data);
        tree.write(*inode, offset, data);
      } else {
        content.resize(random.below(2500), '\0');
        tree.truncate(*inode, content.size());
      }
      file->versions.push_back(content);
      tree.close(*inode);
    } else if (what < 9 && file) {
      const auto inode = tree.open(path, {});
      REQUIRE(inode);
      tree.complete_sync(*inode, tree.begin_sync(*inode));
      tree.close(*inode);
      file->versions = {file->content()};
    } else if (what == 9 && file) {
      REQUIRE(tree.remove(path));
      model.set(directory, name, nullptr);
    } else if (what < 12 && file) {
      const std::string to = pick_directory();
      const std::string target = pick_name();
      REQUIRE(tree.rename(path, to + "/" + target));
      if (to != directory || target != name) model.rename(directory, name, to, target);
    } else if (what < 14) {
      REQUIRE(tree.complete_sync(directory, *tree.begin_sync(directory)));
      model.sync(directory);
    } else if (what == 14) {
      tree.close_all();  // a killed process takes nothing with it
      check_exact(tree, model, false);
    } else if (random.chance({1, 3})) {
      const Keep keep{static_cast<int>(random.below(4))};
      tree.lose_power(keep, random.child(std::to_string(step)));
      if (keep == Keep::none) check_exact(tree, model, true);
      if (keep == Keep::all) check_exact(tree, model, false);
      if (keep == Keep::any || keep == Keep::ordered) check_possible(tree, model, keep);
      adopt(tree, model);
    }
    tree.check_invariants();
  }
}

TEST_CASE("random operations and power losses leave what the naive model allows") {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) run(seed);
}

}  // namespace
}  // namespace windtunnel::sim
