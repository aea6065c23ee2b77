// OutputFile: a report that is written as a command goes on.
#pragma once

#include <cerrno>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace windtunnel::cli {

// A file that is written as the command goes on. Opened before anything runs, so that a wrong name is told at once.
class OutputFile {
 public:
  explicit OutputFile(std::string path)
      : path_(std::move(path)), file_(std::fopen(path_.c_str(), "wb")), error_(file_ == nullptr ? errno : 0) {}
  ~OutputFile() {
    if (file_ != nullptr) std::fclose(file_);
  }
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  [[nodiscard]] bool is_good() const { return error_ == 0; }
  void write(std::string_view text) {
    if (error_ == 0 && std::fwrite(text.data(), 1, text.size(), file_) != text.size()) error_ = errno == 0 ? EIO : errno;
  }
  void flush() {
    if (error_ == 0 && std::fflush(file_) != 0) error_ = errno;
  }
  [[nodiscard]] std::string problem() const { return path_ + ": cannot be written: " + std::generic_category().message(error_); }

 private:
  std::string path_;
  std::FILE* file_;
  int error_;
};

using Output = std::unique_ptr<OutputFile>;

// Leaves nullptr if no path is given. False if the file cannot be opened; says so on standard error.
inline bool open_output(const std::optional<std::string>& path, Output& out) {
  if (!path) return true;
  out = std::make_unique<OutputFile>(*path);
  if (!out->is_good()) std::fprintf(stderr, "windtunnel: %s\n", out->problem().c_str());
  return out->is_good();
}

}  // namespace windtunnel::cli
