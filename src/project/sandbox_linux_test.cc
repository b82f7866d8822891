#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <thread>

#include "base/error.h"
#include "project/cgroup_linux.h"
#include "project/landlock_linux.h"
#include "project/sandbox.h"
#include "project/sandbox_port.h"

namespace jarvis2::project {
namespace {

using testing::HasSubstr;
using testing::Not;

void write(const fs::path& file, const std::string& text) {
  fs::create_directories(file.parent_path());
  std::ofstream(file) << text;
}

bool has_group(std::uint64_t processes, std::uint64_t memory_bytes) {
  const std::unique_ptr<ControlGroup> group = ControlGroup::create(processes, memory_bytes);
  return group != nullptr && (processes == 0 || group->limits_processes()) &&
         (memory_bytes == 0 || group->limits_memory());
}

// Whoever tidies up leaves the groups of others alone, wherever they run.
TEST(ControlGroup, StaleOnesAreRemovedAndOthersKept) {
  const std::unique_ptr<ControlGroup> ours = ControlGroup::create(10, 0);
  if (ours == nullptr) GTEST_SKIP() << "no control group";
  const fs::path folder = ours->folders().front();
  const fs::path stale = folder.parent_path() / "jarvis2-group-1-0-0";
  fs::create_directory(stale);
  // In a namespace of processes where we are not found.
  const int status = std::system(("unshare --pid --fork --kill-child " + fs::canonical("/proc/self/exe").string() +
                                  " --gtest_filter=ControlGroup.DISABLED_Tidies --gtest_also_run_disabled_tests"
                                  " >/dev/null 2>&1")
                                     .c_str());
  const bool left = fs::exists(stale);
  if (left) fs::remove(stale);
  if (status != 0) GTEST_SKIP() << "no namespace of processes";
  EXPECT_FALSE(left);
  EXPECT_TRUE(fs::exists(folder));
}

TEST(ControlGroup, DISABLED_Tidies) {
  EXPECT_NE(ControlGroup::create(10, 0), nullptr);
}

// Commands on each level that this machine offers.
class SandboxTest : public testing::TestWithParam<SandboxLevel> {
 protected:
  void SetUp() override {
    if (GetParam() == SandboxLevel::kNamespaces && sandbox_support().level != SandboxLevel::kNamespaces) {
      GTEST_SKIP() << sandbox_support().missing;
    }
    if (GetParam() == SandboxLevel::kLandlock && landlock_abi() < 6) GTEST_SKIP() << "Landlock too old";
    options_.worktree = fs::canonical(dir_.path());
    options_.env = {{"PATH", "/usr/local/bin:/usr/bin:/bin"}};
  }
  ProcessResult run(const std::string& command, double timeout_s = 30) {
    return run_process(port::prepare(options_, {}, GetParam())->spawn(command), timeout_s);
  }
  TempDir dir_;
  SandboxOptions options_;
};

TEST_P(SandboxTest, WritesItsWorktreeOnly) {
  const TempDir outside;
  const ProcessResult result = run("echo in > file; echo out > " + outside.path().string() + "/file; pwd; cat file");
  EXPECT_THAT(result.out, HasSubstr("in\n"));
  EXPECT_EQ(read_file(dir_.path() / "file"), "in\n");
  EXPECT_FALSE(fs::exists(outside.path() / "file"));
  EXPECT_NE(run("touch /usr/bin/jarvis2-was-here").exit_code, 0);
}

TEST_P(SandboxTest, ASymbolicLinkDoesNotLeadOut) {
  const TempDir outside;
  write(outside.path() / "secret", "secret");
  run("ln -s " + outside.path().string() + " link; echo x > link/new; cat link/secret > copy");
  EXPECT_FALSE(fs::exists(outside.path() / "new"));
  EXPECT_TRUE(!fs::exists(dir_.path() / "copy") || read_file(dir_.path() / "copy").empty());
}

TEST_P(SandboxTest, NoHomeNoSecretsNoForeignFiles) {
  ::setenv("JARVIS2_TEST_SECRET", "hunter2", 1);
  const fs::path home = std::getenv("HOME") != nullptr ? std::getenv("HOME") : "/root";
  const ProcessResult result = run("env; ls -a " + home.string() + "; cat /etc/shadow; echo HOME=$HOME");
  EXPECT_THAT(result.out, Not(HasSubstr("hunter2")));
  EXPECT_THAT(result.out, Not(HasSubstr("root:")));
  EXPECT_THAT(result.out, Not(HasSubstr(".profile")));
  EXPECT_THAT(result.out, HasSubstr("HOME=/"));
  EXPECT_EQ(run("echo x > $HOME/a && echo y > $TMPDIR/b && cat $HOME/a $TMPDIR/b").out, "x\ny\n");
}

TEST_P(SandboxTest, NoNetwork) {
  const ProcessResult result = run(
      "/usr/bin/python3 -c \"import socket\ntry:\n  s = socket.socket(); s.settimeout(2); s.connect(('1.1.1.1', 53))\n"
      "except OSError as error: print('closed', error.errno)\"");
  EXPECT_THAT(result.out, HasSubstr("closed"));
}

TEST_P(SandboxTest, ForbiddenSystemCalls) {
  const ProcessResult result = run(
      "/usr/bin/python3 -c \"import ctypes, errno, os\n"
      "c = ctypes.CDLL(None, use_errno=True)\n"
      "def call(name, number, *args):\n"
      "  ctypes.set_errno(0); r = c.syscall(number, *args); print(name, r, errno.errorcode.get(ctypes.get_errno()))\n"
      "call('ptrace', 101, 16, os.getppid(), 0, 0)\n"
      "call('unshare', 272, 0x10000000)\n"
      "call('bpf', 321, 0, 0, 0)\n"
      "call('clock_settime', 227, 0, 0)\n"
      "call('clone3', 435, 0, 0)\n"
      "os.sched_setaffinity(0, [0]); print('affinity pretended')\n\"");
  EXPECT_THAT(result.out, HasSubstr("ptrace -1 EPERM"));
  EXPECT_THAT(result.out, HasSubstr("unshare -1 EPERM"));
  EXPECT_THAT(result.out, HasSubstr("bpf -1 EPERM"));
  EXPECT_THAT(result.out, HasSubstr("clock_settime -1 EPERM"));
  EXPECT_THAT(result.out, HasSubstr("clone3 -1 ENOSYS"));
  EXPECT_THAT(result.out, HasSubstr("affinity pretended"));
}

TEST_P(SandboxTest, RootHasNoRights) {
  const ProcessResult result =
      run("grep CapEff /proc/self/status; mknod disk b 8 0 && echo made; chroot . true && echo rooted;"
          "for f in /proc/sysrq-trigger /proc/sys/kernel/core_pattern /proc/sys/kernel/hostname; do"
          " (echo x >> $f) 2>/dev/null && echo wrote $f; done; date -s @0 && echo set");
  EXPECT_THAT(result.out, HasSubstr("CapEff:\t0000000000000000"));
  EXPECT_THAT(result.out, Not(HasSubstr("made")));
  EXPECT_THAT(result.out, Not(HasSubstr("rooted")));
  EXPECT_THAT(result.out, Not(HasSubstr("wrote")));
  EXPECT_THAT(result.out, Not(HasSubstr("set")));
}

TEST_P(SandboxTest, CpuTimeOfEveryDescendantCounts) {
  const std::string burn = "i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done";
  const std::uint64_t direct = run_process({.argv = {"sh", "-c", burn}}).cpu_ns;
  // In the shell, in a waited child, in a grandchild behind a pipe.
  EXPECT_GT(run(burn).cpu_ns, direct / 2);
  EXPECT_GT(run("sh -c '" + burn + "'; true").cpu_ns, direct / 2);
  EXPECT_GT(run("(sh -c '" + burn + "; echo x' | cat); true").cpu_ns, direct / 2);
}

TEST_P(SandboxTest, TheWholeTreeDiesAtTheLimit) {
  const ProcessResult result = run("(setsid sh -c 'sleep 2; touch late' &) ; sleep 60", 0.3);
  EXPECT_TRUE(result.timed_out);
  std::this_thread::sleep_for(std::chrono::milliseconds(2300));
  EXPECT_FALSE(fs::exists(dir_.path() / "late"));
}

TEST_P(SandboxTest, WhatIsLeftBehindDies) {
  EXPECT_EQ(run("(setsid sh -c 'sleep 1; touch late' >/dev/null 2>&1 &) ; exit 0").exit_code, 0);
  std::this_thread::sleep_for(std::chrono::milliseconds(1300));
  EXPECT_FALSE(fs::exists(dir_.path() / "late"));
}

TEST_P(SandboxTest, CannotSignalItsParent) {
  const ProcessResult result = run("kill -9 " + std::to_string(::getpid()) + " && echo killed; kill -9 -1; echo alive");
  EXPECT_THAT(result.out, Not(HasSubstr("killed")));
}

TEST_P(SandboxTest, StatusIsTheCommandsOwn) {
  EXPECT_EQ(run("exit 7").exit_code, 7);
  EXPECT_EQ(run("kill -SEGV $$").exit_code, 128 + SIGSEGV);
  EXPECT_EQ(run("kill -TERM $$").exit_code, 128 + SIGTERM);
  EXPECT_EQ(run("echo \"a 'b' $0\"; echo err >&2").err, "err\n");
}

TEST_P(SandboxTest, TwoRunAtOnce) {
  const std::unique_ptr<port::Prepared> prepared = port::prepare(options_, {}, GetParam());
  std::vector<std::jthread> threads;
  std::array<int, 8> codes{};
  for (int& code : codes) {
    threads.emplace_back([&code, &prepared] { code = run_process(prepared->spawn("exit 5"), 30).exit_code; });
  }
  threads.clear();
  EXPECT_THAT(codes, testing::Each(5));
}

TEST_P(SandboxTest, ReadOnlyWorktree) {
  write(dir_.path() / "data", "d");
  options_.read_only_worktree = true;
  EXPECT_EQ(run("cat data").out, "d");
  EXPECT_NE(run("echo x > data").exit_code, 0);
  EXPECT_EQ(read_file(dir_.path() / "data"), "d");
}

TEST_P(SandboxTest, AForkBombIsBounded) {
  if (::getuid() == 0 && !has_group(10, 0)) GTEST_SKIP() << "no control group, and we are root";
  options_.processes = ::getuid() == 0 ? 40 : 4096;
  const ProcessResult result = run(
      "/usr/bin/python3 -c \"import os, time\nn = 0\ntry:\n  while n < 5000:\n    if os.fork() == 0: time.sleep(60)\n"
      "    n += 1\nexcept OSError: print('bounded')\n\"");
  EXPECT_EQ(result.out, "bounded\n");
}

// Writes 16 MiB in each of `count` processes at once.
std::string eat(int count) {
  return "/usr/bin/python3 -c \"import os, sys, time\nchildren = []\nfor _ in range(" + std::to_string(count) +
         "):\n  pid = os.fork()\n  if pid == 0:\n    try: text = bytes(range(256)) * 65536\n"
         "    except MemoryError: os._exit(3)\n    time.sleep(0.5); os._exit(0)\n  children.append(pid)\n"
         "sys.exit(sum(os.waitpid(pid, 0)[1] != 0 for pid in children))\"";
}

TEST_P(SandboxTest, MemoryIsBoundedForAllProcessesTogether) {
  options_.memory_bytes = 100u << 20;
  if (!has_group(0, options_.memory_bytes)) GTEST_SKIP() << "no control group for memory";
  EXPECT_EQ(run(eat(1)).exit_code, 0);
  EXPECT_NE(run(eat(12)).exit_code, 0);
  options_.memory_bytes = 0;
  EXPECT_EQ(run(eat(12)).exit_code, 0);
}

TEST_P(SandboxTest, WithoutAGroupTheMemoryOfEachProcessIsBounded) {
  const std::unique_ptr<port::Prepared> prepared = port::prepare(options_, {}, GetParam());
  SpawnOptions spawn = prepared->spawn(eat(1));
  spawn.limit_data_bytes = 100u << 20;
  EXPECT_EQ(run_process(spawn, 30).exit_code, 0);
  spawn.limit_data_bytes = 12u << 20;
  EXPECT_NE(run_process(spawn, 30).exit_code, 0);
}

TEST_P(SandboxTest, FileSizeLimit) {
  options_.file_bytes = 1 << 20;
  EXPECT_NE(run("head -c 3000000 /dev/zero > big").exit_code, 0);
  EXPECT_LE(fs::file_size(dir_.path() / "big"), 1u << 20);
}

INSTANTIATE_TEST_SUITE_P(Levels, SandboxTest, testing::Values(SandboxLevel::kNamespaces, SandboxLevel::kLandlock),
                         [](const testing::TestParamInfo<SandboxLevel>& param) { return level_name(param.param); });

TEST(Sandbox, PinnedFilesAreReadOnlyAndLinksAreNotFollowed) {
  if (sandbox_support().level != SandboxLevel::kNamespaces) GTEST_SKIP();
  const TempDir dir;
  const TempDir outside;
  write(dir.path() / "tests" / "a.py", "test");
  write(outside.path() / "b.py", "outside");
  fs::create_directory_symlink(outside.path(), dir.path() / "link");
  SandboxOptions options;
  options.worktree = dir.path();
  options.pinned = {"tests/a.py", "missing.py", "link/b.py", "../x"};
  const Sandbox sandbox(options);
  EXPECT_EQ(sandbox.run("cat tests/a.py", 30).out, "test");
  EXPECT_NE(sandbox.run("echo x > tests/a.py", 30).exit_code, 0);
  EXPECT_NE(sandbox.run("rm -f tests/a.py", 30).exit_code, 0);
  EXPECT_NE(sandbox.run("mv tests/a.py tests/b.py", 30).exit_code, 0);
  EXPECT_EQ(sandbox.run("echo y > tests/new && cat tests/new", 30).out, "y\n");
  EXPECT_EQ(read_file(dir.path() / "tests" / "a.py"), "test");
}

TEST(Sandbox, SamePathForEveryWorktree) {
  if (sandbox_support().level != SandboxLevel::kNamespaces) GTEST_SKIP();
  const TempDir one, two;
  SandboxOptions options;
  options.worktree = one.path();
  const Sandbox first(options);
  options.worktree = two.path();
  const Sandbox second(options);
  EXPECT_EQ(first.run("pwd; hostname; id -u; env | sort", 30).out,
            second.run("pwd; hostname; id -u; env | sort", 30).out);
  EXPECT_EQ(first.run("pwd", 30).out, std::string(kSandboxSource) + "\n");
}

TEST(Sandbox, TemporaryFolderIsLimited) {
  if (sandbox_support().level != SandboxLevel::kNamespaces) GTEST_SKIP();
  const TempDir dir;
  SandboxOptions options;
  options.worktree = dir.path();
  options.tmp_bytes = 1 << 20;
  const Sandbox sandbox(options);
  for (const char* folder : {"/tmp", "/dev/shm", "$HOME", "/var/tmp"}) {
    EXPECT_NE(sandbox.run(std::string("head -c 3000000 /dev/zero > ") + folder + "/big", 30).exit_code, 0) << folder;
  }
  EXPECT_NE(sandbox.run("echo x > /file || echo x > /dev/file", 30).exit_code, 0);
}

TEST(Sandbox, ToolchainsOfTheUserAreThere) {
  const TempDir dir;
  SandboxOptions options;
  options.worktree = dir.path();
  const Sandbox sandbox(options);
  for (const char* program : {"python3", "cargo", "go", "node", "cmake", "g++", "make"}) {
    if (find_program(program).empty()) continue;
    const ProcessResult result =
        sandbox.run(std::string(program) + (program == std::string("go") ? " version" : " --version"), 60);
    EXPECT_EQ(result.exit_code, 0) << program << ": " << result.err;
  }
}

TEST(Sandbox, MissingWorktreeIsAnError) {
  SandboxOptions options;
  options.worktree = "/no/such/folder";
  EXPECT_THROW(Sandbox{options}, Error);
}

}  // namespace
}  // namespace jarvis2::project
