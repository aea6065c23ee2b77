// A trap for test programs of the simulated world: while an InsideSimulation lives, a call of libc's clocks, sleeps, random
// numbers or pthread_create ends the program and names the call. Outside it they do what they always do.
//
// It covers std::chrono's clocks and std::thread, which go through libc; std::random_device does not, and is looked for in
// the source and the symbols instead. Link no_real_world_dep.
#pragma once

namespace windtunnel::tests {

// Prepare, then simulate inside one of these, then check: doctest itself reads the clock between test cases. They nest.
class InsideSimulation {
 public:
  InsideSimulation();
  ~InsideSimulation();
  InsideSimulation(const InsideSimulation&) = delete;
  InsideSimulation& operator=(const InsideSimulation&) = delete;
};

}  // namespace windtunnel::tests
