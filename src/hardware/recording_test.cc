#include <gtest/gtest.h>

#include <map>
#include <string>

#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "hardware/apple.h"
#include "hardware/machine.h"
#include "hardware/recording_parts.h"
#include "hardware/text.h"
#include "hardware/workers.h"

namespace jarvis2::hardware {
namespace {

constexpr std::uint64_t kGiB = std::uint64_t{1} << 30;

Machine record(const std::map<std::string, std::string>& files) {
  const TempDir folder;
  for (const auto& [name, text] : files) {
    fs::create_directories((folder.path() / name).parent_path());
    write_file_atomic(folder.path() / name, text);
  }
  return machine_from_recording(folder.path());
}

TEST(Text, SizesAndLists) {
  EXPECT_EQ(size_bytes("24 GB"), 24 * kGiB);
  EXPECT_EQ(size_bytes("143771 MiB"), 143771ULL << 20);
  EXPECT_EQ(size_bytes("1.5G"), kGiB * 3 / 2);
  EXPECT_EQ(size_bytes("9223372036854771712"), 9223372036854771712ULL);
  EXPECT_FALSE(size_bytes("max"));
  EXPECT_EQ(cpu_list("0-2,8"), (std::vector<int>{0, 1, 2, 8}));
  EXPECT_FALSE(cpu_list("3-1"));
  EXPECT_FALSE(cpu_list("all"));
}

TEST(Apple, LevelsWithoutNamesAndThreeTiers) {
  AppleFacts facts;
  facts.sysctl = parse_sysctl(
      "hw.perflevel0.physicalcpu: 8\nhw.perflevel1.physicalcpu: 2\nmachdep.cpu.brand_string: Apple M1 Pro\n");
  Machine machine = apple_machine(facts);
  ASSERT_EQ(machine.tiers.size(), 2U);
  EXPECT_EQ(machine.tiers[1].kind, "efficiency");
  facts.sysctl = parse_sysctl(
      "hw.perflevel0.name=Super\nhw.perflevel0.physicalcpu=2\nhw.perflevel1.name=Performance\nhw.perflevel1."
      "physicalcpu=4\n"
      "hw.perflevel2.name=Efficiency\nhw.perflevel2.physicalcpu=6\n");
  machine = apple_machine(facts);
  ASSERT_EQ(machine.tiers.size(), 3U);
  EXPECT_EQ(machine.tiers[0].kind, "super");
  EXPECT_EQ(performance_cores(machine), 6);
  EXPECT_EQ(efficiency_cores(machine), 6);
  EXPECT_EQ(workers(machine).search, 6);
}

TEST(Apple, RegistryInItsForms) {
  // Lines alone, as grep leaves them; the count as data; a driver's entry beside the device tree's.
  EXPECT_EQ(parse_ioreg("    | |   |   \"gpu-core-count\" = 20\n").gpus.at(0).cores, 20);
  EXPECT_EQ(parse_ioreg("\"gpu-core-count\" = <14000000>\n").gpus.at(0).cores, 20);
  const Registry both = parse_ioreg(
      "+-o sgx@6400000  <class AppleARMIODevice, id 0x1>\n  {\n    \"gpu-core-count\" = <14000000>\n  }\n"
      "  +-o AGXAcceleratorG16X  <class AGXAcceleratorG16X, id 0x2>\n    {\n      \"model\" = \"Apple M4 Pro\"\n"
      "      \"gpu-core-count\" = 20\n      \"PerformanceStatistics\" = {\"In use system memory (driver)\"=0,\"Device "
      "Utilization "
      "%\"=42,\"In use system memory\"=4096}\n    }\n");
  ASSERT_EQ(both.gpus.size(), 1U);
  EXPECT_EQ(both.gpus[0].name, "Apple M4 Pro");
  EXPECT_DOUBLE_EQ(both.gpus[0].utilization.value(), 0.42);
  EXPECT_EQ(both.gpus[0].used_bytes.value(), 4096U);
  const Registry xml = parse_ioreg(
      "<?xml version=\"1.0\"?><plist version=\"1.0\"><array><dict><key>gpu-core-count</key><integer>10</integer>"
      "<key>model</key><string>Apple M4</string></dict></array></plist>");
  EXPECT_EQ(xml.gpus.at(0).cores, 10);
  EXPECT_EQ(xml.gpus.at(0).name, "Apple M4");
}

TEST(Apple, RegistryAloneKnowsClusters) {
  std::string text;
  for (int cpu = 0; cpu < 6; ++cpu) {
    text += "+-o cpu" + std::to_string(cpu) +
            "  <class IOPlatformDevice>\n {\n  \"logical-cpu-id\" = " + std::to_string(cpu) +
            "\n  \"cluster-type\" = <\"" + (cpu < 2 ? "E" : "P") + "\">\n }\n";
  }
  AppleFacts facts;
  facts.registry = parse_ioreg(text);
  const Machine machine = apple_machine(facts);
  ASSERT_EQ(machine.tiers.size(), 2U);
  EXPECT_EQ(machine.tiers[0].cpus, (std::vector<int>{2, 3, 4, 5}));
  EXPECT_EQ(machine.tiers[1].cpus, (std::vector<int>{0, 1}));
}

TEST(Apple, SystemProfilerAsTextIsAMachine) {
  const Machine machine =
      record({{"profile.txt",
               "Hardware:\n\n    Hardware Overview:\n\n      Model Name: MacBook Pro\n      Chip: Apple M4 Pro\n"
               "      Total Number of Cores: 12 (8 performance and 4 efficiency)\n      Memory: 24 "
               "GB\n\nGraphics/Displays:\n\n"
               "    Apple M4 Pro:\n\n      Chipset Model: Apple M4 Pro\n      Type: GPU\n      Bus: Built-In\n      "
               "Total Number of Cores: 20\n"}});
  EXPECT_EQ(performance_cores(machine), 8);
  EXPECT_EQ(efficiency_cores(machine), 4);
  EXPECT_EQ(machine.memory_limit_bytes, 24 * kGiB);
  ASSERT_EQ(machine.gpus.size(), 1U);
  EXPECT_EQ(machine.gpus[0].cores, 20);
  EXPECT_TRUE(machine.unified);
  EXPECT_EQ(workers(machine).neural, 5);
}

TEST(Apple, IntelMacHasOneTierAndNoUnifiedMemory) {
  const Machine machine = record({{"sysctl",
                                   "hw.memsize: 17179869184\nhw.physicalcpu: 8\nhw.logicalcpu: 16\n"
                                   "machdep.cpu.brand_string: Intel(R) Core(TM) i9-9880H CPU @ 2.30GHz\n"}});
  ASSERT_EQ(machine.tiers.size(), 1U);
  EXPECT_EQ(machine.tiers[0].cores, 8);
  EXPECT_EQ(logical_cpus(machine), 16);
  EXPECT_FALSE(machine.unified);
  EXPECT_TRUE(machine.gpus.empty());
}

TEST(Apple, SettingsInFilesOfTheirOwn) {
  const Machine machine = record({{"sysctl/hw.memsize", "25769803776\n"},
                                  {"sysctl/hw.perflevel0.physicalcpu", "8\n"},
                                  {"sysctl/hw.perflevel0.name", "Performance\n"},
                                  {"sysctl/hw.perflevel1.physicalcpu", "4\n"},
                                  {"sysctl/hw.perflevel1.name", "Efficiency\n"},
                                  {"ioreg", "\"gpu-core-count\" = 20\n"}});
  EXPECT_EQ(performance_cores(machine), 8);
  EXPECT_EQ(efficiency_cores(machine), 4);
  EXPECT_EQ(machine.memory_total_bytes, 24 * kGiB);
}

TEST(Linux, LscpuInItsForms) {
  CpuRecord table;
  EXPECT_TRUE(read_lscpu(
      "CPU NODE SOCKET CORE L1d:L1i:L2:L3 ONLINE\n0 0 0 0 0:0:0:0 yes\n1 0 0 0 0:0:0:0 yes\n2 1 1 1 1:1:1:1 yes\n"
      "3 1 1 1 1:1:1:1 yes\n",
      table));
  EXPECT_EQ(tiers_of(table).at(0).cores, 2);
  EXPECT_EQ(numa_of(table).size(), 2U);
  CpuRecord csv;
  EXPECT_TRUE(
      read_lscpu("# The following\n# CPU,Core,Socket,Node,,L1d,L1i,L2,L3\n0,0,0,0,,0,0,0,0\n1,1,0,0,,1,1,1,0\n", csv));
  EXPECT_EQ(tiers_of(csv).at(0).cores, 2);
  CpuRecord json;
  EXPECT_TRUE(read_lscpu(R"({"lscpu": [{"field": "CPU(s):", "data": "4"}, {"field": "Model name:", "data": "X",
    "children": [{"field": "Thread(s) per core:", "data": "2"}, {"field": "Core(s) per socket:", "data": "2"},
    {"field": "Socket(s):", "data": "1"}]}]})",
                         json));
  EXPECT_EQ(tiers_of(json).at(0).cores, 2);
  EXPECT_EQ(tiers_of(json).at(0).cpus.size(), 4U);
  CpuRecord arm;
  EXPECT_TRUE(read_lscpu(
      "CPU(s): 8\nModel name: Cortex-A55\nThread(s) per core: 1\nCore(s) per socket: 4\nSocket(s): 1\n"
      "Model name: Cortex-A76\nThread(s) per core: 1\nCore(s) per socket: 4\nSocket(s): 1\nNUMA node0 CPU(s): 0-7\n",
      arm));
  ASSERT_EQ(tiers_of(arm).size(), 2U);
  EXPECT_EQ(tiers_of(arm)[0].name, "Cortex-A76");
  EXPECT_EQ(tiers_of(arm)[1].kind, "efficiency");
}

