#include <gtest/gtest.h>

#include <string>

#include "base/files.h"
#include "base/json.h"
#include "hardware/monitor.h"

namespace jarvis2::hardware {
namespace {

class RecordedCounters : public testing::Test {
 protected:
  void write(const std::string& path, const std::string& text) {
    fs::create_directories((root() / path).parent_path());
    write_file_atomic(root() / path, text);
  }
  const fs::path& root() const { return folder_.path(); }

  Machine machine() const {
    Machine machine;
    machine.tiers = {{"big", "performance", 2, {2, 3}, {}}, {"little", "efficiency", 2, {0, 1}, {}}};
    machine.memory_total_bytes = machine.memory_limit_bytes = 1000ULL * 1024;
    return machine;
  }

 private:
  TempDir folder_;
};

TEST_F(RecordedCounters, UtilisationIsTheTimeBetweenSamplesByTier) {
  write("proc/stat",
        "cpu 0 0 0 0\ncpu0 10 0 0 90 0 0 0 0 0 0\ncpu1 0 0 0 100\ncpu2 0 0 0 100\ncpu3 0 0 0 100\nintr 1\n");
  write("proc/meminfo", "MemTotal: 1000 kB\nMemAvailable: 400 kB\nSwapTotal: 50 kB\nSwapFree: 20 kB\n");
  write("proc/pressure/memory",
        "some avg10=12.50 avg60=1.00 avg300=0.10 total=123\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n");
  write("proc/loadavg", "1.25 1.00 0.50 1/100 4242\n");
  write("sys/devices/system/cpu/cpu2/cpufreq/scaling_cur_freq", "3200000\n");
  Sampler sampler(machine(), root());
  // cpu0 idles (waiting for disks is idle), cpu2 works all the time, cpu3 half of it, a quarter of that for the system.
  write("proc/stat", "cpu 0 0 0 0\ncpu0 10 0 0 140 50\ncpu1 0 0 0 200\ncpu2 50 30 10 100 0 5 5\ncpu3 30 0 20 150\n");
  const Sample sample = sampler.sample();
  ASSERT_EQ(sample.tiers.size(), 2U);
  EXPECT_DOUBLE_EQ(sample.tiers[0].utilization, 0.75);
  EXPECT_DOUBLE_EQ(sample.tiers[0].frequency_mhz.value(), 3200);
  EXPECT_DOUBLE_EQ(sample.tiers[1].utilization, 0);
  EXPECT_FALSE(sample.tiers[1].frequency_mhz);
  EXPECT_DOUBLE_EQ(sample.utilization, 0.375);
  EXPECT_EQ(sample.cpus, (std::vector<double>{1.0, 0.5, 0.0, 0.0}));
  EXPECT_EQ(sample.memory.used_bytes, 600U * 1024);
  EXPECT_EQ(sample.memory.swap_used_bytes, 30U * 1024);
  EXPECT_DOUBLE_EQ(sample.memory.pressure, 0.125);
  EXPECT_EQ(sample.memory.pressure_source, "psi");
  EXPECT_DOUBLE_EQ(sample.load_average, 1.25);
  const Json json = to_json(sample);
  EXPECT_DOUBLE_EQ(json["cpu"]["tiers"][0]["utilization"].get<double>(), 0.75);
}

TEST_F(RecordedCounters, AGroupWithALimitCountsItsOwnMemory) {
  write("proc/stat", "cpu0 0 0 0 100\n");
  write("proc/meminfo", "MemTotal: 100000 kB\nMemAvailable: 40000 kB\n");
  write("sys/fs/cgroup/memory.current", "1020000\n");
  write("sys/fs/cgroup/memory.stat", "anon 900000\ninactive_file 20000\n");
  Machine small = machine();
  small.memory_limit_bytes = 1000000;
  Sampler sampler(small, root());
  const Sample sample = sampler.sample();
  EXPECT_EQ(sample.memory.used_bytes, 1000000U);
  EXPECT_EQ(sample.memory.limit_bytes, 1000000U);
  EXPECT_EQ(sample.memory.pressure_source, "estimated");
  EXPECT_DOUBLE_EQ(sample.memory.pressure, 1);
}

TEST_F(RecordedCounters, GraphicsCardsOfSysfsAndOfTheirUsers) {
  write("proc/stat", "cpu0 0 0 0 100\n");
  write("sys/class/drm/card0/device/uevent", "DRIVER=amdgpu\nPCI_SLOT_NAME=0000:03:00.0\n");
  write("sys/class/drm/card0/device/gpu_busy_percent", "37\n");
  write("sys/class/drm/card0/device/mem_info_vram_total", "8589934592\n");
  write("sys/class/drm/card0/device/mem_info_vram_used", "1073741824\n");
  write("sys/class/drm/card1/device/uevent", "DRIVER=i915\nPCI_SLOT_NAME=0000:00:02.0\n");
  write("sys/class/drm/card2/device/uevent",
        "DRIVER=ast\nPCI_SLOT_NAME=0000:04:00.0\n");  // shows pictures, computes nothing
  const auto client = [&](const std::string& ns) {
    write("proc/77/fdinfo/5",
          "pos: 0\ndrm-driver: i915\ndrm-client-id: 9\ndrm-pdev: 0000:00:02.0\ndrm-engine-render: " + ns + " ns\n");
  };
  client("1000");
  write("proc/77/comm", "game\n");
  fs::create_directories(root() / "proc/77/fd");
  fs::create_symlink("/dev/dri/renderD128", root() / "proc/77/fd/5");
  Sampler sampler(machine(), root());
  client("900000000000");  // far more than has passed: busy all the time
  const Sample sample = sampler.sample();
  ASSERT_GE(sample.gpus.size(), 2U);
  const GpuLoad& amd = sample.gpus[sample.gpus.size() - 2];
  const GpuLoad& intel = sample.gpus.back();
  EXPECT_DOUBLE_EQ(amd.utilization.value(), 0.37);
  EXPECT_EQ(amd.source, "sysfs");
  EXPECT_EQ(amd.memory_bytes.value(), 1073741824U);
  EXPECT_DOUBLE_EQ(intel.utilization.value(), 1.0);
  EXPECT_EQ(intel.source, "estimated");
  ASSERT_EQ(intel.processes.size(), 1U);
  EXPECT_EQ(intel.processes[0].name, "game");
}

TEST_F(RecordedCounters, NamesOfProcessesMayHoldAnything) {
  const auto write_process = [&](const std::string& ticks) {
    write("proc/42/stat", "42 (a) (b c) S 1 42 42 0 -1 4194304 0 0 0 0 " + ticks + " 0 20 0 1 0 100 1000000 25 184467");
  };
  write_process("100 50");
  ProcessSampler sampler(root());
  write_process("300 60");
  const std::vector<ProcessLoad> processes = sampler.sample();
  ASSERT_EQ(processes.size(), 1U);
  EXPECT_EQ(processes[0].pid, 42);
  EXPECT_EQ(processes[0].name, "a) (b c");
  EXPECT_GT(processes[0].cpus, 0);
  EXPECT_GT(processes[0].memory_bytes, 0U);
}

TEST_F(RecordedCounters, NothingRecordedIsNothingUsed) {
  Sampler sampler(machine(), root());
  const Sample sample = sampler.sample();
  EXPECT_EQ(sample.memory.used_bytes, 0U);
  EXPECT_DOUBLE_EQ(sample.utilization, 0);
}

}  // namespace
}  // namespace jarvis2::hardware
