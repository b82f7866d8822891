#include "project/profile.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "base/error.h"
#include "base/log.h"

namespace jarvis2::project {

void ProfileBuilder::add(const std::vector<Frame>& innermost_first, double weight) {
  total_ += weight;
  std::set<std::pair<std::string, std::string>> seen;
  bool found = false;
  std::string outside;
  for (const Frame& frame : innermost_first) {
    if (frame.path.empty()) {
      if (!found && outside.empty()) outside = frame.function;
      continue;
    }
    const std::pair<std::string, std::string> key{frame.path, frame.function};
    FunctionShare& function = functions_[key];
    if (function.name.empty()) function = {frame.path, frame.function, frame.line, 0, 0};
    if (!found) {
      // What lies below, in C or in a library, is the doing of this line.
      lines_[{frame.path, frame.line}] += weight;
      function.self += weight;
      function.line = std::min(function.line, frame.line);
      inside_ += weight;
      found = true;
    }
    if (seen.insert(key).second) function.total += weight;
  }
  if (!outside.empty()) outside_[outside] += weight;
}

Profile ProfileBuilder::finish(std::string tool) const {
  Profile profile;
  profile.tool = std::move(tool);
  profile.samples = static_cast<std::uint64_t>(total_);
  if (total_ <= 0) return profile;
  for (const auto& [place, weight] : lines_) profile.lines.push_back({place.first, place.second, weight / total_});
  for (const auto& [key, function] : functions_) {
    FunctionShare share = function;
    share.self /= total_;
    share.total /= total_;
    profile.functions.push_back(std::move(share));
  }
  for (const auto& [name, weight] : outside_) profile.outside.push_back({name, weight / total_});
  std::stable_sort(profile.lines.begin(), profile.lines.end(),
                   [](const LineShare& a, const LineShare& b) { return a.share > b.share; });
  std::stable_sort(profile.functions.begin(), profile.functions.end(),
                   [](const FunctionShare& a, const FunctionShare& b) { return a.self > b.self; });
  std::stable_sort(profile.outside.begin(), profile.outside.end(),
                   [](const OutsideShare& a, const OutsideShare& b) { return a.share > b.share; });
  return profile;
}

Profile profile_benchmark(Repository& repository, const Baseline& baseline, const ProfileOptions& options,
                          std::stop_token stop) {
  std::vector<std::string> notes;
  bool python = false;
  bool native = false;
  for (const std::string& path : repository.files(baseline.commit)) {
    python = python || path.ends_with(".py");
    native = native || path.ends_with(".c") || path.ends_with(".cc") || path.ends_with(".cpp") ||
             path.ends_with(".cxx") || path.ends_with(".h") || path.ends_with(".hpp");
  }
  for (const bool interpreted : {true, false}) {
    if (!(interpreted ? python : native)) continue;
    try {
      std::optional<Profile> profile =
          interpreted ? profile_python(baseline, options, stop) : profile_native(repository, baseline, options, stop);
      // Where the second profiler sees the benchmark, that the first doesn't is no news.
      if (profile) return *profile;
    } catch (const Error& error) {
      notes.push_back(error.message());
    }
    if (stop.stop_requested()) throw Interrupted();
  }
  Profile none;
  none.tool = "none";
  none.notes = std::move(notes);
  none.notes.emplace_back("no profiler saw this benchmark: every function counts as possibly hot");
  return none;
}

}  // namespace jarvis2::project
