#include "core/server/link.h"

#include <algorithm>
#include <chrono>
#include <vector>

#include "core/base/assert.h"
#include "core/env/env.h"
#include "core/nats/writer.h"
#include "core/server/server_core.h"

namespace windtunnel::core {
namespace {

constexpr std::size_t kReadSize = 16 * 1024;
constexpr std::size_t kKeptOutputMax = 1024 * 1024;  // a buffer that has grown larger is given back
constexpr Duration kCloseFlush = std::chrono::milliseconds(100);
constexpr Duration kRttRefresh = std::chrono::hours(1);

}  // namespace

Link::Link(ServerCore& core, std::uint64_t id, std::unique_ptr<Connection> connection, ParserRole role)
    : core_(core), id_(id), connection_(std::move(connection)), parser_(role), started_(core.wall_now()), opened_(core.now()) {
  set_ping_tick(after(core_.now(), core_.config().ping_interval));
}

void Link::read_loop() {
  std::vector<char> buffer(kReadSize);
  while (!is_closed_) {
    const Result<std::size_t> got = connection_->read(buffer, read_deadline_);
    if (is_closed_) return;
    if (got && *got > 0) {
      handle_input({buffer.data(), *got});
      if (!is_closed_) after_batch();
    } else if (got) {
      close("Client Closed");
    } else if (got.error().code == Errc::timeout) {
      if (core_.now() >= read_deadline_) on_read_deadline();
    } else {
      close("Read Error", Manner::cut);
    }
  }
}

void Link::handle_input(std::string_view bytes) {
  parser_.feed(bytes);
  Operation operation;
  while (!is_closed_) {
    switch (parser_.next(operation)) {
      case Parse::operation: handle(operation); break;
      case Parse::need_more: return;
      case Parse::violation: {
        const ParserViolation& violation = parser_.violation();
        const bool is_auth = violation.kind == ParserViolation::Kind::connect_required;
        if (!violation.err.empty()) append_err(output_, violation.err);
        close(is_auth ? "Authentication Failure" : "Protocol Violation");
        return;
      }
    }
  }
}

void Link::write_loop() {
  std::string sending;
  for (;;) {
    while (output_.empty() && !is_closed_) {
      writer_.wait(core_.tasks(), "connection: nothing to write");
      on_ping_tick();
    }
    if (output_.empty() || (is_closed_ && manner_ == Manner::cut)) break;
    sending.swap(output_);
    const Status written = send(sending);
    sending.clear();
    if (sending.capacity() > kKeptOutputMax) sending.shrink_to_fit();
    if (!written) {
      close(written.error().code == Errc::timeout ? "Slow Consumer (Write Deadline)" : "Write Error", Manner::cut);
      break;
    }
    on_ping_tick();  // it is due even when there is always something to write
  }
  connection_->close();
}

// All of it, within a deadline; where a slow peer is kept, each deadline that has moved some bytes is followed by another.
Status Link::send(std::string_view bytes) {
  for (;;) {
    in_flight_ = bytes.size();
    const bool is_last = is_closed_;
    const Duration patience = is_last ? kCloseFlush : core_.config().write_deadline;
    std::size_t taken = 0;
    Status written = connection_->put(bytes, after(core_.now(), patience), taken);
    in_flight_ = bytes.size() - taken;
    if (written || is_last || written.error().code != Errc::timeout || taken == 0 || !keeps_slow_peer()) return written;
    bytes.remove_prefix(taken);
    on_ping_tick();
  }
}

void Link::flush() noexcept {
  if (!output_.empty()) writer_.wake_one(core_.tasks());
}

void Link::close(std::string_view reason, Manner manner) {
  if (is_closed_) return;
  is_closed_ = true;
  manner_ = manner;
  if (manner == Manner::cut) {
    output_.clear();
    connection_->close();  // wakes the reader; after a flush the writer does it
  }
  ping_timer_.cancel();
  writer_.wake_all(core_.tasks());
  on_close(reason);
}

void Link::refuse(std::string_view err, std::string_view reason) {
  if (is_closed_) return;
  append_err(output_, err);
  close(reason);
}

ClientInfo Link::peer_info() const {
  ClientInfo info;
  info.start = started_;
  info.host = peer().host;
  info.id = id_;
  info.rtt = rtt_;
  return info;
}

void Link::handle_ping() {
  note_input();
  // The first guess, as nats-server's: how long it took the peer to come so far.
  if (rtt_ == Duration{0}) rtt_ = std::max(core_.now() - opened_, Duration{1});
  append_pong(output_);
  flush();
}

void Link::handle_pong() {
  if (pings_out_ > 0) rtt_ = std::max(core_.now() - ping_sent_, Duration{1});
  pings_out_ = 0;
  has_rtt_ = true;
}

void Link::note_input() { input_at_ = core_.now(); }

void Link::start_pings(Duration first) {
  const Duration interval = core_.config().ping_interval;
  const Duration base = first < interval ? first : interval;
  const Duration jitter = core_.ping_random().between(Duration{0}, base / 5);
  set_ping_tick(after(core_.now(), base + jitter));
}

void Link::set_ping_tick(Instant at) {
  ping_at_ = at;
  core_.tasks().set_timer(ping_timer_, at);
}

void Link::PingTimer::on_timer() noexcept { link_.writer_.wake_one(link_.core_.tasks()); }

void Link::on_ping_tick() {
  const Instant now = core_.now();
  if (is_closed_ || now < ping_at_) return;
  const Duration interval = core_.config().ping_interval;
  set_ping_tick(after(now, interval));
  const bool needs_rtt = !has_rtt_ || now - ping_sent_ > kRttRefresh;
  if (may_skip_ping() && !needs_rtt && now - input_at_ < interval) return;
  if (pings_out_ + 1 > core_.config().ping_max) return refuse("Stale Connection", "Stale Connection");
  ++pings_out_;
  ping_sent_ = now;
  append_ping(output_);
}

}  // namespace windtunnel::core
