// Linux: bubblewrap and seccomp; where user namespaces are forbidden, Landlock and seccomp.
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "base/error.h"
#include "project/cgroup_linux.h"
#include "project/defence.h"
#include "project/landlock_linux.h"
#include "project/sandbox_port.h"
#include "project/seccomp_linux.h"

namespace jarvis2::project::port {
namespace {

constexpr const char* kHome = "/jarvis2/home";
// The command's shell has a parent of its own, pid 1 of the namespace: it reaps what is orphaned, and a command that
// ends by a signal does so as it would outside.
constexpr const char* kWrapper = "/bin/sh -c \"$0\"; exit $?";
constexpr int kMinimumLandlock = 6;  // scopes for signals and abstract sockets

constexpr std::array<const char*, 6> kSystemFolders = {"/bin", "/sbin", "/lib", "/lib64", "/lib32", "/libx32"};
// No passwords, keys or host secrets among them.
constexpr std::array<const char*, 22> kEtc = {
    "/etc/alternatives", "/etc/ld.so.cache",   "/etc/ld.so.conf", "/etc/ld.so.conf.d",    "/etc/passwd",
    "/etc/group",        "/etc/nsswitch.conf", "/etc/localtime",  "/etc/os-release",      "/etc/mime.types",
    "/etc/fonts",        "/etc/hosts",         "/etc/services",   "/etc/python3",         "/etc/python3.11",
    "/etc/python3.12",   "/etc/python3.13",    "/etc/perl",       "/etc/java-17-openjdk", "/etc/java-21-openjdk",
    "/etc/maven",        "/etc/OpenCL"};
constexpr std::array<const char*, 9> kNetworkEtc = {
    "/etc/resolv.conf",          "/etc/ssl",      "/etc/pki",   "/etc/ca-certificates",
    "/etc/ca-certificates.conf", "/etc/pip.conf", "/etc/npmrc", "/etc/crypto-policies",
    "/run/systemd/resolve"};

// A descriptor that is closed at the end of its life.
class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(Descriptor&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }
  Descriptor& operator=(Descriptor&&) = delete;
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

bool is_link(const fs::path& path) {
  std::error_code ignored;
  return fs::is_symlink(path, ignored);
}
bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

// RLIMIT_NPROC binds everybody but root; nothing else bounds the memory of several processes together.
std::unique_ptr<ControlGroup> control_group(const SandboxOptions& options) {
  return ControlGroup::create(::getuid() == 0 ? options.processes : 0, options.memory_bytes);
}

// Paths in the worktree that really lie in it: `path` has no symbolic link on its way.
bool is_plain(const fs::path& worktree, const fs::path& path) {
  fs::path at = worktree;
  for (const fs::path& part : path) {
    if (part == ".." || part.is_absolute()) return false;
    at /= part;
    if (is_link(at)) return false;
  }
  return is_there(at);
}

std::vector<fs::path> network_readable(const SandboxOptions& options) {
  std::vector<fs::path> paths;
  if (!options.network) return paths;
  for (const char* path : kNetworkEtc) paths.emplace_back(path);
  for (const auto& [key, value] : options.env) {
    if (value.starts_with('/') && (key.ends_with("_FILE") || key.ends_with("_BUNDLE") || key.ends_with("_CERTS") ||
                                   key.ends_with("_DIR") || key.ends_with("_CERT") || key.ends_with("_CAINFO"))) {
      paths.emplace_back(value);
    }
  }
  return paths;
}

void set_limits(SpawnOptions& spawn, const SandboxOptions& options, const ControlGroup* group) {
  if (options.memory_bytes > 0 && (group == nullptr || !group->limits_memory())) {
    spawn.limit_data_bytes = options.memory_bytes;
  }
  if (options.file_bytes > 0) spawn.limit_file_bytes = options.file_bytes;
  if (options.processes > 0) spawn.limit_processes = options.processes;
  if (options.open_files > 0) spawn.limit_open_files = options.open_files;
  spawn.max_output_bytes = options.output_bytes;
  spawn.clear_env = holds(Defence::kEnvironment);
}

class Namespaces : public Prepared {
 public:
  Namespaces(const SandboxOptions& options, const Toolchains& toolchains)
      : group_(control_group(options)), filter_(::memfd_create("jarvis2-seccomp", MFD_CLOEXEC)) {
    const std::string program = seccomp_program(false, options.network || !holds(Defence::kNetwork));
    if (filter_.get() < 0 ||
        ::write(filter_.get(), program.data(), program.size()) != static_cast<ssize_t>(program.size())) {
      throw Error("project::Sandbox", fmt::format("seccomp filter: {}", std::strerror(errno)));
    }
    set_limits(spawn_, options, group_.get());
    spawn_.env = options.env;
    spawn_.env.emplace_back("HOME", kHome);
    spawn_.env.emplace_back("TMPDIR", "/tmp");
    spawn_.env.emplace_back("PWD", kSandboxSource);
    const int filter = filter_.get();
    spawn_.inherit_fds = {filter};
    // Each child reads the filter from its start: a description of its own behind the same number.
    const std::string self = fmt::format("/proc/self/fd/{}", filter);
    const ControlGroup* group = group_.get();
    spawn_.in_child = [filter, self, group] {
      if (group != nullptr) {
        if (const int reason = group->join(); reason != 0) return reason;
      }
      const int fresh = ::open(self.c_str(), O_RDONLY);
      if (fresh < 0) return errno;
      if (::dup2(fresh, filter) < 0) return errno;
      ::close(fresh);
      return 0;
    };
    build_arguments(options, toolchains);
  }

