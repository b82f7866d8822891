#include "project/seccomp_linux.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>

#include "base/error.h"

namespace jarvis2::project {
namespace {

constexpr std::array kDenied = {
    // other processes and the kernel
    "ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "pidfd_getfd", "kcmp", "bpf", "userfaultfd",
    "perf_event_open", "kexec_load", "kexec_file_load", "init_module", "finit_module", "delete_module", "keyctl",
    "add_key", "request_key", "lookup_dcookie", "syslog", "acct", "quotactl", "quotactl_fd", "fanotify_init",
    // the tree of files
    "mount", "umount", "umount2", "pivot_root", "move_mount", "open_tree", "fsopen", "fsconfig", "fsmount", "fspick",
    "mount_setattr", "chroot", "open_by_handle_at", "name_to_handle_at", "swapon", "swapoff", "nfsservctl",
    // namespaces
    "setns", "unshare",
    // clocks and the machine
    "clock_settime", "clock_settime64", "clock_adjtime", "clock_adjtime64", "settimeofday", "adjtimex", "stime",
    "reboot", "vhangup", "iopl", "ioperm", "sethostname", "setdomainname", "ioprio_set"};

// Denied as if the kernel were older: programs fall back. They would pass by the filter otherwise.
constexpr std::array kUnknown = {"clone3", "io_uring_setup", "io_uring_enter", "io_uring_register"};

// Where a command runs, and how eagerly, is the judge's to say: accepted without effect.
constexpr std::array kIgnored = {"sched_setaffinity", "sched_setscheduler", "sched_setattr", "sched_setparam",
                                 "setpriority"};

void check(int status, const char* what) {
  if (status < 0) throw Error("project::seccomp_program", fmt::format("{}: {}", what, std::strerror(-status)));
}

}  // namespace

std::string seccomp_program(bool closed, bool network) {
  const std::unique_ptr<void, void (*)(scmp_filter_ctx)> filter(seccomp_init(SCMP_ACT_ALLOW), seccomp_release);
  if (!filter) throw Error("project::seccomp_program", "out of memory");
  const auto rule = [&](std::uint32_t action, const char* name) {
    const int number = seccomp_syscall_resolve_name(name);
    if (number == __NR_SCMP_ERROR) return;  // not known on this architecture
    const int status = seccomp_rule_add(filter.get(), action, number, 0);
    if (status != -EDOM) check(status, name);
  };
  const auto masked = [&](std::uint32_t action, const char* name, const scmp_arg_cmp& condition) {
    const int number = seccomp_syscall_resolve_name(name);
    if (number == __NR_SCMP_ERROR) return;
    check(seccomp_rule_add_array(filter.get(), action, number, 1, &condition), name);
  };
  for (const char* name : kDenied) rule(SCMP_ACT_ERRNO(EPERM), name);
  for (const char* name : kUnknown) rule(SCMP_ACT_ERRNO(ENOSYS), name);
  for (const char* name : kIgnored) rule(SCMP_ACT_ERRNO(0), name);
  for (const std::uint64_t flag : std::array<std::uint64_t, 7>{CLONE_NEWUSER, CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWNET,
                                                               CLONE_NEWIPC, CLONE_NEWUTS, CLONE_NEWCGROUP}) {
    masked(SCMP_ACT_ERRNO(EPERM), "clone", SCMP_A0(SCMP_CMP_MASKED_EQ, flag, flag));
  }
  // Typing into a terminal that others read. The upper half of the request is ignored by the kernel.
  for (const std::uint64_t request : std::array<std::uint64_t, 2>{TIOCSTI, 0x541C}) {
    masked(SCMP_ACT_ERRNO(EPERM), "ioctl", SCMP_A1(SCMP_CMP_MASKED_EQ, 0xFFFFFFFFu, request));
  }
  if (closed && !network) {
    rule(SCMP_ACT_ERRNO(EACCES), "socket");
    rule(SCMP_ACT_ERRNO(EACCES), "socketcall");
  }
  if (closed) {
    // Everything stays in the process group that dies with the command.
    rule(SCMP_ACT_ERRNO(0), "setsid");
    rule(SCMP_ACT_ERRNO(0), "setpgid");
    for (const char* name : {"shmget", "msgget", "semget", "mq_open"}) rule(SCMP_ACT_ERRNO(EPERM), name);
  }
  const int file = ::memfd_create("jarvis2-seccomp", MFD_CLOEXEC);
  if (file < 0) throw Error("project::seccomp_program", fmt::format("memfd: {}", std::strerror(errno)));
  std::string program;
  const int status = seccomp_export_bpf(filter.get(), file);
  if (status == 0) {
    char buffer[4096];
    ssize_t got = 0;
    ::lseek(file, 0, SEEK_SET);
    while ((got = ::read(file, buffer, sizeof buffer)) > 0) program.append(buffer, static_cast<std::size_t>(got));
  }
  ::close(file);
  check(status, "export");
  return program;
}

}  // namespace jarvis2::project
