#include "sim/trace.h"

namespace windtunnel::sim {

std::string TraceEvent::fields_text() const {
  std::string out;
  for (const core::LogField& f : fields) {
    if (!out.empty()) out += ' ';
    out.append(f.key).append("=");
    if (f.is_text) {
      out.append(f.text);
    } else {
      out.append(std::to_string(f.number));
    }
  }
  return out;
}

void Trace::record(core::Instant at, NodeId node, core::LogLevel level, core::EventName name, core::LogFields fields) {
  ++count_;
  hash_ = core::fold(hash_, static_cast<std::uint64_t>(at.time_since_epoch().count()));
  hash_ = core::fold(hash_, name.hash ^ static_cast<std::uint64_t>(node));
  for (const core::LogField& f : fields) {
    hash_ = core::fold(hash_, f.is_text ? core::hash_bytes(f.text) : static_cast<std::uint64_t>(f.number));
  }
  if (observers_.empty()) return;
  const TraceEvent event{count_, at, node, level, name, {fields.begin(), fields.size()}};
  for (TraceObserver* observer : observers_) observer->on_event(event);
}

}  // namespace windtunnel::sim
