// Gate: what stands between one incarnation of a node and the world. When the node is killed the gate closes first; from
// then on no port call of that incarnation has an effect (reference: kernel notes 2).
#pragma once

#include "core/env/tasks.h"

namespace windtunnel::sim {

class Gate {
 public:
  [[nodiscard]] bool is_open() const { return is_open_; }
  void close() { is_open_ = false; }
  // First thing in every port call that may suspend or has an effect. Not for calls that are noexcept: those ask
  // is_open() and do nothing behind a closed gate.
  void pass() const {
    if (!is_open_) throw core::TaskKilled{};
  }

 private:
  bool is_open_ = true;
};

}  // namespace windtunnel::sim
