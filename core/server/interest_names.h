// InterestNames: a small number for each subject (and queue) that leaf connections are told of. Every connection counts
// the same ones, by thousands: so they keep counts by number, and the text is there once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/text_map.h"

namespace windtunnel::core {

class InterestNames {
 public:
  using Id = std::uint32_t;
  static constexpr Id kNone = 0;

  // The number of this one, held once more: whoever takes it releases it. Numbers are small, and used again.
  [[nodiscard]] Id take(std::string_view subject, std::string_view queue);
  void hold(Id id) { ++names_[id].holders; }
  void release(Id id);

  // "subject" or "subject queue". Valid as long as it is held.
  [[nodiscard]] std::string_view text(Id id) const { return *names_[id].text; }
  [[nodiscard]] std::string_view subject(Id id) const { return text(id).substr(0, names_[id].subject_size); }
  // Empty: a plain one.
  [[nodiscard]] std::string_view queue(Id id) const;
  // Those that are held.
  [[nodiscard]] std::size_t size() const { return ids_.size(); }

 private:
  struct Name {
    const std::string* text = nullptr;  // the key in ids_
    std::size_t subject_size = 0;
    std::uint64_t holders = 0;
  };
  static std::string key(std::string_view subject, std::string_view queue);

  TextMap<Id> ids_;
  std::vector<Name> names_{1};
  std::vector<Id> free_;
};

}  // namespace windtunnel::core
