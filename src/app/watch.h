// The commands of the meta system.
#pragma once

#include "app/app.h"

namespace jarvis2::app {

Command add_watch(CLI::App& root, Common& common);
Command add_status(CLI::App& root, Common& common);
Command add_stop(CLI::App& root, Common& common);

}  // namespace jarvis2::app
