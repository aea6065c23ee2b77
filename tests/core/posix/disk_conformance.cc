#include "tests/core/posix/disk_conformance.h"

#include <memory>

namespace windtunnel::tests {
namespace {

using core::Bytes;
using core::DirectoryEntry;
using core::Disk;
using core::Errc;
using core::File;
using core::OpenMode;
using core::Result;

constexpr OpenMode kCreate{.create = true, .exclusive = false, .truncate = false};

void put(Disk& disk, Verdicts& verdicts, std::string_view path, std::string_view content) {
  Result<std::unique_ptr<File>> file = disk.open(path, {.create = true, .exclusive = false, .truncate = true});
  verdicts.expect(file.has_value(), "a file is made");
  if (file) verdicts.expect((*file)->write_at(Bytes{0}, content), "and written");
}

std::string content(Disk& disk, std::string_view path) {
  const Result<std::string> read = disk.read_file(path);
  return read ? *read : "(" + read.error().text() + ")";
}

bool is_there(Disk& disk, std::string_view path) {
  const Result<bool> there = disk.exists(path);
  return there && *there;
}

void reads_and_writes(Disk& disk, Verdicts& v) {
  put(disk, v, "f", "hello");
  Result<std::unique_ptr<File>> file = disk.open("f", OpenMode{});
  v.expect(file.has_value(), "it opens");
  if (!file) return;
  v.expect((*file)->write_at(Bytes{8}, "there"), "a write beyond the end");
  v.expect(content(disk, "f") == std::string("hello\0\0\0there", 13), "fills the gap with zeros");
  const Result<Bytes> size = (*file)->size();
  v.expect(size && size->value == 13, "the size follows");
  std::string part(4, '?');
  const Result<std::size_t> short_read = (*file)->read_at(Bytes{11}, part);
  v.expect(short_read && *short_read == 2 && part.substr(0, 2) == "re", "a read stops at the end");
  const Result<std::size_t> beyond = (*file)->read_at(Bytes{100}, part);
  v.expect(beyond && *beyond == 0, "beyond the end there is nothing");
  v.expect((*file)->write_at(Bytes{0}, "J"), "a write in the middle");
  v.expect((*file)->truncate(Bytes{4}), "a cut");
  v.expect(content(disk, "f") == "Jell", "keeps the front");
  v.expect((*file)->truncate(Bytes{6}), "an extension");
  v.expect(content(disk, "f") == std::string("Jell\0\0", 6), "is of zeros");
  v.expect((*file)->sync(), "it syncs");
}

void opens_as_asked(Disk& disk, Verdicts& v) {
  v.expect_error(disk.open("f", OpenMode{}), Errc::not_found, "no file");
  v.expect_error(disk.open("d/f", kCreate), Errc::not_found, "no directory above it");
  put(disk, v, "f", "content");
  v.expect_error(disk.open("f", {.create = true, .exclusive = true, .truncate = false}), Errc::already_exists, "exclusive");
  v.expect(disk.open("f", kCreate).has_value(), "create opens what is there");
  v.expect(content(disk, "f") == "content", "and leaves its content");
  v.expect(disk.open("f", {.create = false, .exclusive = false, .truncate = true}).has_value(), "truncate");
  v.expect(content(disk, "f").empty(), "empties it");
  v.expect_error(disk.read_file("g"), Errc::not_found, "read_file of nothing");
  put(disk, v, "f", "content");
  v.expect_error(disk.read_file("f", Bytes{6}), Errc::limit_reached, "read_file of too much");
}

void makes_and_lists_directories(Disk& disk, Verdicts& v) {
  v.expect(disk.make_directories("a/b/c"), "directories are made");
  v.expect(disk.make_directories("a/b"), "and may be there");
  put(disk, v, "a/z", "");
  put(disk, v, "a/B", "");
  put(disk, v, "a/10.blk", "");
  put(disk, v, "a/9.blk", "");
  const Result<std::vector<DirectoryEntry>> names = disk.list("a");
  const std::vector<DirectoryEntry> expected = {{"10.blk", false}, {"9.blk", false}, {"B", false}, {"b", true}, {"z", false}};
  v.expect(names && *names == expected, "listed by bytes");
  const Result<std::vector<DirectoryEntry>> top = disk.list("");
  v.expect(top && *top == std::vector<DirectoryEntry>{{"a", true}}, "the root is listed, too");
  v.expect_error(disk.list("nothing"), Errc::not_found, "a list of nothing");
  v.expect(is_there(disk, "a/b/c") && is_there(disk, "a/z") && !is_there(disk, "a/y") && !is_there(disk, "y/y"), "exists");
  v.expect(disk.sync_directory("a/b"), "a directory syncs");
  v.expect(disk.sync_directory(""), "and the root");
  v.expect_error(disk.sync_directory("nothing"), Errc::not_found, "sync of nothing");
}

void renames_files(Disk& disk, Verdicts& v) {
  v.expect(disk.make_directories("d"), "a directory");
  put(disk, v, "new", "2");
  put(disk, v, "d/old", "1");
  v.expect(disk.rename("new", "d/old"), "a file replaces another");
  v.expect(content(disk, "d/old") == "2" && !is_there(disk, "new"), "at once");
  v.expect_error(disk.rename("new", "d/old"), Errc::not_found, "a rename of nothing");
  v.expect(content(disk, "d/old") == "2", "changes nothing");
}

void renames_directories(Disk& disk, Verdicts& v) {
  v.expect(disk.make_directories("msgs/deep"), "a directory");
  put(disk, v, "msgs/1.blk", "x");
  put(disk, v, "msgs/deep/y", "y");
  v.expect(disk.rename("msgs", "__msgs__"), "moves");
  v.expect(!is_there(disk, "msgs") && content(disk, "__msgs__/1.blk") == "x" && content(disk, "__msgs__/deep/y") == "y", "with all in it");
}

void replaces_empty_directories_only(Disk& disk, Verdicts& v) {
  v.expect(disk.make_directories("a"), "one");
  put(disk, v, "a/f", "x");
  v.expect(disk.make_directories("b"), "an empty one");
  v.expect(disk.rename("a", "b"), "replaced");
  v.expect(content(disk, "b/f") == "x", "by the other");
  v.expect(disk.make_directories("c"), "a third");
  v.expect_error(disk.rename("c", "b"), Errc::already_exists, "one that is not empty stays");
  put(disk, v, "file", "y");
  v.expect_error(disk.rename("file", "c"), Errc::already_exists, "no file over a directory");
  v.expect_error(disk.rename("c", "file"), Errc::already_exists, "no directory over a file");
  v.expect_error(disk.rename("c", "c/below"), Errc::invalid_argument, "no directory into itself");
}

void removes(Disk& disk, Verdicts& v) {
  put(disk, v, "f", "x");
  v.expect(disk.remove("f"), "a file goes");
  v.expect(!is_there(disk, "f"), "and is gone");
  v.expect_error(disk.remove("f"), Errc::not_found, "once");
  v.expect(disk.make_directories("a/b/c"), "a tree");
  put(disk, v, "a/f", "");
  put(disk, v, "a/b/g", "");
  put(disk, v, "ab", "");
  v.expect(disk.remove_all("a"), "goes as a whole");
  v.expect(!is_there(disk, "a") && !is_there(disk, "a/b/g") && is_there(disk, "ab"), "alone");
  v.expect(disk.remove_all("a"), "an absent one is no error");
}

void tells_kinds_apart(Disk& disk, Verdicts& v) {
  v.expect(disk.make_directories("d"), "a directory");
  put(disk, v, "f", "x");
  v.expect_error(disk.open("d", OpenMode{}), Errc::invalid_argument, "a directory does not open");
  v.expect_error(disk.open("f/g", kCreate), Errc::not_found, "no file below a file");
  v.expect_error(disk.list("f"), Errc::not_found, "a file has no list");
  v.expect_error(disk.remove("d"), Errc::invalid_argument, "remove is for files");
  v.expect_error(disk.make_directories("f/g"), Errc::not_found, "no directory below a file");
  v.expect_error(disk.sync_directory("f"), Errc::not_found, "a file is no directory");
}

void keeps_open_files_alive(Disk& disk, Verdicts& v) {
  put(disk, v, "old", "old");
  Result<std::unique_ptr<File>> file = disk.open("old", OpenMode{});
  v.expect(file.has_value(), "it opens");
  if (!file) return;
  put(disk, v, "new", "new");
  v.expect(disk.rename("new", "old"), "its name is taken");
  std::string into(3, '?');
  const Result<std::size_t> got = (*file)->read_at(Bytes{0}, into);
  v.expect(got && into == "old", "whoever has it open sees the old one");
  v.expect((*file)->write_at(Bytes{0}, "bad"), "and writes to it");
  v.expect(content(disk, "old") == "new", "alone");
}

}  // namespace

const std::vector<DiskCase>& disk_cases() {
  static const std::vector<DiskCase> cases = {
      {"files are read and written at offsets", reads_and_writes},
      {"opening makes, empties or refuses as asked", opens_as_asked},
      {"directories are made, listed in order and synced", makes_and_lists_directories},
      {"a file replaces another by its name", renames_files},
      {"a directory moves with what is in it", renames_directories},
      {"a directory replaces an empty one only", replaces_empty_directories_only},
      {"names are removed", removes},
      {"files and directories are not mistaken for each other", tells_kinds_apart},
      {"an open file outlives its name", keeps_open_files_alive},
  };
  return cases;
}

}  // namespace windtunnel::tests
