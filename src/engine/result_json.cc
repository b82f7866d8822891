#include "engine/result_json.h"

#include <algorithm>

#include "base/json.h"

namespace jarvis2::engine {

std::size_t changed_lines(const std::string& patch) {
  std::size_t count = 0;
  for (std::size_t at = 0; at < patch.size();) {
    const std::size_t end = std::min(patch.find('\n', at), patch.size());
    const std::string_view line = std::string_view(patch).substr(at, end - at);
    if ((line.starts_with('+') && !line.starts_with("+++")) || (line.starts_with('-') && !line.starts_with("---")))
      ++count;
    at = end + 1;
  }
  return count;
}

Json action_json(const edit::Action& action) {
  return {{"id", action.id},
          {"kind", edit::kind_name(action.kind)},
          {"rule", action.rule},
          {"path", action.path},
          {"line", action.line},
          {"symbol", action.symbol},
          {"title", action.title},
          {"note", action.note},
          {"safety", action.safety == edit::Safety::kAlwaysSafe ? "always-safe" : "safe-if-verified"},
          {"share", action.share},
          {"line_share", action.line_share},
          {"prior_ratio", action.prior_ratio}};
}

Json profile_json(const project::Profile& profile) {
  Json json = {{"tool", profile.tool}, {"samples", profile.samples}, {"notes", profile.notes}};
  json["functions"] = Json::array();
  for (const project::FunctionShare& one : profile.functions) {
    if (json["functions"].size() >= 20) break;
    json["functions"].push_back(
        {{"path", one.path}, {"name", one.name}, {"line", one.line}, {"self", one.self}, {"total", one.total}});
  }
  json["lines"] = Json::array();
  for (const project::LineShare& one : profile.lines) {
    if (json["lines"].size() >= 40) break;
    json["lines"].push_back({{"path", one.path}, {"line", one.line}, {"share", one.share}});
  }
  json["outside"] = Json::array();
  for (const project::OutsideShare& one : profile.outside) {
    if (json["outside"].size() >= 20) break;
    json["outside"].push_back({{"name", one.name}, {"share", one.share}});
  }
  return json;
}

Json baseline_json(const project::Baseline& baseline) {
  Json json = {{"commit", baseline.commit},    {"uncommitted", baseline.uncommitted},
               {"setup_s", baseline.setup_s},  {"build_s", baseline.build_s},
               {"test_s", baseline.test_s},    {"corrections", baseline.corrections},
               {"warnings", baseline.warnings}};
  json["bench"] = Json::array();
  for (const project::BenchBaseline& bench : baseline.bench) {
    json["bench"].push_back({{"command", bench.command},
                             {"holdout", bench.holdout},
                             {"wall_s", bench.wall_s},
                             {"cpu_s", bench.cpu_s},
                             {"noise", bench.noise},
                             {"cpu_bound", bench.cpu_bound},
                             {"threads", bench.threads},
                             {"peak_memory_bytes", bench.peak_memory_bytes}});
  }
  return json;
}

}  // namespace jarvis2::engine
