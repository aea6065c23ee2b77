#include "sim/network_wire.h"

#include <algorithm>
#include <utility>

#include "core/base/assert.h"
#include "core/base/data_hash.h"
#include "core/base/hash.h"

namespace windtunnel::sim {

using core::Duration;
using core::Errc;
using core::error;
using core::Instant;

namespace {

constexpr std::uint64_t kSendBuffer = 1u << 20;  // of the writer's and the reader's system together

// When the first retransmission at or after `now` is sent of what was first sent, and lost, at `sent`.
Instant retransmission(Instant sent, Instant now) {
  constexpr Duration kFirst = std::chrono::milliseconds{200};
  constexpr Duration kMax = std::chrono::seconds{120};
  Duration pause = kFirst;
  Instant at = sent + pause;
  while (at < now) {
    pause = std::min(pause * 2, kMax);
    at += pause;
  }
  return at;
}

}  // namespace

void SimNetwork::Wire::Delivery::on_timer() noexcept { direction->wire->deliver(*direction); }

void SimNetwork::Wire::GivingUp::on_timer() noexcept {
  Wire& wire = *direction->wire;
  wire.stop(*direction);
  wire.break_end(direction->from, State::reset, "gave up retransmitting");
}

SimNetwork::Wire::Wire(SimNetwork& network, std::uint64_t id, Path& there, Path& back, core::Address dialer, core::Address acceptor)
    : network_(network), id_(id) {
  ends_[0].host = there.from;
  ends_[0].address = std::move(dialer);
  ends_[1].host = there.to;
  ends_[1].address = std::move(acceptor);
  for (const Side side : {Side::dialer, Side::acceptor}) {
    Direction& d = from(side);
    d.wire = this;
    d.from = side;
    d.path = side == Side::dialer ? &there : &back;
    d.back = side == Side::dialer ? &back : &there;
    d.random = there.random.child(std::to_string(id)).child(side == Side::dialer ? "there" : "back");
    d.delivery.direction = &d;
    d.giving_up.direction = &d;
  }
}

SimNetwork::Wire::~Wire() {
  for (const Direction& d : directions_) {
    WT_ASSERT(d.readers.is_empty());
    WT_ASSERT(d.writers.is_empty());
  }
}

// ---- the ends ----

void SimNetwork::Wire::hold(Side side, core::Tasks& tasks) {
  WT_ASSERT(!end(side).is_held);
  end(side).tasks = &tasks;
  end(side).is_held = true;
}

void SimNetwork::Wire::let_go(Side side) noexcept {
  WT_ASSERT(end(side).state != State::open);
  end(side).is_held = false;
  end(side).tasks = nullptr;
  if (ends_[0].is_held || ends_[1].is_held) return;
  for (Direction& d : directions_) stop(d);
  network_.bury(*this);
}

core::Error SimNetwork::Wire::broken(Side side, std::string_view what) const {
  const End& self = end(side);
  if (self.state == State::closed) return error(Errc::closed, std::string(what) + ": connection was closed here");
  return error(Errc::reset, std::string(what) + " " + peer(side).text() + ": " + self.why);
}

core::Result<std::size_t> SimNetwork::Wire::read(Side side, const Gate& gate, std::span<char> into, Instant deadline) {
  WT_ASSERT(!into.empty());
  Direction& d = to(side);
  for (;;) {
    gate.pass();
    if (end(side).state == State::closed) return broken(side, "read");
    // What has arrived can be read even if the connection broke afterwards.
    if (const std::uint64_t there = d.arrived - d.read; there > 0) {
      const std::size_t count = std::min<std::size_t>(into.size(), there);
      d.bytes.take(into.first(count));
      d.read += count;
      acknowledge(d);
      return count;
    }
    if (end(side).state != State::open) return broken(side, "read");
    if (d.has_mark_arrived) return std::size_t{0};
    if (d.readers.wait(*end(side).tasks, "network read", deadline) == core::Wake::timed_out && d.arrived == d.read) {
      gate.pass();
      if (end(side).state == State::open && !d.has_mark_arrived) return error(Errc::timeout, "read from " + peer(side).text());
    }
  }
}

core::Status SimNetwork::Wire::write(Side side, const Gate& gate, std::string_view data, Instant deadline, std::size_t& taken) {
  Direction& d = from(side);
  taken = 0;
  for (;;) {
    gate.pass();
    if (end(side).state != State::open) return broken(side, "write");
    if (data.empty()) return {};
    if (const std::uint64_t fits = room(d); fits > 0) {
      const std::string_view piece = data.substr(0, fits);
      send(d, piece);
      data.remove_prefix(piece.size());
      taken += piece.size();
      continue;
    }
    if (d.writers.wait(*end(side).tasks, "network write", deadline) == core::Wake::timed_out && room(d) == 0) {
      gate.pass();
      if (end(side).state == State::open) return error(Errc::timeout, "write to " + peer(side).text());
    }
  }
}

void SimNetwork::Wire::close(Side side) noexcept {
  if (end(side).state != State::open) return;
  end(side).state = State::closed;
  from(side).giving_up.cancel();
  network_.record(end(side).host, "net.close", {{"wire", id_}, {"peer", end(other(side)).address.host}});
  put_mark(from(side), Mark::end);
  wake(side);
  Direction& incoming = to(side);
  if (incoming.arrived > incoming.read) {
    // Bytes that nobody will read: the system answers with a reset, behind what was written.
    incoming.bytes.drop_front(incoming.arrived - incoming.read);
    incoming.read = incoming.arrived;
    answer_with_reset(incoming);
  }
}

void SimNetwork::Wire::wake(Side side) noexcept {
  if (end(side).tasks == nullptr) return;
  to(side).readers.wake_all(*end(side).tasks);
  from(side).writers.wake_all(*end(side).tasks);
}

// ---- what travels ----

bool SimNetwork::Wire::is_held_back(const Direction& d) const {
  return d.path->state != Path::State::open || !network_.host(d.path->to).is_on;
}

std::uint64_t SimNetwork::Wire::room(const Direction& d) const {
  std::uint64_t limit = kSendBuffer;
  if (d.path->traits.bandwidth.value > 0) {
    // What the link itself holds, for a sender that fills it: bandwidth times round trip.
    const auto micros = static_cast<std::uint64_t>((d.path->traits.latency.high + d.back->traits.latency.high).count() / 1000);
    limit += static_cast<std::uint64_t>(core::Uint128{d.path->traits.bandwidth.value} * micros / 1'000'000);
  }
  const std::uint64_t used = d.written - d.acked_read;
  return used < limit ? limit - used : 0;
}

void SimNetwork::Wire::send(Direction& d, std::string_view data) {
  network_.record(end(d.from).host, "net.send", {{"wire", id_}, {"size", data.size()}, {"hash", core::hash_data(data)}});
  const bool is_first = scheduled_end(d) == d.written;
  d.bytes.append(data);
  d.written += data.size();
  if (is_held_back(d)) {
    if (is_first) d.held_since = now();
    watch_for_giving_up(d);
    return;
  }
  WT_ASSERT(is_first);
  while (scheduled_end(d) < d.written) schedule(d, std::min(d.written, scheduled_end(d) + d.path->traits.segment_max.value), now());
  if (are_acks_held_back(d)) watch_for_giving_up(d);
  arm(d);
}

// Puts the bytes up to `end` on the way, to be sent at `earliest` or when the link is free.
void SimNetwork::Wire::schedule(Direction& d, std::uint64_t end, Instant earliest) {
  Path& path = *d.path;
  Instant departure = earliest;
  if (path.traits.bandwidth.value > 0) {
    const Duration transmission = path.transmission(end - scheduled_end(d));
    if (earliest > now()) {  // a retransmission to come does not keep the others waiting
      departure += transmission;
    } else {
      departure = path.busy_until = std::max(earliest, path.busy_until) + transmission;
    }
  }
  const Instant arrival = std::max(departure + path.latency(d.random), d.last_arrival);
  d.last_arrival = arrival;
  if (arrival == now() && d.segments.empty()) {
    arrive(d, end);
  } else if (!d.segments.empty() && d.segments.back().arrival == arrival) {
    d.segments.back().end = end;
    d.segments.back().departure = departure;
  } else {
    d.segments.push_back({end, arrival, earliest, departure});
  }
}

void SimNetwork::Wire::unschedule(const Path& path, std::vector<Waiting>& out) {
  for (Direction& d : directions_) {
    if (d.path != &path) continue;
    const auto first = std::find_if(d.segments.begin(), d.segments.end(), [&](const Segment& each) { return each.departure > now(); });
    if (first == d.segments.end()) continue;
    // Behind a retransmission to come something may have left before it: what is queued again keeps the order of its bytes.
    Instant in_order = first->departure;
    for (auto each = first; each != d.segments.end(); ++each) {
      in_order = std::max(in_order, each->departure);
      out.push_back({in_order, this, d.from, each->end, each->earliest});
    }
    d.segments.erase(first, d.segments.end());
    d.last_arrival = d.segments.empty() ? now() : d.segments.back().arrival;
  }
}

void SimNetwork::Wire::schedule_again(const Waiting& piece) {
  Direction& d = from(piece.from);
  schedule(d, piece.end, std::max(piece.earliest, now()));
  if (scheduled_end(d) == d.written && d.mark != Mark::none && !d.has_mark_arrived) {
    d.mark_arrival = std::max(now() + d.path->latency(d.random), d.last_arrival);
    d.last_arrival = d.mark_arrival;
  }
  arm(d);
}

// What was held back leaves with the next retransmission.
void SimNetwork::Wire::schedule_rest(Direction& d) {
  const Instant again = d.held_since == core::kForever ? now() : retransmission(d.held_since, now());
  d.held_since = core::kForever;
  while (scheduled_end(d) < d.written) schedule(d, std::min(d.written, scheduled_end(d) + d.path->traits.segment_max.value), again);
  if (d.mark != Mark::none && d.mark_arrival == core::kForever) {
    d.mark_arrival = std::max(again + d.path->latency(d.random), d.last_arrival);
    d.last_arrival = d.mark_arrival;
  }
}

void SimNetwork::Wire::put_mark(Direction& d, Mark mark) {
  if (d.mark == Mark::reset) return;
  d.mark = mark;
  d.has_mark_arrived = false;
  d.mark_arrival = core::kForever;
  if (is_held_back(d)) {
    if (d.held_since == core::kForever) d.held_since = now();
    return;
  }
  d.mark_arrival = std::max(now() + d.path->latency(d.random), d.last_arrival);
  d.last_arrival = d.mark_arrival;
  arm(d);
}

void SimNetwork::Wire::arm(Direction& d) {
  Instant next = core::kForever;
  if (!d.segments.empty()) {
    next = d.segments.front().arrival;
  } else if (d.mark != Mark::none && !d.has_mark_arrived) {
    next = d.mark_arrival;
  }
  if (next == core::kForever) {
    d.delivery.cancel();
  } else if (!d.delivery.is_set() || d.delivery.at() != next) {
    network_.kernel_.harness().set_timer(d.delivery, next);
  }
}

void SimNetwork::Wire::deliver(Direction& d) {
  network_.kernel_.trace().step(now(), core::fold(id_ * 2 + static_cast<std::uint64_t>(d.from), d.arrived));
  while (!d.segments.empty() && d.segments.front().arrival <= now()) {
    const std::uint64_t end = d.segments.front().end;
    d.segments.pop_front();
    arrive(d, end);
  }
  if (d.segments.empty() && d.mark != Mark::none && !d.has_mark_arrived && d.mark_arrival <= now()) {
    WT_ASSERT(d.arrived == d.written);
    d.has_mark_arrived = true;
    const Side side = other(d.from);
    if (d.mark == Mark::reset && end(side).state == State::open) {
      break_end(side, State::reset, "reset by peer");
    } else {
      wake(side);
    }
  }
  arm(d);
}

void SimNetwork::Wire::arrive(Direction& d, std::uint64_t end_position) {
  WT_ASSERT(end_position > d.arrived);
  WT_ASSERT(end_position <= d.written);
  d.arrived = end_position;
  const End& receiver = end(other(d.from));
  if (receiver.state == State::open) {
    acknowledge(d);
    d.readers.wake_all(*receiver.tasks);
    return;
  }
  d.bytes.drop_front(d.arrived - d.read);
  d.read = d.arrived;
  answer_with_reset(d);
}

void SimNetwork::Wire::acknowledge(Direction& d) {
  if (are_acks_held_back(d)) return;
  d.acked_arrived = d.arrived;
  d.acked_read = d.read;
  if (d.giving_up.is_set()) watch_for_giving_up(d);
  if (!d.writers.is_empty() && room(d) > 0) d.writers.wake_all(*end(d.from).tasks);
}

void SimNetwork::Wire::watch_for_giving_up(Direction& d) {
  const bool is_waiting = end(d.from).state == State::open && d.acked_arrived < d.written && (is_held_back(d) || are_acks_held_back(d));
  if (!is_waiting) {
    d.giving_up.cancel();
  } else if (!d.giving_up.is_set()) {
    network_.kernel_.harness().set_timer(d.giving_up, now() + network_.give_up_);
  }
}

// Bytes of `d` came to an end that is no more; its host says so if it can.
void SimNetwork::Wire::answer_with_reset(Direction& d) {
  Direction& answer = from(other(d.from));
  d.is_unanswered = end(d.from).state == State::open && is_held_back(answer);
  if (end(d.from).state != State::open || d.is_unanswered) return;
  put_mark(answer, Mark::reset);
}

// ---- how it ends ----

// Takes everything off the way.
void SimNetwork::Wire::stop(Direction& d) {
  d.bytes.drop_back(d.written - d.arrived);
  d.written = d.arrived;
  d.segments.clear();
  d.mark_arrival = core::kForever;
  d.held_since = core::kForever;
  d.delivery.cancel();
  d.giving_up.cancel();
}

void SimNetwork::Wire::break_end(Side side, State state, const char* why) {
  End& self = end(side);
  WT_ASSERT(self.state == State::open);
  network_.record(self.host, "net.broken", {{"wire", id_}, {"why", std::string_view(why)}});
  self.state = state;
  self.why = why;
  from(side).giving_up.cancel();
  wake(side);
}

// Of what is on the way, the seed decides how much still arrives.
void SimNetwork::Wire::cut_in_flight(Direction& d, const char* label, bool may_keep_all) {
  if (d.written == d.arrived) return;
  core::Random random = d.random.child(label);
  const bool is_all = may_keep_all && random.chance({1, 2});
  const std::uint64_t kept = is_all ? d.written : random.between(d.arrived, d.written);
  d.bytes.drop_back(d.written - kept);
  d.written = kept;
  while (!d.segments.empty() && d.segments.back().end > kept) {
    const std::uint64_t start = d.segments.size() > 1 ? d.segments[d.segments.size() - 2].end : d.arrived;
    if (start < kept) {
      d.segments.back().end = kept;
    } else {
      d.segments.pop_back();
    }
  }
}

void SimNetwork::Wire::crash_ends_at(HostId host, bool is_silent) {
  for (const Side side : {Side::dialer, Side::acceptor}) {
    if (end(side).host != host || end(side).state == State::gone) continue;
    const State before = end(side).state;
    if (is_silent || before == State::open) cut_in_flight(from(side), "crash", true);
    end(side).state = State::gone;
    Direction& incoming = to(side);
    incoming.bytes.drop_front(incoming.arrived - incoming.read);
    incoming.read = incoming.arrived;
    from(side).giving_up.cancel();
    if (is_silent) {
      // Neither a mark nor an answer leaves a host that is off.
      from(side).mark = Mark::none;
      arm(from(side));
    } else if (before == State::open) {
      put_mark(from(side), Mark::reset);
    }
  }
}

void SimNetwork::Wire::close_ends_at(HostId host) {
  for (const Side side : {Side::dialer, Side::acceptor}) {
    if (end(side).host != host) continue;
    close(side);
    end(side).state = State::gone;
  }
}

void SimNetwork::Wire::cut(HostId from_host, bool is_both) {
  const Side side = end(Side::dialer).host == from_host ? Side::dialer : Side::acceptor;
  for (const Side s : {side, other(side)}) {
    if (s != side && !is_both) break;
    Direction& d = from(s);
    cut_in_flight(d, "cut", false);
    const std::uint64_t last = d.written;
    d.segments.clear();
    if (last > d.arrived) arrive(d, last);
    stop(d);
    d.mark = Mark::none;
  }
  for (const Side s : {side, other(side)}) {
    if (s != side && !is_both) break;
    if (end(s).state == State::open) break_end(s, State::reset, "connection reset");
  }
}

void SimNetwork::Wire::refresh() {
  for (Direction& d : directions_) {
    if (is_held_back(d)) {
      const bool was_under_way = !d.segments.empty() || (d.mark != Mark::none && !d.has_mark_arrived);
      if (was_under_way && d.held_since == core::kForever) d.held_since = now();
      d.segments.clear();
      d.last_arrival = now();
      if (!d.has_mark_arrived) d.mark_arrival = core::kForever;
    } else {
      schedule_rest(d);
    }
    arm(d);
    if (!are_acks_held_back(d)) acknowledge(d);
    watch_for_giving_up(d);
    if (d.is_unanswered) answer_with_reset(d);
  }
}

bool SimNetwork::Wire::touches(HostId host) const { return ends_[0].host == host || ends_[1].host == host; }

bool SimNetwork::Wire::is_held_by(HostId host) const {
  return std::any_of(ends_.begin(), ends_.end(), [&](const End& end) { return end.host == host && end.is_held; });
}

bool SimNetwork::Wire::uses(const Path& path) const {
  return std::any_of(directions_.begin(), directions_.end(), [&](const Direction& d) { return d.path == &path; });
}

}  // namespace windtunnel::sim
