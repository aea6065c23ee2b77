// EvidencePruner: lets a long run forget what is over and was right, so that a day under load needs no more memory than an
// hour (issue 5).
//
// What a message leaves behind (its publish record, that its stream and their mirrors stored and removed it, its
// deliveries to them) is over once the limits of all these streams have removed it. It is forgotten if it was right: stored once,
// under the sequence that its publisher was told, and copied as it was. Whatever is not is kept, with all that came after it on
// that stream, for the invariants to judge at the end. Nothing here draws, or changes the run.
#pragma once

#include <cstdint>
#include <vector>

#include "core/base/types.h"
#include "scenarios/history.h"

namespace windtunnel::scenarios {

struct StreamSpec;
class World;

class EvidencePruner {
 public:
  // `every`: messages stored from one pruning to the next.
  explicit EvidencePruner(World& world, std::uint64_t every = 50000);

  // Driver only; cheap if there is nothing to do.
  void look();

 private:
  // A stream and its mirrors, near and far, which all are rings: full, they drop their oldest.
  struct Family {
    const StreamSpec* origin = nullptr;
    std::vector<StreamKey> members;  // the origin first
  };

  void find_families();
  void prune(const Family& family);

  World& world_;
  std::uint64_t every_;
  std::uint64_t looked_at_ = 0;  // stored by then
  std::vector<Family> families_;
};

}  // namespace windtunnel::scenarios
