// jarvis2 audit --mine.
#pragma once

#include <string>

#include "app/app.h"
#include "edit/mine.h"

namespace jarvis2::app {

struct MineOptions {
  std::string dir = ".";
  std::string write;  // a folder for the rules; empty: none
  edit::MineOptions mine;
};
int mine(const MineOptions& options, const Common& common);

}  // namespace jarvis2::app
