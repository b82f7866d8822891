#include "hardware/topology.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "hardware/workers.h"

namespace jarvis2::hardware {
namespace {

std::string mask(unsigned first, unsigned count) {
  return fmt::format("0x{:08x}", ((std::uint64_t{1} << count) - 1) << first);
}

// hwloc's XML of one package: `threads[i]` logical CPUs in core i; `kinds` and `devices` are elements.
std::string topology_xml(const std::vector<unsigned>& threads, std::uint64_t memory_bytes, const std::string& model,
                         const std::string& kinds, const std::string& devices = "") {
  unsigned cpus = 0;
  for (const unsigned count : threads) cpus += count;
  const std::string all = mask(0, cpus);
  const auto sets = [](const std::string& set) {
    return fmt::format("cpuset=\"{0}\" complete_cpuset=\"{0}\" nodeset=\"0x00000001\" complete_nodeset=\"0x00000001\"",
                       set);
  };
  std::string xml = fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!DOCTYPE topology SYSTEM \"hwloc2.dtd\">\n<topology "
      "version=\"2.0\">\n"
      "<object type=\"Machine\" os_index=\"0\" {0} allowed_cpuset=\"{1}\" allowed_nodeset=\"0x00000001\" "
      "gp_index=\"1\">\n"
      "<object type=\"Package\" os_index=\"0\" {0} gp_index=\"2\"><info name=\"CPUModel\" value=\"{2}\"/>\n"
      "<object type=\"NUMANode\" os_index=\"0\" {0} gp_index=\"3\" local_memory=\"{3}\">"
      "<page_type size=\"4096\" count=\"{4}\"/></object>\n",
      sets(all), all, model, memory_bytes, memory_bytes / 4096);
  unsigned cpu = 0;
  for (std::size_t core = 0; core < threads.size(); ++core) {
    xml += fmt::format("<object type=\"Core\" os_index=\"{}\" {} gp_index=\"{}\">", core,
                       sets(mask(cpu, threads[core])), 100 + core);
    for (unsigned i = 0; i < threads[core]; ++i, ++cpu) {
      xml += fmt::format("<object type=\"PU\" os_index=\"{0}\" {1} gp_index=\"{2}\"/>", cpu, sets(mask(cpu, 1)),
                         200 + cpu);
    }
    xml += "</object>\n";
  }
  return xml + "</object>\n" + devices + "</object>\n" + kinds + "</topology>\n";
}

std::string kind_xml(unsigned first, unsigned count, const std::string& attributes, const std::string& infos) {
  return fmt::format("<cpukind cpuset=\"{}\" {}>{}</cpukind>\n", mask(first, count), attributes, infos);
}

std::string info_xml(const std::string& name, const std::string& value) {
  return fmt::format("<info name=\"{}\" value=\"{}\"/>", name, value);
}

Machine read(const std::string& xml) {
  const TempDir folder;
  const fs::path path = folder.path() / "machine.xml";
  write_file_atomic(path, xml);
  return machine_from_hwloc_xml(path);
}

constexpr std::uint64_t kGiB = std::uint64_t{1} << 30;

std::string m4_pro(const std::string& efficient, const std::string& fast) {
  const std::string gpu =
      "<object type=\"OSDev\" gp_index=\"900\" name=\"opencl0d0\" subtype=\"OpenCL\" osdev_type=\"5\">" +
      info_xml("OpenCLDeviceType", "GPU") + info_xml("GPUVendor", "Apple") + info_xml("GPUModel", "Apple M4 Pro") +
      info_xml("OpenCLComputeUnits", "20") + info_xml("OpenCLGlobalMemorySize", "18874368") + "</object>\n";
  return topology_xml(std::vector<unsigned>(12, 1), 24 * kGiB, "Apple M4 Pro",
                      kind_xml(0, 4, efficient, info_xml("DarwinCompatible", "apple,sawtooth;ARM,v8")) +
                          kind_xml(4, 8, fast, info_xml("DarwinCompatible", "apple,everest;ARM,v8")),
                      gpu);
}

void expect_m4_pro(const Machine& machine) {
  ASSERT_EQ(machine.tiers.size(), 2U);
  EXPECT_EQ(machine.tiers[0].name, "everest");
  EXPECT_EQ(machine.tiers[0].kind, "performance");
  EXPECT_EQ(machine.tiers[0].cores, 8);
  EXPECT_EQ(machine.tiers[0].cpus, (std::vector<int>{4, 5, 6, 7, 8, 9, 10, 11}));
  EXPECT_EQ(machine.tiers[1].kind, "efficiency");
  EXPECT_EQ(machine.tiers[1].cores, 4);
  EXPECT_EQ(logical_cpus(machine), 12);
  EXPECT_EQ(machine.memory_total_bytes, 24 * kGiB);
  EXPECT_TRUE(machine.unified);
  ASSERT_EQ(machine.gpus.size(), 1U);
  EXPECT_EQ(machine.gpus[0].backend, "metal");
  EXPECT_EQ(machine.gpus[0].cores, 20);
  const Workers count = workers(machine);
  EXPECT_EQ(count.neural, 5);
  EXPECT_EQ(count.search, 8);
  EXPECT_EQ(count.io, 8);
}

TEST(Topology, M4ProIsEightAndFour) {
  expect_m4_pro(read(m4_pro("forced_efficiency=\"0\"", "forced_efficiency=\"1\"")));
}

TEST(Topology, AppleWithoutRanksIsToldByName) {
  expect_m4_pro(read(m4_pro("", "")));
}

TEST(Topology, IntelHybrid) {
  // Six cores of two threads, eight of one; turbo bins split the big ones.
  std::vector<unsigned> threads(14, 1);
  std::fill_n(threads.begin(), 6, 2U);
  const std::string big = info_xml("CoreType", "IntelCore");
  const Machine machine =
      read(topology_xml(threads, 32 * kGiB, "12th Gen Intel(R) Core(TM) i7-12700H",
                        kind_xml(12, 8, "", info_xml("CoreType", "IntelAtom") + info_xml("FrequencyMaxMHz", "3500")) +
                            kind_xml(0, 8, "", big + info_xml("FrequencyMaxMHz", "4600")) +
                            kind_xml(8, 4, "", big + info_xml("FrequencyMaxMHz", "4700"))));
  ASSERT_EQ(machine.tiers.size(), 2U);
  EXPECT_EQ(machine.tiers[0].name, "IntelCore");
  EXPECT_EQ(performance_cores(machine), 6);
  EXPECT_EQ(machine.tiers[0].cpus.size(), 12U);
  EXPECT_EQ(machine.tiers[1].name, "IntelAtom");
  EXPECT_EQ(efficiency_cores(machine), 8);
  EXPECT_EQ(logical_cpus(machine), 20);
  EXPECT_FALSE(machine.unified);
  const Workers count = workers(machine);
  EXPECT_EQ(count.neural, 1);
  EXPECT_EQ(count.search, 6);
  EXPECT_EQ(count.io, 16);
}

TEST(Topology, FrequencyAloneMakesNoTier) {
  const Machine machine = read(topology_xml(std::vector<unsigned>(8, 1), kGiB, "Grace",
                                            kind_xml(0, 2, "", info_xml("FrequencyMaxMHz", "3393")) +
                                                kind_xml(2, 6, "", info_xml("FrequencyMaxMHz", "3447"))));
  ASSERT_EQ(machine.tiers.size(), 1U);
  EXPECT_EQ(machine.tiers[0].kind, "performance");
  EXPECT_EQ(machine.tiers[0].cores, 8);
}

TEST(Topology, ArmCapacities) {
  const Machine machine =
      read(topology_xml(std::vector<unsigned>(8, 1), kGiB, "",
                        kind_xml(0, 4, "forced_efficiency=\"0\"", info_xml("LinuxCapacity", "400")) +
                            kind_xml(4, 4, "forced_efficiency=\"1\"", info_xml("LinuxCapacity", "1024"))));
  EXPECT_EQ(performance_cores(machine), 4);
  EXPECT_EQ(efficiency_cores(machine), 4);
}

TEST(Topology, WithoutKindsThereIsOneTier) {
  const Machine machine = read(topology_xml(std::vector<unsigned>(4, 2), 2 * kGiB, "Some server", ""));
  ASSERT_EQ(machine.tiers.size(), 1U);
  EXPECT_EQ(machine.tiers[0].name, "performance");
  EXPECT_EQ(machine.tiers[0].cores, 4);
  EXPECT_EQ(logical_cpus(machine), 8);
  EXPECT_EQ(efficiency_cores(machine), 0);
  EXPECT_TRUE(machine.gpus.empty());
  const Json json = to_json(machine);
  EXPECT_TRUE(json["cpu"]["quota"].is_null());
  EXPECT_EQ(json["memory"]["limit_bytes"], 2 * kGiB);
}

TEST(Topology, WhatIsNotHwlocXmlIsRefused) {
  const TempDir folder;
  const fs::path text = folder.path() / "notes.xml";
  write_file_atomic(text, "hello");
  const fs::path broken = folder.path() / "broken.xml";
  write_file_atomic(broken, "<topology version=\"2.0\"><object type=");
  for (const fs::path& path : {text, broken, folder.path()}) {
    try {
      machine_from_hwloc_xml(path);
      ADD_FAILURE() << path;
    } catch (const Error& error) {
      EXPECT_NE(error.message().find("not a hwloc XML file"), std::string::npos) << error.message();
    }
  }
  EXPECT_THROW(machine_from_hwloc_xml(folder.path() / "absent.xml"), Error);
}

TEST(Workers, QuotaAndAffinityClamp) {
  Machine machine = read(m4_pro("", ""));
  machine.cpu_quota = 0.5;
  Workers count = workers(machine);
  EXPECT_EQ(count.neural, 1);
  EXPECT_EQ(count.search, 1);
  EXPECT_EQ(count.io, 2);
  machine.cpu_quota.reset();
  machine.affinity = {4, 5, 6};
  count = workers(machine);
  EXPECT_EQ(count.neural, 3);
  EXPECT_EQ(count.search, 3);
  EXPECT_EQ(count.io, 6);
}

TEST(Detection, ThisMachineIsPlausible) {
  const Machine& machine = this_machine();
  EXPECT_GE(performance_cores(machine), 1);
  EXPECT_GE(logical_cpus(machine), performance_cores(machine) + efficiency_cores(machine));
  EXPECT_GT(usable_cpus(machine), 0);
  EXPECT_GT(machine.memory_limit_bytes, 0U);
  EXPECT_LE(machine.memory_limit_bytes, machine.memory_total_bytes);
}

}  // namespace
}  // namespace jarvis2::hardware
