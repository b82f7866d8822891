// inotify: one watch a folder. https://man7.org/linux/man-pages/man7/inotify.7.html names the races handled here.
#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <map>
#include <unordered_map>

#include "base/error.h"
#include "base/log.h"
#include "meta/watcher.h"

namespace jarvis2::meta {
namespace {

constexpr std::uint32_t kEvents = IN_CREATE | IN_CLOSE_WRITE | IN_MODIFY | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE |
                                  IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR | IN_DONT_FOLLOW | IN_EXCL_UNLINK;

class Inotify final : public ChangeSource {
 public:
  Inotify(fs::path root, const fs::path& git_dir, std::function<bool(const std::string&)> ignored,
          const WatchOptions& options)
      : root_(std::move(root)), ignored_(std::move(ignored)), most_folders_(options.most_folders) {
    buffer_.resize(static_cast<std::size_t>(options.queue_bytes));
    inotify_ = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    wake_ = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (inotify_ < 0 || wake_ < 0) {
      const int reason = errno;
      close_all();
      throw Error("meta::Watcher",
                  fmt::format("inotify: {} (fs.inotify.max_user_instances is the limit)", std::strerror(reason)));
    }
    if (!add("", root_)) {
      close_all();
      throw Error("meta::Watcher", fmt::format("{}: cannot be watched: {}", root_.string(), std::strerror(errno)));
    }
    for (const fs::path& folder : {git_dir, git_dir / "logs"}) {
      const int id = ::inotify_add_watch(inotify_, folder.c_str(), kEvents);
      if (id >= 0) git_.insert(id);
    }
    descend("", nullptr);
  }
  ~Inotify() override { close_all(); }
  Inotify(const Inotify&) = delete;
  Inotify& operator=(const Inotify&) = delete;

  bool wait(std::chrono::milliseconds timeout, RawChanges& into) override {
    pollfd files[] = {{inotify_, POLLIN, 0}, {wake_, POLLIN, 0}};
    const int ready = ::poll(files, 2, timeout.count() < 0 ? -1 : static_cast<int>(timeout.count()));
    if (ready <= 0) return false;
    if (files[1].revents != 0) {
      std::uint64_t count = 0;
      const ssize_t ignored = ::read(wake_, &count, sizeof count);
      (void)ignored;
    }
    return files[0].revents != 0 && take(into);
  }

  void wake() override {
    const std::uint64_t one = 1;
    const ssize_t ignored = ::write(wake_, &one, sizeof one);
    (void)ignored;
  }
  bool partial() const override { return partial_; }

 private:
  void close_all() {
    if (inotify_ >= 0) ::close(inotify_);
    if (wake_ >= 0) ::close(wake_);
  }

  // Watches one folder ("" is the root, else "a/b").
  bool add(const std::string& relative, const fs::path& folder) {
    if (most_folders_ > 0 && folders_.size() >= most_folders_) {
      partial_ = true;
      return false;
    }
    const int id = ::inotify_add_watch(inotify_, folder.c_str(), kEvents);
    if (id < 0) {
      if (errno == ENOSPC || errno == ENOMEM) {
        if (!partial_) log::warning("not all folders can be watched (fs.inotify.max_user_watches); looking by turns");
        partial_ = true;
      }
      return false;
    }
    const auto old = folders_.find(id);
    if (old != folders_.end()) ids_.erase(old->second);
    folders_[id] = relative;
    ids_[relative] = id;
    return true;
  }

  // Watches all below `relative`. The files found there count as changed, where asked: they may have come before the
  // watch did.
  void descend(const std::string& relative, RawChanges* into) {
    std::vector<std::string> open = {relative};
    while (!open.empty()) {
      const std::string at = std::move(open.back());
      open.pop_back();
      std::error_code error;
      for (fs::directory_iterator entry(at.empty() ? root_ : root_ / at, error), end; !error && entry != end;
           entry.increment(error)) {
        const std::string name = entry->path().filename().string();
        const std::string path = at.empty() ? name : at + "/" + name;
        std::error_code ignored;
        if (entry->is_symlink(ignored)) continue;
        if (entry->is_directory(ignored)) {
          if (ignored_(path + "/") || !add(path, entry->path())) continue;
          open.push_back(path);
        } else if (into != nullptr && !ignored_(path)) {
          into->paths.insert(path);
        }
      }
    }
  }