  SpawnOptions spawn(const std::string& command) const override {
    SpawnOptions spawn = spawn_;
    spawn.argv.push_back(command);
    return spawn;
  }
  fs::path inner_path() const override { return kSandboxSource; }

 private:
  template <typename... Args>
  void add(Args&&... args) {
    (spawn_.argv.emplace_back(std::forward<Args>(args)), ...);
  }

  void build_arguments(const SandboxOptions& options, const Toolchains& toolchains) {
    // Without a reaper of bubblewrap's own (--as-pid-1): its monitor does not wait for it, and the CPU time of
    // everything inside would be lost to wait4.
    add(find_program("bwrap").string(), "--unshare-user", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try",
        "--die-with-parent", "--new-session", "--hostname", "jarvis2", "--cap-drop", "ALL");
    if (holds(Defence::kProcessTree)) add("--unshare-pid", "--as-pid-1");
    if (!options.network && holds(Defence::kNetwork)) add("--unshare-net");
    add("--ro-bind", "/usr", "/usr");
    for (const char* folder : kSystemFolders) {
      if (is_link(folder)) {
        add("--symlink", fs::read_symlink(folder).string(), folder);
      } else if (is_there(folder)) {
        add("--ro-bind", folder, folder);
      }
    }
    for (const char* path : kEtc) {
      if (is_there(path)) add("--ro-bind", path, path);
    }
    for (const fs::path& path : network_readable(options)) {
      if (is_there(path)) add("--ro-bind", path.string(), path.string());
    }
    const std::string size = fmt::format("{}", options.tmp_bytes);
    add("--proc", "/proc", "--dev", "/dev", "--size", size, "--perms", "1777", "--tmpfs", "/dev/shm");
    add("--ro-bind-try", "/sys/devices/system", "/sys/devices/system");
    if (holds(Defence::kPrivateFiles)) {
      add("--size", size, "--perms", "1777", "--tmpfs", "/tmp");
    } else {
      add("--bind", "/tmp", "/tmp");
    }
    add("--dir", "/run", "--dir", "/var", "--symlink", "../tmp", "/var/tmp");
    for (const fs::path& path : toolchains.folders) add("--ro-bind", path.string(), path.string());
    for (const fs::path& path : options.readable) {
      if (is_there(path)) add("--ro-bind", path.string(), path.string());
    }
    for (const fs::path& path : options.writable) add("--bind", path.string(), path.string());
    if (options.home.empty()) {
      add("--size", size, "--tmpfs", kHome);
    } else {
      add(options.read_only_worktree ? "--ro-bind" : "--bind", options.home.string(), kHome);
    }
    add(options.read_only_worktree ? "--ro-bind" : "--bind", options.worktree.string(), kSandboxSource);
    if (!options.read_only_worktree) {
      for (const std::string& path : options.pinned) {
        if (!is_plain(options.worktree, path)) continue;
        add("--ro-bind", (options.worktree / path).string(), (fs::path(kSandboxSource) / path).string());
      }
    }
    // Root without rights still owns the files of /proc/sys; bubblewrap covers only part of them.
    add("--remount-ro", "/proc", "--remount-ro", "/dev", "--remount-ro", "/", "--chdir", kSandboxSource, "--seccomp",
        std::to_string(filter_.get()), "--", "/bin/sh", "-c", kWrapper);
  }

