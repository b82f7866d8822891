// jarvis2 hw: what this machine is.
#include <fmt/format.h>

#include <cstdio>
#include <thread>

#include "app/app.h"
#include "base/error.h"
#include "base/json.h"

namespace jarvis2::app {

Command add_hw(CLI::App& root, Common& common) {
  CLI::App* app = root.add_subcommand("hw", "Show the machine");
  return {app, [&common] {
            const Json json = {{"cpu", {{"logical", std::thread::hardware_concurrency()}}}};
            if (common.json) fmt::print("{}\n", json.dump(2));
            return kDone;
          }};
}

}  // namespace jarvis2::app
