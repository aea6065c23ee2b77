#include "cli/progress.h"

#include "faults/units.h"

namespace windtunnel::cli {

std::string progress_text(std::uint64_t ended, std::uint64_t total, core::Duration elapsed, std::string_view unit) {
  std::string out = std::to_string(ended) + "/" + std::to_string(total) + " " + std::string{unit};
  const auto ms = static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(elapsed).count());
  if (ended == 0 || ms == 0) return out;
  out += ", " + std::to_string(ended * 1000 / ms) + " " + std::string{unit} + "/s, ";
  const std::uint64_t left_s = (total - ended) * ms / ended / 1000;
  return out + faults::format_duration(std::chrono::seconds{left_s}) + " left";
}

void Progress::update(std::uint64_t ended, core::Duration elapsed) {
  if (!is_shown_ || (is_drawn_ && elapsed - drawn_at_ < std::chrono::milliseconds{100})) return;
  std::fprintf(out_, "\r\x1b[K%s", progress_text(ended, total_, elapsed, unit_).c_str());
  std::fflush(out_);
  is_drawn_ = true;
  drawn_at_ = elapsed;
}

void Progress::clear() {
  if (!is_drawn_) return;
  std::fprintf(out_, "\r\x1b[K");
  std::fflush(out_);
  is_drawn_ = false;
}

}  // namespace windtunnel::cli