  std::unique_ptr<ControlGroup> group_;
  Descriptor filter_;
  SpawnOptions spawn_;
};

class Landlocked : public Prepared {
 public:
  Landlocked(const SandboxOptions& options, const Toolchains& toolchains)
      : worktree_(options.worktree),
        tmp_("jarvis2-tmp-"),
        program_(seccomp_program(true, options.network)),
        group_(control_group(options)) {
    std::vector<fs::path> readable = {"/usr", "/proc", "/sys/devices/system"};
    for (const char* path : kSystemFolders) readable.emplace_back(path);
    for (const char* path : kEtc) readable.emplace_back(path);
    for (const fs::path& path : network_readable(options)) readable.push_back(path);
    readable.insert(readable.end(), toolchains.folders.begin(), toolchains.folders.end());
    readable.insert(readable.end(), options.readable.begin(), options.readable.end());
    std::vector<fs::path> writable = options.writable;
    const fs::path home = options.home.empty() ? tmp_.path() / "home" : options.home;
    fs::create_directories(tmp_.path() / "home");
    writable.push_back(tmp_.path());
    const bool home_is_kept = options.read_only_worktree && !options.home.empty();
    (home_is_kept ? readable : writable).push_back(home);
    (options.read_only_worktree ? readable : writable).push_back(worktree_);
    const std::vector<fs::path> devices = {"/dev/null",    "/dev/zero", "/dev/full", "/dev/random",
                                           "/dev/urandom", "/dev/tty",  "/dev/fd"};
    ruleset_ = std::make_unique<Descriptor>(landlock_ruleset(readable, writable, devices));
    set_limits(spawn_, options, group_.get());
    spawn_.env = options.env;
    spawn_.env.emplace_back("HOME", home.string());
    spawn_.env.emplace_back("TMPDIR", tmp_.path().string());
    spawn_.env.emplace_back("PWD", worktree_.string());
    spawn_.cwd = worktree_;
    spawn_.argv = {"/bin/sh", "-c", kWrapper};
    filter_.len = static_cast<unsigned short>(program_.size() / sizeof(sock_filter));
    filter_.filter = reinterpret_cast<sock_filter*>(program_.data());
    const int ruleset = ruleset_->get();
    const sock_fprog* filter = &filter_;
    const ControlGroup* group = group_.get();
    spawn_.in_child = [ruleset, filter, group] {
      if (group != nullptr) {
        if (const int reason = group->join(); reason != 0) return reason;
      }
      // Orphans come to the command's parent, not to init, and die with its group.
      if (::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0) return errno;
      if (const int reason = landlock_enter(ruleset); reason != 0) return reason;
      if (::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, filter, 0, 0) != 0) return errno;
      return 0;
    };
  }

  SpawnOptions spawn(const std::string& command) const override {
    SpawnOptions spawn = spawn_;
    spawn.argv.push_back(command);
    return spawn;
  }
  fs::path inner_path() const override { return worktree_; }

 private:
  fs::path worktree_;
  TempDir tmp_;
  std::string program_;
  sock_fprog filter_{};
  std::unique_ptr<ControlGroup> group_;
  std::unique_ptr<Descriptor> ruleset_;
  SpawnOptions spawn_;
};

// Runs `true` inside an empty worktree; returns why it failed, or nothing.
std::string try_level(SandboxLevel level) {
  try {
    const TempDir worktree("jarvis2-probe-");
    SandboxOptions options;
    options.worktree = worktree.path();
    options.env = {{"PATH", "/usr/bin:/bin"}};
    const ProcessResult result = run_process(prepare(options, {}, level)->spawn("true"), 20);
    if (result.ok()) return "";
    std::string text = result.err.empty() ? fmt::format("exit status {}", result.exit_code) : result.err;
    if (const std::size_t end = text.find('\n'); end != std::string::npos) text.erase(end);
    return text;
  } catch (const Error& error) {
    return error.message();
  }
}

}  // namespace

fs::path inner_home(const SandboxOptions& options, SandboxLevel level) {
  return level == SandboxLevel::kNamespaces ? fs::path(kHome) : options.home;
}

SandboxSupport probe() {
  SandboxSupport support;
  if (find_program("bwrap").empty()) {
    support.missing = "bubblewrap is not installed (bwrap in PATH)";
  } else {
    support.missing = try_level(SandboxLevel::kNamespaces);
    if (support.missing.empty()) {
      support.level = SandboxLevel::kNamespaces;
      return support;
    }
    support.missing = "bubblewrap does not start: " + support.missing;
  }
  const int abi = landlock_abi();
  if (abi < kMinimumLandlock) {
    support.missing +=
        fmt::format("; Landlock {} of the kernel is {}, at least {} is needed", abi == 0 ? "" : "version",
                    abi == 0 ? "absent" : std::to_string(abi), kMinimumLandlock);
    return support;
  }
  if (const std::string reason = try_level(SandboxLevel::kLandlock); !reason.empty()) {
    support.missing += "; Landlock does not work: " + reason;
    return support;
  }
  support.level = SandboxLevel::kLandlock;
  return support;
}

std::unique_ptr<Prepared> prepare(const SandboxOptions& options, const Toolchains& toolchains, SandboxLevel level) {
  if (level == SandboxLevel::kNamespaces) return std::make_unique<Namespaces>(options, toolchains);
  if (level == SandboxLevel::kLandlock) return std::make_unique<Landlocked>(options, toolchains);
  throw Error("project::Sandbox", "no such sandbox level on Linux");
}

}  // namespace jarvis2::project::port
