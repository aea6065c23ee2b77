// Defects of limits and of the index of subjects (reference: defect corpus, "Streams and subject state").
#include "core/store/memory_store.h"
#include "tests/core/store/defect_fixture.h"

using namespace windtunnel::core;
using namespace windtunnel::tests;

namespace {

std::uint64_t last_of(StreamStore& store, std::string_view subject) {
  const auto found = store.load_last(subject).value();
  return found ? found->seq.value : 0;
}

std::uint64_t next_of(StreamStore& store, const std::string& filter, std::uint64_t from) {
  const auto found = store.load_next({filter}, Seq{from}).value();
  return found ? found->seq.value : 0;
}

}  // namespace

TEST_CASE("nats-8004: the last message of a subject is lost sight of when the newer one in a later block goes") {
  for (const bool with_defect : {false, true}) {
    CAPTURE(with_defect);
    DefectFixture at{Defect::nats_8004, with_defect};
    at.options.block_size = Bytes{150};
    at.open();
    at.put("foo", "1");
    at.put("bar", std::string(100, 'x'));
    at.put("foo", "3");  // in a block of its own
    REQUIRE(at.blocks().size() >= 2);
    at.remove(3);
    CHECK(last_of(*at.store, "foo") == (with_defect ? 0 : 1));
    CHECK(at.store->last_seq_of("foo") == Seq{with_defect ? 0u : 1u});
    CHECK(next_of(*at.store, "foo", 1) == (with_defect ? 0 : 1));
    CHECK(next_of(*at.store, "*", 1) == (with_defect ? 2 : 1));
    CHECK(at.payload(1) == "1");  // by its sequence it is there
    CHECK(at.store->purge({.filter = "foo", .below = {}, .keep = 0}).value() == (with_defect ? 0 : 1));
    CHECK(at.messages() == (with_defect ? 2 : 1));
  }
}

TEST_CASE("nats-8004: nothing is lost sight of when the older one goes, or both lie in one block") {
  DefectFixture at{Defect::nats_8004, true};
  at.options.block_size = Bytes{150};
  at.open();
  at.put("foo", "1");
  at.put("bar", std::string(100, 'x'));
  at.put("foo", "3");
  at.remove(1);
  CHECK(last_of(*at.store, "foo") == 3);
  at.put("foo", "4");
  at.remove(4);
  CHECK(last_of(*at.store, "foo") == 3);
}

TEST_CASE("nats-6526: what was stored after the newest of its subject went is lost sight of with the next removal") {
  for (const bool with_defect : {false, true}) {
    CAPTURE(with_defect);
    DefectFixture at{Defect::nats_6526, with_defect};
    at.open();
    for (int i = 1; i <= 4; ++i) at.put("a", std::to_string(i));
    at.remove(4);
    at.put("a", "5");
    CHECK(last_of(*at.store, "a") == 5);  // nobody has looked again yet
    at.remove(1);
    CHECK(last_of(*at.store, "a") == (with_defect ? 3 : 5));
    CHECK(next_of(*at.store, "a", 4) == (with_defect ? 0 : 5));
    CHECK(at.payload(5) == "5");
    at.put("a", "6");
    CHECK(last_of(*at.store, "a") == 6);
  }
}

TEST_CASE("nats-6244: a first limit of messages per subject waits for the next publish") {
  for (const bool with_defect : {false, true}) {
    for (const bool in_memory : {false, true}) {
      CAPTURE(with_defect);
      CAPTURE(in_memory);
      DefectFixture at{Defect::nats_6244, with_defect};
      at.open();
      if (in_memory) at.store = make_memory_store(*at.env, at.options);
      at.put_many(5, "x");
      StoreLimits limits = at.options.limits;
      limits.max_msgs_per_subject = 3;
      REQUIRE(at.store->set_limits(limits));
      CHECK(at.messages() == (with_defect ? 5 : 3));
      limits.max_msgs_per_subject = 2;  // a lower one is enforced at once
      REQUIRE(at.store->set_limits(limits));
      CHECK(at.messages() == 2);
      limits.max_msgs_per_subject = -1;
      REQUIRE(at.store->set_limits(limits));
      at.put_many(2, "x");
      limits.max_msgs_per_subject = 1;
      REQUIRE(at.store->set_limits(limits));
      CHECK(at.messages() == (with_defect ? 4 : 1));
      at.put("a", "x");
      CHECK(at.messages() == 1);
    }
  }
}

TEST_CASE("nats-4775: a stream that is to refuse what is too much lets it in, and evicts what it had acknowledged") {
  for (const bool with_defect : {false, true}) {
    for (const bool in_memory : {false, true}) {
      CAPTURE(with_defect);
      CAPTURE(in_memory);
      DefectFixture at{Defect::nats_4775, with_defect};
      at.options.limits.max_bytes = 130;
      at.options.limits.discard = Discard::new_messages;
      at.open();
      if (in_memory) at.store = make_memory_store(*at.env, at.options);
      int refused = 0;
      for (int i = 0; i < 10; ++i) refused += at.store->append({"a", "", "payload"}, at.now()) ? 0 : 1;
      const bool is_first_there = at.store->load(Seq{1}).has_value();
      CHECK(is_first_there == !with_defect);
      CHECK((refused == 0) == with_defect);
      CHECK(at.store->state().bytes.value <= 130);
    }
  }
}
