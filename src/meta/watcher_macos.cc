// FSEvents: one recursive stream over the working tree, one over git's folder where that lies elsewhere.
#include <CoreServices/CoreServices.h>
#include <dispatch/dispatch.h>

#include <condition_variable>
#include <mutex>

#include "base/error.h"
#include "meta/watcher.h"

namespace jarvis2::meta {
namespace {

class FsEvents final : public ChangeSource {
 public:
  FsEvents(const fs::path& root, const fs::path& git_dir, std::function<bool(const std::string&)> ignored)
      : root_(root.string() + "/"), git_dir_(git_dir.string() + "/"), ignored_(std::move(ignored)) {
    const std::string paths[] = {root.string(), git_dir.string()};
    CFStringRef names[2] = {};
    const CFIndex count = paths[1].starts_with(root_) ? 1 : 2;
    for (CFIndex i = 0; i < count; ++i) {
      names[i] = CFStringCreateWithCString(nullptr, paths[i].c_str(), kCFStringEncodingUTF8);
    }
    CFArrayRef list = CFArrayCreate(nullptr, reinterpret_cast<const void**>(names), count, &kCFTypeArrayCallBacks);
    FSEventStreamContext context{0, this, nullptr, nullptr, nullptr};
    stream_ = FSEventStreamCreate(
        nullptr, &FsEvents::call, &context, list, kFSEventStreamEventIdSinceNow, 0.05,
        kFSEventStreamCreateFlagFileEvents | kFSEventStreamCreateFlagWatchRoot | kFSEventStreamCreateFlagNoDefer);
    CFRelease(list);
    for (CFIndex i = 0; i < count; ++i) CFRelease(names[i]);
    queue_ = dispatch_queue_create("jarvis2.watcher", nullptr);
    if (stream_ != nullptr) FSEventStreamSetDispatchQueue(stream_, queue_);
    if (stream_ == nullptr || FSEventStreamStart(stream_) == 0) {
      close();
      throw Error("meta::Watcher", root.string() + ": FSEvents cannot watch it");
    }
  }
  ~FsEvents() override {
    FSEventStreamStop(stream_);
    close();
  }
  FsEvents(const FsEvents&) = delete;
  FsEvents& operator=(const FsEvents&) = delete;

  bool wait(std::chrono::milliseconds timeout, RawChanges& into) override {
    RawChanges taken;
    {
      std::unique_lock<std::mutex> lock(mutex_);
      const auto ready = [this] { return woken_ || seen_.events > 0 || seen_.overflow || seen_.root_gone; };
      if (timeout.count() < 0) {
        changed_.wait(lock, ready);
      } else {
        changed_.wait_for(lock, timeout, ready);
      }
      woken_ = false;
      std::swap(taken, seen_);
    }
    // Ignore rules belong to the waiting thread.
    bool any = taken.overflow || taken.root_gone || taken.git;
    into.overflow = into.overflow || taken.overflow;
    into.root_gone = into.root_gone || taken.root_gone;
    into.git = into.git || taken.git;
    into.events += taken.events;
    for (const std::string& path : taken.paths) {
      if (ignored_(path)) continue;
      any = true;
      into.overflow = into.overflow || fs::path(path).filename() == ".gitignore";
      into.paths.insert(path);
    }
    return any;
  }

  void wake() override {
    const std::lock_guard<std::mutex> lock(mutex_);
    woken_ = true;
    changed_.notify_all();
  }
  bool partial() const override { return false; }

 private:
  static void call(ConstFSEventStreamRef, void* self, std::size_t count, void* paths,
                   const FSEventStreamEventFlags* flags, const FSEventStreamEventId*) {
    static_cast<FsEvents*>(self)->see(count, static_cast<const char**>(paths), flags);
  }

  void see(std::size_t count, const char** paths, const FSEventStreamEventFlags* flags) {
    constexpr FSEventStreamEventFlags kLost = kFSEventStreamEventFlagMustScanSubDirs |
                                              kFSEventStreamEventFlagUserDropped | kFSEventStreamEventFlagKernelDropped;
    const std::lock_guard<std::mutex> lock(mutex_);
    seen_.events += count;
    for (std::size_t i = 0; i < count; ++i) {
      const std::string path = paths[i];
      if ((flags[i] & kLost) != 0) seen_.overflow = true;
      if ((flags[i] & kFSEventStreamEventFlagRootChanged) != 0) {
        std::error_code ignored;
        seen_.root_gone = seen_.root_gone || !fs::is_directory(root_, ignored);
      } else if (path.starts_with(git_dir_)) {
        const std::string below = path.substr(git_dir_.size());
        const bool ours = below.find('/') == std::string::npos || below == "logs/HEAD";
        seen_.git = seen_.git || (ours && !below.ends_with(".lock"));
      } else if (path.starts_with(root_)) {
        // A folder that moved tells of itself alone.
        const bool folder = (flags[i] & kFSEventStreamEventFlagItemIsDir) != 0;
        if (folder && (flags[i] & kFSEventStreamEventFlagItemRenamed) != 0) seen_.overflow = true;
        if (!folder && seen_.paths.size() < 100000) {
          seen_.paths.insert(path.substr(root_.size()));
        } else if (!folder) {
          seen_.overflow = true;
        }
      }
    }
    changed_.notify_all();
  }

  void close() {
    if (stream_ != nullptr) {
      FSEventStreamInvalidate(stream_);
      FSEventStreamRelease(stream_);
    }
    // What the queue still runs refers to us.
    dispatch_sync_f(queue_, nullptr, [](void*) {});
    dispatch_release(queue_);
  }

  std::string root_;
  std::string git_dir_;
  std::function<bool(const std::string&)> ignored_;
  FSEventStreamRef stream_ = nullptr;
  dispatch_queue_t queue_ = nullptr;
  std::mutex mutex_;
  std::condition_variable changed_;
  RawChanges seen_;
  bool woken_ = false;
};

}  // namespace

std::unique_ptr<ChangeSource> open_changes(const fs::path& root, const fs::path& git_dir,
                                           std::function<bool(const std::string&)> ignored, const WatchOptions&) {
  return std::make_unique<FsEvents>(root, git_dir, std::move(ignored));
}

}  // namespace jarvis2::meta
