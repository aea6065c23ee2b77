// CopyWatcher: for whoever watches from outside what sources bring: a harness, a test.
#pragma once

#include <string_view>

#include "core/base/types.h"

namespace windtunnel::core {

class CopyWatcher {
 public:
  // A stream has stored a message of one of its sources under `seq`. `headers`: as they are stored, with Nats-Stream-Source. Must not
  // suspend.
  virtual void on_copied(std::string_view stream, std::string_view headers, Seq seq) = 0;

 protected:
  ~CopyWatcher() = default;
};

}  // namespace windtunnel::core
