#include "core/jetstream/redelivery_queue.h"

#include <doctest/doctest.h>

#include <vector>

namespace windtunnel::core {
namespace {

std::vector<std::uint64_t> drain(RedeliveryQueue& queue) {
  std::vector<std::uint64_t> out;
  while (!queue.is_empty()) out.push_back(queue.take_front().value);
  return out;
}

RedeliveryQueue of(std::initializer_list<std::uint64_t> seqs) {
  RedeliveryQueue queue;
  for (const std::uint64_t seq : seqs) queue.push_back(Seq{seq});
  return queue;
}

TEST_CASE("sequences come out in the order in which they came, not in their own") {
  RedeliveryQueue queue = of({5, 2, 9});
  CHECK(drain(queue) == std::vector<std::uint64_t>{5, 2, 9});
}

TEST_CASE("a sequence is queued once and keeps its place") {
  RedeliveryQueue queue = of({5, 2, 5});
  CHECK(queue.size() == 2);
  queue.push_back(Seq{5});
  CHECK(drain(queue) == std::vector<std::uint64_t>{5, 2});
}

TEST_CASE("one that could not be delivered goes to the end") {
  RedeliveryQueue queue = of({5, 2});
  queue.push_back(queue.take_front());
  queue.push_back(Seq{7});
  CHECK(drain(queue) == std::vector<std::uint64_t>{2, 5, 7});
}

TEST_CASE("what is acknowledged or purged leaves the queue") {
  RedeliveryQueue queue = of({5, 2, 9, 3});
  queue.remove(Seq{2});
  queue.remove(Seq{100});
  CHECK_FALSE(queue.contains(Seq{2}));
  CHECK(queue.contains(Seq{9}));
  queue.remove_below(Seq{5});
  CHECK(drain(queue) == std::vector<std::uint64_t>{5, 9});
}

}  // namespace
}  // namespace windtunnel::core
