// InterestReading: what a server knows of interest at one moment, for whoever watches from outside (reference: wire 13.3).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace windtunnel::core {

struct InterestReading {
  struct Entry {
    std::string subject;
    std::string queue;
    std::int64_t count = 1;  // of a queue: its members
    friend auto operator<=>(const Entry&, const Entry&) = default;
  };
  struct Held : Entry {
    std::uint64_t leaf = 0;  // the leaf connection that announced it; 0: a client's, or one of this server's own
    std::optional<std::vector<std::uint64_t>>
        told;  // for answers to this server: the leaf connections that are to know of it, others are not
  };
  // A registered leaf connection.
  struct Link {
    std::uint64_t id = 0;
    std::uint64_t remote_id = 0;  // the same connection's id at the other side; a solicitor knows it, others have 0
    std::string remote_name;
    std::string remote_cluster;
    bool is_solicitor = false;
    bool is_spoke = false;         // this side is
    std::vector<Entry> announced;  // to the other side, sorted; a plain subject counts 1
    std::uint64_t said = 0;        // how many LS+ and LS- that took
    std::vector<Entry> known;      // what the other side has announced, sorted
    std::uint64_t heard = 0;       // LS+ and LS- of the other side so far
  };

  std::string server_id;      // another one for each start
  std::uint64_t version = 0;  // another one whenever a subscription or a link came, changed or went
  std::vector<Held> held;     // in order of creation
  std::vector<Link> links;    // in order of id
  std::string loop_subject;
  std::vector<std::string> mapped;  // the subjects that are mapped to the API
};

}  // namespace windtunnel::core
