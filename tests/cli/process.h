// Runs the binary under test and keeps what it said.
#pragma once

#include <string>

namespace windtunnel::cli {

struct Said {
  int status = -1;  // the exit status; 128 + signal if it died of one
  std::string out;
  std::string err;
};

// A folder of its own for one test, removed at its end.
class Folder {
 public:
  Folder();
  ~Folder();
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }
  void write(const std::string& name, const std::string& text) const;
  // A scenario of that name that loads.
  void scenario(const std::string& file, const std::string& name) const;
  [[nodiscard]] std::string read(const std::string& name) const;
  // Runs the binary with these words, as a shell splits them, in this folder.
  [[nodiscard]] Said run(const std::string& words, const std::string& variables = "") const;
  // The same with the real runner.
  [[nodiscard]] Said run_real(const std::string& words) const;

 private:
  [[nodiscard]] Said call(const char* binary, const std::string& words, const std::string& variables) const;

  std::string path_;
};

}  // namespace windtunnel::cli
