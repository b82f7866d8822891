// The crash harness: apply and undo run as a traced child that is killed at every system call it makes, and that sees
// each of its writes, fsyncs and renames fail, once and from then on. After recovery the tree is what it was before or
// what it should become, to the byte and the mode, never between.
#include <errno.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <map>
#include <set>

#include "base/error.h"
#include "edit/journal.h"

namespace jarvis2::edit {
namespace {

using Image = std::map<std::string, std::string>;

const project::Texts kBefore = {{"a.py", "one\r\ntwo"},
                                {"sub/b.py", "\xef\xbb\xbfthree\n"},
                                {"gone/away.py", "to be deleted\n"},
                                {"new/deep/c.py", std::nullopt}};
const project::Texts kAfter = {{"a.py", "ONE\r\ntwo"},
                               {"sub/b.py", "\xef\xbb\xbfTHREE\n"},
                               {"gone/away.py", std::nullopt},
                               {"new/deep/c.py", "new\n"}};

class Tree {
 public:
  Tree() {
    for (const auto& [path, text] : kBefore) {
      if (!text) continue;
      fs::create_directories((root() / path).parent_path());
      std::ofstream(root() / path) << *text;
    }
    ::chmod((root() / "sub/b.py").c_str(), 0755);
    ::chmod((root() / "gone/away.py").c_str(), 0640);
    ::chmod((root() / "gone").c_str(), 0750);
  }
  fs::path root() const { return dir_.path() / "tree"; }
  ApplyLog log() const { return {root(), dir_.path() / "state"}; }
  Image image() const {
    Image all;
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(root())) {
      struct stat info {};
      ::lstat(entry.path().c_str(), &info);
      all[fs::relative(entry.path(), root()).string()] =
          std::to_string(info.st_mode) + ":" + (entry.is_regular_file() ? read_file(entry.path()) : "");
    }
    return all;
  }

 private:
  TempDir dir_;
};

// What happens to the child's system calls.
struct Plan {
  long kill_at = -1;      // killed as it enters this one, counted from 0
  std::set<long> kinds;   // those that fail,
  long fail_from = -1;    // from this one of them on, counted from 0,
  bool for_good = false;  // all, or only this one,
  int reason = 0;         // with this errno
};

struct Traced {
  bool killed = false;
  bool ok = false;  // the operation reported success
  long calls = 0;   // entered
  long of_kinds = 0;
};

#if defined(__x86_64__)
void refuse_call(pid_t child) {
  struct user_regs_struct registers {};
  ::ptrace(PTRACE_GETREGS, child, nullptr, &registers);
  registers.orig_rax = static_cast<unsigned long long>(-1);
  ::ptrace(PTRACE_SETREGS, child, nullptr, &registers);
}
void set_result(pid_t child, long value) {
  struct user_regs_struct registers {};
  ::ptrace(PTRACE_GETREGS, child, nullptr, &registers);
  registers.rax = static_cast<unsigned long long>(value);
  ::ptrace(PTRACE_SETREGS, child, nullptr, &registers);
}
#elif defined(__aarch64__)
void refuse_call(pid_t child) {
  int number = -1;
  struct iovec part {
    &number, sizeof number
  };
  ::ptrace(PTRACE_SETREGSET, child, 0x404 /* NT_ARM_SYSTEM_CALL */, &part);
}
void set_result(pid_t child, long value) {
  struct user_regs_struct registers {};
  struct iovec part {
    &registers, sizeof registers
  };
  ::ptrace(PTRACE_GETREGSET, child, 1 /* NT_PRSTATUS */, &part);
  registers.regs[0] = static_cast<unsigned long long>(value);
  ::ptrace(PTRACE_SETREGSET, child, 1, &part);
}
#endif

template <typename Operation>
Traced trace(const Plan& plan, const Operation& operation) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
    ::raise(SIGSTOP);
    int status = 0;
    try {
      operation();
    } catch (const std::exception&) {
      status = 1;
    }
    ::_exit(status);
  }
  Traced seen;
  int status = 0;
  ::waitpid(child, &status, 0);
  ::ptrace(PTRACE_SETOPTIONS, child, nullptr, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL);
  bool failing = false;
  while (true) {
    ::ptrace(PTRACE_SYSCALL, child, nullptr, nullptr);
    ::waitpid(child, &status, 0);
    if (WIFEXITED(status) || WIFSIGNALED(status)) break;
    if (!WIFSTOPPED(status) || WSTOPSIG(status) != (SIGTRAP | 0x80)) continue;
    struct __ptrace_syscall_info info {};
    ::ptrace(PTRACE_GET_SYSCALL_INFO, child, sizeof info, &info);
    if (info.op == PTRACE_SYSCALL_INFO_ENTRY) {
      if (seen.calls++ == plan.kill_at) {
        seen.killed = true;
        ::kill(child, SIGKILL);
        ::waitpid(child, &status, 0);
        break;
      }
      if (plan.kinds.contains(static_cast<long>(info.entry.nr))) {
        const long index = seen.of_kinds++;
        failing = plan.fail_from >= 0 && (plan.for_good ? index >= plan.fail_from : index == plan.fail_from);
        if (failing) refuse_call(child);
      }
    } else if (info.op == PTRACE_SYSCALL_INFO_EXIT && failing) {
      set_result(child, -plan.reason);
      failing = false;
    }
  }
  seen.ok = WIFEXITED(status) && WEXITSTATUS(status) == 0;
  return seen;
}

