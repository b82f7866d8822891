// jarvis2 top: what the machine is doing, live or once.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <thread>

#include "app/app.h"
#include "app/top_view.h"
#include "base/error.h"
#include "base/interrupt.h"
#include "base/json.h"
#include "hardware/machine.h"
#include "hardware/monitor.h"

namespace jarvis2::app {
namespace {

void wait(double seconds) {
  const std::chrono::steady_clock::time_point end =
      std::chrono::steady_clock::now() + std::chrono::milliseconds(static_cast<int>(seconds * 1000));
  while (!interrupted() && std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(std::min<std::chrono::steady_clock::duration>(std::chrono::milliseconds(50),
                                                                              end - std::chrono::steady_clock::now()));
  }
  check_interrupt();
}

std::string percent(double share) {
  return fmt::format("{:.0f} %", share * 100);
}

std::string gib(std::uint64_t bytes) {
  return fmt::format("{:.1f} GiB", static_cast<double>(bytes) / (1024.0 * 1024.0 * 1024.0));
}

void print_text(const hardware::Sample& sample) {
  fmt::print("CPU      {} of all\n", percent(sample.utilization));
  for (const hardware::TierLoad& tier : sample.tiers) {
    fmt::print("         {}: {}{}\n", tier.name, percent(tier.utilization),
               tier.frequency_mhz ? fmt::format(", {:.0f} MHz", *tier.frequency_mhz) : "");
  }
  if (sample.temperature_c) fmt::print("         {:.0f} °C ({})\n", *sample.temperature_c, sample.temperature_source);
  for (const hardware::GpuLoad& gpu : sample.gpus) {
    fmt::print("GPU      {}: {} ({}){}\n", gpu.name, gpu.utilization ? percent(*gpu.utilization) : "n/a", gpu.source,
               gpu.memory_bytes ? ", " + gib(*gpu.memory_bytes) + " in use" : "");
  }
  if (sample.gpus.empty()) fmt::print("GPU      none\n");
  fmt::print("Memory   {} of {} in use, pressure {} ({})\n", gib(sample.memory.used_bytes),
             gib(sample.memory.limit_bytes), percent(sample.memory.pressure), sample.memory.pressure_source);
}

}  // namespace

Command add_top(CLI::App& root, Common& common) {
  struct Options {
    bool once = false;
    double interval = 1.0;
  };
  CLI::App* app = root.add_subcommand("top", "Watch the machine: processors by tier, GPUs, memory");
  const std::shared_ptr<Options> options = std::make_shared<Options>();
  app->add_flag("--once", options->once, "Print one sample and end");
  app->add_option("--interval", options->interval, "Seconds between samples")->check(CLI::Range(0.1, 60.0));
  return {app, [app, options, &common] {
            const hardware::Machine& machine = hardware::this_machine();
            if (!options->once && !common.json && ::isatty(0) == 1 && ::isatty(1) == 1) {
              return watch_machine(machine, options->interval);
            }
            hardware::Sampler sampler(machine);
            // Without a terminal, samples follow each other until the reader has enough.
            do {
              wait(options->once && app->count("--interval") == 0 ? 0.5 : options->interval);
              const hardware::Sample sample = sampler.sample();
              if (common.json) {
                fmt::print("{}\n",
                           options->once ? hardware::to_json(sample).dump(2) : hardware::to_json(sample).dump());
              } else {
                print_text(sample);
              }
              if (std::fflush(stdout) != 0) return static_cast<int>(kDone);
            } while (!options->once);
            return static_cast<int>(kDone);
          }};
}

}  // namespace jarvis2::app
