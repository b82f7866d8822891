// Actions: single changes that the search combines. Plain values; the catalogue owns them.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "code/syntax.h"

namespace jarvis2::edit {

// Bytes [range) of the base commit's file become `text`.
struct Replacement {
  std::string path;         // in the repository, '/' separated
  std::string base_sha256;  // of the whole file the range refers to; empty: the file does not exist yet (range 0,0)
  code::Range range;
  std::string text;
};

enum class Kind { kRewrite, kOption, kConstant, kCompile, kModel };
enum class Safety { kAlwaysSafe, kSafeIfVerified };
std::string kind_name(Kind kind);  // "rewrite", "option", "constant", "compile", "model"

using ActionId = std::uint32_t;  // index in the catalogue

struct Action {
  ActionId id = 0;
  std::uint64_t key = 0;  // random-looking, from the content: states are the XOR of their actions' keys
  Kind kind = Kind::kRewrite;
  std::string rule;   // "python/hoist-attribute-chain", "option/lto", "constant/src/config.py:BLOCK"
  std::string title;  // one line for people: what changes, where
  std::string note;   // where meaning could differ, the fact relied on; empty for always-safe
  Safety safety = Safety::kSafeIfVerified;
  std::string path;          // of the site; the build file for options
  std::uint32_t line = 0;    // 1-based
  code::Range site;          // bytes of the base file that the rule matched
  std::string symbol;        // enclosing function or class, qualified; empty at file level
  double share = 0;          // of the benchmark's time spent in the site's function (0..1), lines where known
  double line_share = 0;     // of the time spent on the lines of the site itself
  double prior_ratio = 1.0;  // speed-up of the enclosing hot code that this rule usually gives (from its file)
  std::vector<Replacement> replacements;   // all against the base commit
  std::vector<ActionId> requires_actions;  // must be chosen too
  std::vector<ActionId> supersedes;        // subset of requires: their replacements are left out, ours contain them
  std::vector<ActionId> conflicts;         // beyond overlapping replacements
  std::string group;                       // at most one action of a non-empty group ("opt-level")
  std::map<std::string, std::string> build_env;  // environment of build (options that need it, e.g. PGO stage markers)
  bool recommendation_only = false;              // cannot be part of a patch (a preload, another interpreter)
};

// A state: sorted ids of chosen actions.
using ActionSet = std::vector<ActionId>;

}  // namespace jarvis2::edit