  // A folder moved away or went: nothing below it is ours any more.
  void forget(const std::string& relative) {
    const std::string below = relative + "/";
    for (auto at = ids_.lower_bound(relative); at != ids_.end() && at->first.starts_with(relative);) {
      if (at->first != relative && !at->first.starts_with(below)) {
        ++at;
        continue;
      }
      ::inotify_rm_watch(inotify_, at->second);
      folders_.erase(at->second);
      at = ids_.erase(at);
    }
  }

  bool take(RawChanges& into) {
    bool any = false;
    // A storm is taken in portions, so that whoever waits may stop in between.
    for (int portion = 0; portion < 64; ++portion) {
      const ssize_t got = ::read(inotify_, buffer_.data(), buffer_.size());
      if (got <= 0) break;
      for (std::size_t at = 0; at < static_cast<std::size_t>(got);) {
        inotify_event event;
        std::memcpy(&event, buffer_.data() + at, sizeof event);
        const char* name = buffer_.data() + at + sizeof event;
        at += sizeof event + event.len;
        ++into.events;
        any = see(event, event.len > 0 ? std::string(name) : std::string(), into) || any;
      }
      if (into.paths.size() > 100000) {
        into.overflow = true;
        into.paths.clear();
      }
    }
    return any;
  }

  bool see(const inotify_event& event, const std::string& name, RawChanges& into) {
    if ((event.mask & IN_Q_OVERFLOW) != 0) {
      // Folders may have come and gone unseen.
      into.overflow = true;
      descend("", nullptr);
      return true;
    }
    if (git_.contains(event.wd)) {
      if (name.ends_with(".lock") || name == "FETCH_HEAD" || (event.mask & IN_IGNORED) != 0) return false;
      into.git = true;
      return true;
    }
    const auto folder = folders_.find(event.wd);
    if (folder == folders_.end()) return false;
    const std::string relative = folder->second;
    if ((event.mask & IN_IGNORED) != 0) {
      const auto id = ids_.find(relative);
      if (id != ids_.end() && id->second == event.wd) ids_.erase(id);
      folders_.erase(folder);
      return false;
    }
    if ((event.mask & (IN_DELETE_SELF | IN_MOVE_SELF)) != 0) {
      if (!relative.empty()) return false;
      into.root_gone = true;
      return true;
    }
    if (name.empty()) return false;
    const std::string path = relative.empty() ? name : relative + "/" + name;
    if ((event.mask & IN_ISDIR) != 0) {
      if (ignored_(path + "/")) return false;
      if ((event.mask & (IN_MOVED_FROM | IN_DELETE)) != 0) {
        forget(path);
        into.overflow = into.overflow || (event.mask & IN_MOVED_FROM) != 0;  // what was below is gone with it
        return true;
      }
      if ((event.mask & (IN_CREATE | IN_MOVED_TO)) != 0) {
        add(path, root_ / path);
        descend(path, &into);
        return true;
      }
      return false;
    }
    if (name == ".gitignore") {
      // What was hidden may show, and the other way round.
      into.overflow = true;
      descend("", nullptr);
      return true;
    }
    if (ignored_(path)) return false;
    into.paths.insert(path);
    return true;
  }

  fs::path root_;
  std::function<bool(const std::string&)> ignored_;
  std::size_t most_folders_;
  int inotify_ = -1;
  int wake_ = -1;
  bool partial_ = false;
  std::vector<char> buffer_;
  std::unordered_map<int, std::string> folders_;
  std::map<std::string, int> ids_;
  std::set<int> git_;
};

}  // namespace

std::unique_ptr<ChangeSource> open_changes(const fs::path& root, const fs::path& git_dir,
                                           std::function<bool(const std::string&)> ignored,
                                           const WatchOptions& options) {
  return std::make_unique<Inotify>(root, git_dir, std::move(ignored), options);
}

}  // namespace jarvis2::meta