const std::map<std::string, std::pair<std::set<long>, int>> kFaults = {
    {"write", {{SYS_write, SYS_pwrite64, SYS_writev}, ENOSPC}},
    {"fsync", {{SYS_fsync, SYS_fdatasync}, EIO}},
    {"rename",
     {{
#if defined(SYS_rename)
          SYS_rename,
#endif
          SYS_renameat, SYS_renameat2},
      EIO}},
    {"create",
     {{
#if defined(SYS_mkdir)
          SYS_mkdir,
#endif
          SYS_mkdirat, SYS_fchmod},
      EACCES}},
};

class Crash : public testing::TestWithParam<bool> {
 protected:
  static void SetUpTestSuite() {
    const Traced seen = trace({}, [] { ::getppid(); });
    can_trace_ = seen.ok && seen.calls > 0;
  }
  void SetUp() override {
    if (!can_trace_) GTEST_SKIP() << "processes cannot be traced here";
  }

  // One case. Returns what the child did; the tree is checked after recovery.
  Traced one(const Plan& plan, const std::string& what) {
    const bool undoing = GetParam();
    Tree tree;
    const Image before = tree.image();
    if (undoing) tree.log().apply("run", kBefore, kAfter);
    const Image start = tree.image();
    const Traced seen = trace(plan, [&] {
      ApplyLog log = tree.log();
      if (undoing) {
        log.undo();
      } else {
        log.apply("run", kBefore, kAfter);
      }
    });
    ApplyLog log = tree.log();
    log.recover();
    const Image now = tree.image();
    const Image& end = undoing ? before : applied();
    EXPECT_TRUE(now == start || now == end) << what << ": between, after recovery";
    EXPECT_TRUE(!seen.ok || now == end) << what << ": reported success";
    EXPECT_TRUE(seen.ok || seen.killed || undoing || now == start) << what << ": reported failure";
    EXPECT_TRUE(log.recover().empty()) << what;
    return seen;
  }

  static const Image& applied() {
    static const Image image = [] {
      Tree tree;
      tree.log().apply("run", kBefore, kAfter);
      return tree.image();
    }();
    return image;
  }

  static bool can_trace_;
};
bool Crash::can_trace_ = false;

TEST_P(Crash, KilledAtEverySystemCall) {
  ASSERT_TRUE(one({}, "undisturbed").ok);
  Plan plan;
  plan.kill_at = 0;
  // Until one gets through: how many calls there are differs by a few from run to run.
  while (!HasFailure() && one(plan, "killed at system call " + std::to_string(plan.kill_at)).killed) ++plan.kill_at;
  EXPECT_GT(plan.kill_at, 50);
  std::printf("%s killed at each of %ld system calls\n", GetParam() ? "undo" : "apply", plan.kill_at);
}

TEST_P(Crash, EachWriteFsyncAndRenameFails) {
  long cases = 0;
  for (const auto& [name, fault] : kFaults) {
    for (const bool for_good : {false, true}) {
      Plan plan;
      plan.kinds = fault.first;
      plan.reason = fault.second;
      plan.for_good = for_good;
      const long count = one(plan, "undisturbed").of_kinds;
      for (plan.fail_from = 0; plan.fail_from < count && !HasFailure(); ++plan.fail_from) {
        one(plan, name + " " + std::to_string(plan.fail_from) + (for_good ? " and all after it fail" : " fails"));
        ++cases;
      }
    }
  }
  EXPECT_GT(cases, 20);
  std::printf("%s with %ld failures of write, fsync, rename and create\n", GetParam() ? "undo" : "apply", cases);
}

INSTANTIATE_TEST_SUITE_P(ApplyAndUndo, Crash, testing::Bool(),
                         [](const testing::TestParamInfo<bool>& which) { return which.param ? "Undo" : "Apply"; });

}  // namespace
}  // namespace jarvis2::edit
