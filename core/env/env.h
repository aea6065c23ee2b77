// Env: everything that one node's code may know of the world.
#pragma once

#include "core/base/random.h"

namespace windtunnel::core {

class Clock;
class Disk;
class Network;
class Tasks;
class Log;
class Defects;

struct Env {
  Clock& clock;
  Disk& disk;
  Network& network;
  Tasks& tasks;
  Log& log;
  Random random;           // the node's own stream; fork a child by name for each use
  const Defects& defects;  // which historic defects this node has
};

}  // namespace windtunnel::core