TEST(Linux, CapacitiesMakeTiersAndSmallDifferencesDoNot) {
  CpuRecord record;
  for (int cpu = 0; cpu < 8; ++cpu) {
    read_sysfs("sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/cpu_capacity",
               cpu < 4   ? "446\n"
               : cpu < 7 ? "1000\n"
                         : "1024\n",
               record);
  }
  const std::vector<Tier> tiers = tiers_of(record);
  ASSERT_EQ(tiers.size(), 2U);
  EXPECT_EQ(tiers[0].cores, 4);
  EXPECT_EQ(tiers[1].kind, "efficiency");
}

TEST(Nvidia, FormsOfItsTools) {
  for (
      const std::string text :
      {"name, memory.total [MiB]\nNVIDIA H200, 143771 MiB\n", "NVIDIA H200, 143771\n",
       "0, NVIDIA H200, GPU-1234, 143771 MiB\n",
       "==NVSMI LOG==\nGPU 00000000:3B:00.0\n    Product Name  : NVIDIA H200\n    FB Memory Usage\n        Total  : "
       "143771 MiB\n"
       "        Used : 1 MiB\n    BAR1 Memory Usage\n        Total : 262144 MiB\n",
       "| NVIDIA-SMI 580.1   Driver Version: 580.1   CUDA Version: 13.0 |\n|   0  NVIDIA H200      On  |   "
       "00000000:3B:00.0 Off |   0 |\n"
       "| N/A   33C    P0    76W /  700W |       1MiB / 143771MiB |      0%      Default |\n",
       "<nvidia_smi_log><gpu><product_name>NVIDIA H200</product_name><fb_memory_usage><total>143771 "
       "MiB</total></fb_memory_usage>"
       "</gpu></nvidia_smi_log>",
       R"({"devices": [{"name": "NVIDIA H200", "memory": {"total": 150754820096, "used": 1}, "multiprocessors": 132}]})",
       R"([{"name": "NVIDIA H200", "memory_total_bytes": 150754820096}])",
       "name: NVIDIA H200\nmemory.total: 143771 MiB\nmultiprocessors: 132\n"}) {
    const std::vector<Gpu> gpus = read_nvidia(text);
    ASSERT_EQ(gpus.size(), 1U) << text;
    EXPECT_EQ(gpus[0].name, "NVIDIA H200") << text;
    EXPECT_EQ(gpus[0].backend, "cuda");
    EXPECT_EQ(gpus[0].memory_bytes, 143771ULL << 20) << text;
    EXPECT_EQ(gpus[0].cores, text.find("multiprocessors") != std::string::npos ? 132 : 0);
  }
  EXPECT_EQ(read_nvidia("GPU 0: NVIDIA H200 (UUID: GPU-1)\nGPU 1: NVIDIA H200 (UUID: GPU-2)\n").size(), 2U);
  EXPECT_TRUE(read_nvidia("no devices were found").empty());
}

TEST(Recording, WhatIsUnknownIsRefused) {
  EXPECT_THROW(record({{"letter.txt", "Dear machine,\nhow are you?\n"}}), Error);
  EXPECT_THROW(record({}), Error);
}

TEST(Machine, SurvivesItsJson) {
  const Machine machine =
      record({{"sysctl",
               "hw.memsize: 25769803776\nhw.perflevel0.physicalcpu: 8\nhw.perflevel0.l2cachesize: 16777216\n"
               "hw.perflevel1.physicalcpu: 4\nmachdep.cpu.brand_string: Apple M4 Pro\n"},
              {"cpu.max", "150000 100000\n"}});
  Json json = to_json(machine);
  EXPECT_DOUBLE_EQ(json["cpu"]["quota"].get<double>(), 1.5);
  const Machine again = machine_of_json(json);
  EXPECT_EQ(to_json(again).dump(), (json.erase("sources"), json.dump()));
}

}  // namespace
}  // namespace jarvis2::hardware
