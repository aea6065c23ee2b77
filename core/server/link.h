// Link: what client and leaf connections have in common: a task that reads and parses, a task that writes whatever has
// been appended meanwhile, pings, and an end (reference: wire 7, 12).
//
// Between two suspensions a link is open or closed; it is closed at once, by whoever finds a reason, and its tasks
// notice when they next run. Nothing here but the two task bodies suspends.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "core/env/network.h"
#include "core/env/sync.h"
#include "core/nats/client_info.h"
#include "core/nats/parser.h"

namespace windtunnel::core {

class ServerCore;

class Link {
 public:
  Link(ServerCore& core, std::uint64_t id, std::unique_ptr<Connection> connection, ParserRole role);
  virtual ~Link() = default;
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  [[nodiscard]] std::uint64_t link_id() const { return id_; }
  [[nodiscard]] bool is_closed() const { return is_closed_; }
  [[nodiscard]] const Address& peer() const { return connection_->peer(); }
  // What both kinds of links know of their peer.
  [[nodiscard]] ClientInfo peer_info() const;

  // The bodies of the link's two tasks. They suspend, and end when the link is closed.
  void read_loop();
  void write_loop();

  enum class Manner {
    flush,  // what has been appended is still written
    cut,    // it is thrown away
  };
  // `reason` is nats-server's word for it: "Client Closed", "Stale Connection", ... Without effect on a closed link.
  void close(std::string_view reason, Manner manner = Manner::flush);
  // -ERR 'text', then close.
  void refuse(std::string_view err, std::string_view reason);

 protected:
  // Handles one operation. Returns early if it closes the link.
  virtual void handle(const Operation& operation) = 0;
  // The link has just been closed: what it had a part in must forget it.
  virtual void on_close(std::string_view reason) = 0;
  // The peer was silent until the deadline that the subclass has set.
  virtual void on_read_deadline() = 0;
  // Whether a PING may be left out when the peer was heard of within the interval.
  [[nodiscard]] virtual bool may_skip_ping() const = 0;
  // Whether a connection whose write has moved something within its deadline, but not all, is kept. Asked at each such deadline.
  [[nodiscard]] virtual bool keeps_slow_peer() { return false; }
  // What to do once a batch of input has been handled; may suspend.
  virtual void after_batch() {}

  // Append here, then call flush().
  [[nodiscard]] std::string& output() { return output_; }
  void flush() noexcept;
  // Bytes that are not yet in the send buffer of the connection.
  [[nodiscard]] std::size_t pending() const { return output_.size() + in_flight_; }

  void handle_ping();
  void handle_pong();
  void note_input();  // data from the peer: it is alive
  // The next tick: soon after the connection has been made, then at the interval.
  void start_pings(Duration first);
  void set_read_deadline(Instant at) { read_deadline_ = at; }
  [[nodiscard]] Parser& parser() { return parser_; }

  ServerCore& core_;

 private:
  // Wakes the writer when a PING is due. Not its deadline: it waits several times a message, and that would be set each time.
  class PingTimer final : public Timer {
   public:
    explicit PingTimer(Link& link) : link_(link) {}
    void on_timer() noexcept override;

   private:
    Link& link_;
  };

  void set_ping_tick(Instant at);
  void on_ping_tick();
  // Suspends. Errors: those of the connection.
  Status send(std::string_view bytes);
  void handle_input(std::string_view bytes);

  const std::uint64_t id_;
  const std::unique_ptr<Connection> connection_;
  Parser parser_;
  std::string output_;
  std::size_t in_flight_ = 0;
  WaitList writer_;
  bool is_closed_ = false;
  Manner manner_ = Manner::flush;

  Instant read_deadline_ = kForever;
  PingTimer ping_timer_{*this};
  Instant ping_at_ = kForever;
  Instant ping_sent_{};
  Instant input_at_{};
  std::uint32_t pings_out_ = 0;
  bool has_rtt_ = false;
  Duration rtt_{0};  // 0: not measured
  const WallTime started_;
  const Instant opened_;
};

}  // namespace windtunnel::core
