#include "meta/watcher.h"

#include "meta/git.h"

namespace jarvis2::meta {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// However long git holds its lock: a crash may have left it behind.
constexpr milliseconds kLongestGit{60000};

}  // namespace

Watcher::Watcher(const fs::path& root, const WatchOptions& options) : root_(fs::canonical(root)), options_(options) {
  const std::shared_ptr<Git> git = std::make_shared<Git>(root_);
  git_dir_ = fs::canonical(git->git_dir());
  source_ = open_changes(
      root_, git_dir_, [git](const std::string& path) { return git->ignored(path); }, options_);
}

Watcher::~Watcher() = default;

bool Watcher::git_works() const {
  std::error_code ignored;
  return fs::exists(git_dir_ / "index.lock", ignored) || fs::exists(git_dir_ / "HEAD.lock", ignored);
}

std::optional<Burst> Watcher::next(std::stop_token stop, milliseconds timeout) {
  const std::stop_callback wake(stop, [this] { source_->wake(); });
  RawChanges seen;
  const Clock::time_point called = Clock::now();
  std::optional<Clock::time_point> began;
  while (!stop.stop_requested()) {
    milliseconds wait{-1};
    const Clock::time_point now = Clock::now();
    if (began) {
      // Git works in steps with pauses in between.
      wait = seen.git || seen.paths.size() > 100 ? 3 * options_.quiet : options_.quiet;
    } else if (timeout.count() > 0) {
      wait = std::chrono::duration_cast<milliseconds>(called + timeout - now);
      if (wait.count() <= 0) return std::nullopt;
    }
    const bool more = source_->wait(wait, seen);
    const bool any = !seen.paths.empty() || seen.overflow || seen.git || seen.root_gone;
    if (!any) continue;
    if (seen.paths.size() > options_.most_paths) {
      seen.overflow = true;
      seen.paths.clear();
    }
    if (!began) began = Clock::now();
    if (seen.root_gone) break;
    const milliseconds since = std::chrono::duration_cast<milliseconds>(Clock::now() - *began);
    if (git_works() ? since > kLongestGit : !more || since > options_.longest) break;
  }
  if (!began) return std::nullopt;
  Burst burst;
  burst.rescan = seen.overflow;
  burst.git = seen.git;
  burst.root_gone = seen.root_gone;
  burst.events = seen.events;
  if (!burst.rescan) burst.paths.assign(seen.paths.begin(), seen.paths.end());
  return burst;
}

}  // namespace jarvis2::meta
