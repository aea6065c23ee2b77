// SourceSet: the sources of a stream (reference: streams E).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/env/sync.h"
#include "core/jetstream/source.h"

namespace windtunnel::core {

class JsonWriter;
class Stream;

class SourceSet {
 public:
  SourceSet(Stream& stream, const std::vector<StreamSource>& origins);
  SourceSet(const SourceSet&) = delete;
  SourceSet& operator=(const SourceSet&) = delete;

  void start();
  // Those that are not among `origins` any more end, and new ones begin; the others go on. Suspends.
  void update(const std::vector<StreamSource>& origins);
  // Suspends. `is_final`: the stream goes.
  void stop(bool is_final);

  // [{...},...]
  void write_info(JsonWriter& json) const;
  [[nodiscard]] const std::vector<std::unique_ptr<Source>>& all() const { return sources_; }

 private:
  friend class Source;
  // Finds out how far this source has come, by what the stream has. Suspends.
  void recover(Source& source);
  // The same once more, after an error; false if the stream has no message of it. Suspends.
  bool find_again(Source& source);
  // A position has changed that no stored message tells. Does not suspend.
  void changed() {}

  void scan(std::vector<Source*> wanted);

  Stream& stream_;
  std::vector<std::unique_ptr<Source>> sources_;  // in the order of the configuration
  Mutex scanning_;
};

}  // namespace windtunnel::core
