// Graph: who is joined with whom, which stream copies which, and what subjects a stream comes to hold.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "scenarios/hazards/facts.h"

namespace windtunnel::scenarios {

struct CopyEdge {
  std::size_t copier = 0;  // a stream
  std::size_t origin = 0;
  const CopyFacts* copy = nullptr;
};

// How the search for an origin ends.
enum class OriginFound : std::uint8_t {
  found,
  unknown,    // nobody here can tell: another prefix, or streams that are not known
  no_domain,  // it lies on another server, and no domain is named
  no_server,  // no server has the domain
  no_stream,  // the server does not have it
};

class Graph {
 public:
  // `facts` is borrowed.
  explicit Graph(const Facts& facts);

  [[nodiscard]] const Facts& facts() const { return facts_; }
  // Whether leaf links join them, over others or not; true for a server and itself.
  [[nodiscard]] bool are_joined(std::size_t a, std::size_t b) const { return component_[a] == component_[b]; }
  // Whether one is a leaf of the other.
  [[nodiscard]] bool are_neighbours(std::size_t a, std::size_t b) const;
  // Whether the way from `a` to `b`, both ends included, leads through this server, or over this link.
  [[nodiscard]] bool passes(std::size_t a, std::size_t b, std::size_t server) const;
  [[nodiscard]] bool passes(std::size_t a, std::size_t b, std::size_t link_a, std::size_t link_b) const;

  // The rule that keeps a message of `from` away from `to`, for at least one subject of the pattern, or for all of them; nullptr if there
  // is none.
  enum class Denied : std::uint8_t { one, all };
  [[nodiscard]] const PlacedText* denial(std::size_t from, std::size_t to, std::string_view pattern, Denied how) const;
  // Whether a publish to some subject of the pattern at one server reaches the other while every link is up.
  [[nodiscard]] bool reaches(std::size_t from, std::size_t to, std::string_view pattern) const {
    return are_joined(from, to) && denial(from, to, pattern, Denied::all) == nullptr;
  }

  [[nodiscard]] const std::vector<CopyEdge>& edges() const { return edges_; }
  // Into or out of a stream, as indices of edges().
  [[nodiscard]] const std::vector<std::size_t>& edges_into(std::size_t copier) const { return into_[copier]; }
  [[nodiscard]] const std::vector<std::size_t>& edges_out_of(std::size_t origin) const { return out_of_[origin]; }

  // `stream`: who copies. `origin`: set if it is found, and with no_domain to a stream of that name elsewhere.
  [[nodiscard]] OriginFound find_origin(std::size_t stream, const CopyFacts& copy, std::size_t& origin) const;

  // The patterns of what it holds, by itself and by its copies; {">"} if that would be very many.
  [[nodiscard]] const std::vector<std::string>& contents(std::size_t stream) const { return contents_[stream]; }
  // What is left of `subjects` on the way into the copy, as the copy stores it.
  [[nodiscard]] static std::vector<std::string> through(const CopyFacts& copy, const std::vector<std::string>& subjects);

 private:
  void join_servers();
  void resolve_origins();
  void find_contents();
  [[nodiscard]] std::vector<std::string> contents_of(std::size_t stream) const;
  [[nodiscard]] std::vector<std::size_t> way(std::size_t a, std::size_t b) const;

  const Facts& facts_;
  std::vector<std::size_t> component_;                            // of a server
  std::multimap<std::string, std::size_t, std::less<>> by_name_;  // streams
  std::vector<CopyEdge> edges_;
  std::vector<std::vector<std::size_t>> into_;
  std::vector<std::vector<std::size_t>> out_of_;
  std::vector<std::vector<std::string>> contents_;  // of a stream
};

}  // namespace windtunnel::scenarios
