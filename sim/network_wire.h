// Wire: one connection, seen from nowhere: two ends and what travels between them.
//
// The bytes of a direction lie in one queue from their write to their read; segments only say up to where they have
// arrived, and when the next part does. So a delivery moves a number, and costs one timer.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sim/network.h"
#include "sim/network_bytes.h"

namespace windtunnel::sim {

class SimNetwork::Wire {
 public:
  enum class Side : std::uint8_t { dialer, acceptor };
  enum class State : std::uint8_t {
    open,
    closed,  // by its own process
    reset,   // broken, and its process can know
    gone,    // with its process
  };

  Wire(SimNetwork& network, std::uint64_t id, Path& there, Path& back, core::Address dialer, core::Address acceptor);
  ~Wire();
  Wire(const Wire&) = delete;
  Wire& operator=(const Wire&) = delete;

  // ---- for the ends' own processes ----
  void hold(Side side, core::Tasks& tasks);
  void let_go(Side side) noexcept;  // the process's object is destroyed
  core::Result<std::size_t> read(Side side, const Gate& gate, std::span<char> into, core::Instant deadline);
  core::Status write(Side side, const Gate& gate, std::string_view data, core::Instant deadline, std::size_t& taken);
  void close(Side side) noexcept;
  [[nodiscard]] State state(Side side) const { return end(side).state; }
  [[nodiscard]] const core::Address& peer(Side side) const { return end(other(side)).address; }

  // ---- for the network ----
  [[nodiscard]] std::uint64_t id() const { return id_; }
  [[nodiscard]] bool touches(HostId host) const;
  [[nodiscard]] bool is_held_by(HostId host) const;
  [[nodiscard]] bool uses(const Path& path) const;
  void crash_ends_at(HostId host, bool is_silent);
  void close_ends_at(HostId host);
  // A cut by reset: of what is on the way from `from` a part arrives, and this end breaks. Both ends, if `is_both`.
  void cut(HostId from, bool is_both);
  // Holds, releases and answers anew, after a change of a path or of a host.
  void refresh();
  // A piece of a direction that waits for its link to be free.
  struct Waiting {
    core::Instant departure;  // as it would have been
    Wire* wire = nullptr;
    Side from{};
    std::uint64_t end = 0;
    core::Instant earliest;
  };
  // Takes off what has not left by this path yet, in order, and puts a piece there again: the link's speed has changed.
  void unschedule(const Path& path, std::vector<Waiting>& out);
  void schedule_again(const Waiting& piece);

 private:
  enum class Mark : std::uint8_t { none, end, reset };
  struct Segment {
    std::uint64_t end = 0;  // the stream's position behind it
    core::Instant arrival;
    core::Instant earliest;   // it may leave,
    core::Instant departure;  // and does
  };
  struct Direction;
  struct Delivery final : core::Timer {
    Direction* direction = nullptr;
    void on_timer() noexcept override;
  };
  struct GivingUp final : core::Timer {
    Direction* direction = nullptr;
    void on_timer() noexcept override;
  };
  struct Direction {
    Wire* wire = nullptr;
    Side from{};
    Path* path = nullptr;
    Path* back = nullptr;
    core::Random random{core::Seed{}};
    ByteQueue bytes;  // from position `read` to position `written`
    // Positions in the stream: read <= arrived <= (ends of segments) <= written. Bytes without a segment are held back.
    std::uint64_t written = 0;
    std::uint64_t arrived = 0;
    std::uint64_t read = 0;
    std::uint64_t acked_arrived = 0;  // as far as the writer's system knows
    std::uint64_t acked_read = 0;
    std::deque<Segment> segments;
    core::Instant last_arrival{};
    core::Instant held_since = core::kForever;  // when the first of what is held was sent
    Mark mark = Mark::none;                     // what follows the bytes
    core::Instant mark_arrival = core::kForever;
    bool has_mark_arrived = false;
    bool is_unanswered = false;  // bytes came to an end that is no more, and the reset did not get through
    Delivery delivery;
    GivingUp giving_up;
    core::WaitList readers;
    core::WaitList writers;
  };
  struct End {
    State state = State::open;
    HostId host{};
    core::Address address;
    core::Tasks* tasks = nullptr;
    bool is_held = false;
    const char* why = "";  // it is reset
  };

  static Side other(Side side) { return side == Side::dialer ? Side::acceptor : Side::dialer; }
  End& end(Side side) { return ends_[static_cast<std::size_t>(side)]; }
  [[nodiscard]] const End& end(Side side) const { return ends_[static_cast<std::size_t>(side)]; }
  Direction& from(Side side) { return directions_[static_cast<std::size_t>(side)]; }
  Direction& to(Side side) { return from(other(side)); }

  [[nodiscard]] core::Instant now() const { return network_.kernel_.now(); }
  [[nodiscard]] bool is_held_back(const Direction& d) const;
  [[nodiscard]] bool are_acks_held_back(const Direction& d) const { return d.back->state != Path::State::open; }
  [[nodiscard]] std::uint64_t room(const Direction& d) const;
  [[nodiscard]] std::uint64_t scheduled_end(const Direction& d) const { return d.segments.empty() ? d.arrived : d.segments.back().end; }

  void send(Direction& d, std::string_view data);
  void schedule(Direction& d, std::uint64_t end, core::Instant earliest);
  void schedule_rest(Direction& d);
  void put_mark(Direction& d, Mark mark);
  void deliver(Direction& d);
  void arrive(Direction& d, std::uint64_t end);
  void acknowledge(Direction& d);
  void arm(Direction& d);
  void watch_for_giving_up(Direction& d);
  void answer_with_reset(Direction& d);
  void cut_in_flight(Direction& d, const char* label, bool may_keep_all);
  void stop(Direction& d);
  void break_end(Side side, State state, const char* why);
  void wake(Side side) noexcept;
  [[nodiscard]] core::Error broken(Side side, std::string_view what) const;

  SimNetwork& network_;
  std::uint64_t id_;
  std::array<End, 2> ends_;
  std::array<Direction, 2> directions_;
};

}  // namespace windtunnel::sim
