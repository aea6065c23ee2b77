// What an OriginConsumer calls things: a mirror's and a source's are told apart by their names alone. Internal to it.
#pragma once

#include <string_view>

#include "core/env/log.h"
#include "core/jetstream/origin_consumer.h"

namespace windtunnel::core {

struct OriginConsumer::Names {
  EventName request;
  EventName failed;
  EventName connected;
  EventName stalled;
  EventName gap;
  EventName missed;
  std::string_view letter;  // of its deliver subjects
  std::string_view prefix;  // of its consumers
  int err_code;             // of what it could not set up
};

}  // namespace windtunnel::core
