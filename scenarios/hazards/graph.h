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

// What one stream republishes and another captures.
struct RepublishEdge {
  std::size_t from = 0;
  std::size_t to = 0;
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
  // Whether one is, over others or not, a leaf of the other.
  [[nodiscard]] bool are_in_line(std::size_t a, std::size_t b) const { return is_below(a, b) || is_below(b, a); }
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

  // Whether a publish that one captures can come to the other at all: on one server they are of one account, and links join those of
  // one name, or the only ones that their servers have.
  [[nodiscard]] bool are_of_one_account(const StreamFacts& a, const StreamFacts& b) const;

  [[nodiscard]] const std::vector<CopyEdge>& edges() const { return edges_; }
  // Into or out of a stream, as indices of edges().
  [[nodiscard]] const std::vector<std::size_t>& edges_into(std::size_t copier) const { return into_[copier]; }
  [[nodiscard]] const std::vector<std::size_t>& edges_out_of(std::size_t origin) const { return out_of_[origin]; }

  [[nodiscard]] const std::vector<RepublishEdge>& republishes() const { return republishes_; }
  // Out of a stream, as indices of republishes().
  [[nodiscard]] const std::vector<std::size_t>& republishes_of(std::size_t stream) const { return republishes_of_[stream]; }

  // `stream`: who copies. `origin`: set if it is found, and with no_domain to a stream of that name elsewhere.
  [[nodiscard]] OriginFound find_origin(std::size_t stream, const CopyFacts& copy, std::size_t& origin) const;

  // The patterns of what it holds, by itself and by its copies; {">"} if that would be very many.
  [[nodiscard]] const std::vector<std::string>& contents(std::size_t stream) const { return contents_[stream]; }
  // What is left of `subjects` on the way into the copy, as the copy stores it.
  [[nodiscard]] static std::vector<std::string> through(const CopyFacts& copy, const std::vector<std::string>& subjects);
  // The same by republishing.
  [[nodiscard]] std::vector<std::string> through(const RepublishEdge& edge, const std::vector<std::string>& subjects) const;
  // Whether what the origin captures of these subjects comes into the copier, at once or over others. False for a stream and itself.
  [[nodiscard]] bool are_copied(std::size_t copier, std::size_t origin, const std::string& subjects) const;

 private:
  void join_servers();
  void resolve_origins();
  void resolve_republishes();
  void find_contents();
  [[nodiscard]] std::vector<std::string> contents_of(std::size_t stream) const;
  [[nodiscard]] bool is_below(std::size_t leaf, std::size_t hub) const;
  [[nodiscard]] std::vector<std::size_t> way(std::size_t a, std::size_t b) const;

  const Facts& facts_;
  std::vector<std::size_t> component_;                            // of a server
  std::vector<bool> has_accounts_;                                // a server: several
  std::multimap<std::string, std::size_t, std::less<>> by_name_;  // streams
  std::vector<CopyEdge> edges_;
  std::vector<std::vector<std::size_t>> into_;
  std::vector<std::vector<std::size_t>> out_of_;
  std::vector<RepublishEdge> republishes_;
  std::vector<std::vector<std::size_t>> republishes_of_;
  std::vector<std::vector<std::string>> contents_;  // of a stream
};

}  // namespace windtunnel::scenarios
