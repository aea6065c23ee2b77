#include "core/store/file_store_impl.h"

namespace windtunnel::core {

Result<std::uint64_t> FileStore::purge(const PurgeRequest& request) {
  const MutexLock lock{mutex_};
  WT_CHECK(check_usable());
  // Which ones go is settled first: keep counts within each request, not within each subject.
  std::vector<Seq> victims;
  std::uint64_t kept = 0;
  const std::vector<std::string> filters = request.filter.empty() ? std::vector<std::string>{} : std::vector<std::string>{request.filter};
  for (Seq seq = find_next(filters, Seq{1}); seq.value != 0; seq = find_next(filters, seq.next())) {
    if (request.below.value != 0 && seq >= request.below) break;
    victims.push_back(seq);
  }
  kept = std::min<std::uint64_t>(request.keep, victims.size());
  victims.resize(victims.size() - kept);
  std::uint64_t count = 0;
  for (const Seq seq : victims) {
    WT_TRY(const bool was_there, remove_locked(seq, false));
    count += was_there ? 1 : 0;
  }
  return count;
}

Result<std::uint64_t> FileStore::compact(Seq seq) {
  const MutexLock lock{mutex_};
  WT_CHECK(check_usable());
  return error(Errc::unsupported, "compact to " + std::to_string(seq.value));
}

}  // namespace windtunnel::core
