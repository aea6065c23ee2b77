// WorkerPool: jobs done by long-lived child processes, so that a world that fails takes only its own run with it.
//
// A worker is forked after everything is loaded, gets a job's number over a pipe, and answers with bytes. It does one job
// at a time, so that when it dies it is known which job it died of; another worker then takes its place.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/base/types.h"

namespace windtunnel::cli {

class WorkerPool {
 public:
  // Does a job. Called in a worker; its standard streams are the parent's.
  using Work = std::function<std::string(std::uint64_t job)>;

  struct Done {
    std::uint64_t job = 0;
    std::string bytes;      // what the work gave
    std::string death;      // not empty: the worker died of it: "signal 11 (Segmentation fault)"
    core::Duration busy{};  // real time from handing out to the answer
  };
  // Called in the parent, in the order in which jobs end.
  using OnDone = std::function<void(Done)>;
  // Called in the parent now and then while jobs run, at least every 200 ms.
  using OnTick = std::function<void()>;

  explicit WorkerPool(Work work) : work_(std::move(work)) {}
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  // Does the jobs 0 to count-1, handed out in that order to up to `workers` processes. SIGPIPE must be ignored.
  // Errors: io_error, if no process can be made.
  core::Status run(std::uint64_t count, unsigned workers, const OnDone& on_done, const OnTick& on_tick);

 private:
  struct Worker {
    pid_t pid = -1;
    int jobs = -1;     // we write
    int answers = -1;  // we read
    std::uint64_t job = 0;
    bool is_busy = false;
    std::int64_t since_ns = 0;
    std::string received;
  };

  core::Status start(Worker& worker);
  bool hand_out(Worker& worker, std::uint64_t job);
  // Reads what has come. True if the worker's job has ended, one way or the other; `done` then says how.
  bool receive(Worker& worker, Done& done);
  std::string bury(Worker& worker);
  [[noreturn]] void serve(int jobs, int answers);

  Work work_;
  std::vector<Worker> workers_;
};

}  // namespace windtunnel::cli
