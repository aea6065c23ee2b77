// What the ledger keeps of a publish, in its 24 bytes.
#include "scenarios/ledger.h"

#include <doctest/doctest.h>

#include <chrono>
#include <optional>

#include "scenarios/scenario.h"

namespace windtunnel::scenarios {
namespace {

using namespace std::chrono_literals;

core::Instant at(core::Duration since) { return core::after(core::Instant{}, since); }

TEST_CASE("a record keeps its job until a sequence takes the place, beside the reason of a refusal") {
  constexpr std::uint64_t kJob = 5'000'000'000;
  PublishRecord record{at(1s)};
  CHECK(!record.job());
  record.set_job(0);
  CHECK(record.job() == std::uint64_t{0});
  record.set_job(kJob);
  PublishRecord refused = record;
  refused.settle_refused(at(2s), 3, Refusal::stream_full);
  CHECK(refused.refusal() == Refusal::stream_full);
  CHECK(refused.job() == kJob);
  CHECK(refused.seq() == core::Seq{0});
  PublishRecord late = record;
  late.settle(Outcome::timed_out, at(2s));
  CHECK(late.job() == kJob);
  CHECK(late.refusal() == Refusal::none);
  record.settle_acked(at(2s), 3, core::Seq{68'000'000'000}, false);
  CHECK(!record.job());
  CHECK(record.seq() == core::Seq{68'000'000'000});
  CHECK(record.settled_at() == at(2s));
}

TEST_CASE("a loop knows which of its jobs a subject is") {
  RepublishSpec loop;
  loop.subject = "jobs.eu";
  loop.messages = 20;
  CHECK(loop.subject_of(17) == "jobs.eu.17");
  CHECK(loop.job_of("jobs.eu.17") == std::uint64_t{17});
  for (const char* other : {"jobs.eu.20", "jobs.eu.017", "jobs.eu.", "jobs.eu", "jobs.us.17", "jobs.eu.1x", "17", ""})
    CHECK(!loop.job_of(other));
}

}  // namespace
}  // namespace windtunnel::scenarios
