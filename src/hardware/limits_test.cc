#include "hardware/limits.h"

#include <gtest/gtest.h>

#include <string>

#include "base/files.h"
#include "hardware/machine.h"

namespace jarvis2::hardware {
namespace {

constexpr std::uint64_t kGiB = std::uint64_t{1} << 30;
constexpr const char* kVersion2 =
    "25 1 0:5 / /proc rw - proc proc rw\n30 1 0:26 / /sys/fs/cgroup ro,nosuid - cgroup2 cgroup rw,nsdelegate\n";

class RecordedTree : public testing::Test {
 protected:
  void write(const std::string& path, const std::string& text) {
    const fs::path file = root() / path;
    fs::create_directories(file.parent_path());
    write_file_atomic(file, text);
  }
  const fs::path& root() const { return folder_.path(); }

 private:
  TempDir folder_;
};

TEST_F(RecordedTree, NoCgroupsMeansNoLimit) {
  const Limits limits = read_cgroup_limits(root());
  EXPECT_FALSE(limits.cpu_quota);
  EXPECT_FALSE(limits.memory_bytes);
  EXPECT_EQ(read_memory_total(root()), 0U);
}

TEST_F(RecordedTree, ContainerOfHalfACpuAndOneGiB) {
  write("proc/self/mountinfo", kVersion2);
  write("proc/self/cgroup", "0::/\n");
  write("sys/fs/cgroup/cpu.max", "50000 100000\n");
  write("sys/fs/cgroup/memory.max", "1073741824\n");
  write("proc/meminfo", "MemTotal:       25165824 kB\nMemFree: 1 kB\n");
  const Limits limits = read_cgroup_limits(root());
  EXPECT_DOUBLE_EQ(limits.cpu_quota.value(), 0.5);
  EXPECT_EQ(limits.memory_bytes.value(), kGiB);
  EXPECT_EQ(read_memory_total(root()), 24 * kGiB);
  const Machine machine = detect_machine(root());
#ifdef __linux__
  EXPECT_DOUBLE_EQ(machine.cpu_quota.value(), 0.5);
  EXPECT_DOUBLE_EQ(usable_cpus(machine), 0.5);
  EXPECT_EQ(machine.memory_total_bytes, 24 * kGiB);
  EXPECT_EQ(machine.memory_limit_bytes, kGiB);
  EXPECT_EQ(memory_budget_bytes(machine), 912680550U);
#endif
}

TEST_F(RecordedTree, LeastOfAncestorsInVersion2) {
  write("proc/self/mountinfo", kVersion2);
  write("proc/self/cgroup", "0::/user.slice/job.scope/leaf\n");
  write("sys/fs/cgroup/user.slice/cpu.max", "150000 100000\n");
  write("sys/fs/cgroup/user.slice/memory.max", "max\n");
  write("sys/fs/cgroup/user.slice/job.scope/cpu.max", "max 100000\n");
  write("sys/fs/cgroup/user.slice/job.scope/memory.max", "2147483648\n");
  write("sys/fs/cgroup/user.slice/job.scope/leaf/cpu.max", "400000 100000\n");
  write("sys/fs/cgroup/user.slice/job.scope/leaf/memory.max", "8589934592\n");
  const Limits limits = read_cgroup_limits(root());
  EXPECT_DOUBLE_EQ(limits.cpu_quota.value(), 1.5);
  EXPECT_EQ(limits.memory_bytes.value(), 2 * kGiB);
}

TEST_F(RecordedTree, SiblingsDoNotCount) {
  write("proc/self/mountinfo", kVersion2);
  write("proc/self/cgroup", "0::/a\n");
  write("sys/fs/cgroup/a/memory.max", "max\n");
  write("sys/fs/cgroup/b/memory.max", "1048576\n");
  EXPECT_FALSE(read_cgroup_limits(root()).memory_bytes);
}

TEST_F(RecordedTree, Version1WithJoinedControllersAndHybridMount) {
  write("proc/self/mountinfo",
        "31 1 0:28 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
        "32 1 0:29 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
        "33 1 0:30 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n");
  write("proc/self/cgroup", "4:memory:/outer/inner\n2:cpu,cpuacct:/outer\n1:name=systemd:/x\n0::/\n");
  write("sys/fs/cgroup/cpu,cpuacct/outer/cpu.cfs_quota_us", "25000\n");
  write("sys/fs/cgroup/cpu,cpuacct/outer/cpu.cfs_period_us", "100000\n");
  write("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  write("sys/fs/cgroup/memory/outer/memory.limit_in_bytes", "3221225472\n");
  write("sys/fs/cgroup/memory/outer/inner/memory.limit_in_bytes", "9223372036854771712\n");
  const Limits limits = read_cgroup_limits(root());
  EXPECT_DOUBLE_EQ(limits.cpu_quota.value(), 0.25);
  EXPECT_EQ(limits.memory_bytes.value(), 3 * kGiB);
}

TEST_F(RecordedTree, Version1WithoutLimits) {
  write("proc/self/mountinfo",
        "31 1 0:28 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n"
        "32 1 0:29 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n");
  write("proc/self/cgroup", "4:memory:/\n1:cpu:/\n");
  write("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n");
  write("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
  write("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  const Limits limits = read_cgroup_limits(root());
  EXPECT_FALSE(limits.cpu_quota);
  EXPECT_FALSE(limits.memory_bytes);
}

// Docker with version 1: only the container's own part is mounted, under the name that the host gave it.
TEST_F(RecordedTree, MountOfAPartAndAncestorsBeyondIt) {
  write("proc/self/mountinfo", "32 1 0:29 /docker/c\\0401 /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n");
  write("proc/self/cgroup", "4:memory:/docker/c 1/job\n");
  write("sys/fs/cgroup/memory/memory.limit_in_bytes", "4294967296\n");
  write("sys/fs/cgroup/memory/job/memory.limit_in_bytes", "9223372036854771712\n");
  write("sys/fs/cgroup/memory/job/memory.stat", "cache 0\nhierarchical_memory_limit 1073741824\n");
  EXPECT_EQ(read_cgroup_limits(root()).memory_bytes.value(), kGiB);
}

TEST_F(RecordedTree, GroupOutsideTheNameSpaceFallsBackToTheMount) {
  write("proc/self/mountinfo", kVersion2);
  write("proc/self/cgroup", "0::/../other\n");
  write("sys/fs/cgroup/memory.max", "2147483648\n");
  EXPECT_EQ(read_cgroup_limits(root()).memory_bytes.value(), 2 * kGiB);
}

}  // namespace
}  // namespace jarvis2::hardware
