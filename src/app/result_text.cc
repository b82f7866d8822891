#include "app/result_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/json.h"

namespace jarvis2::app {
namespace {

std::string cut(std::string text, std::size_t width) {
  const std::size_t line_end = text.find('\n');
  if (line_end != std::string::npos) text.resize(line_end);
  if (text.size() <= width) return text;
  text.resize(width - 3);
  while (!text.empty() && (static_cast<unsigned char>(text.back()) & 0xC0) == 0x80) text.pop_back();
  return text + "...";
}

std::string paint(const std::string& text, const char* code, bool colors) {
  return colors ? fmt::format("\033[{}m{}\033[0m", code, text) : text;
}

std::string dry_run_text(const Json& result) {
  std::string out;
  for (const Json& action : result["actions"]) {
    out += fmt::format("{:<42} {}:{}  {}\n", action["rule"].get<std::string>(), action["path"].get<std::string>(),
                       action["line"].get<int>(), cut(action["title"].get<std::string>(), 90));
  }
  out += fmt::format("{} actions; nothing was run. Next: jarvis2 improve\n", result["actions"].size());
  return out;
}

}  // namespace

std::string checked_text(const Json& strength, const Json& verification) {
  std::string out;
  if (strength.is_object()) {
    if (strength["coverage_tool"].is_string()) {
      out += fmt::format("Checked: the tests run {} of {} changed lines ({})\n",
                         strength["covered_lines"].get<std::size_t>(), strength["changed_lines"].get<std::size_t>(),
                         strength["coverage_tool"].get<std::string>());
    }
    if (strength["mutants"].get<std::size_t>() > 0) {
      out += fmt::format("Checked: tests and output notice {} of {} small faults\n",
                         strength["noticed"].get<std::size_t>(), strength["mutants"].get<std::size_t>());
    }
    if (strength["weakly_checked"].get<bool>())
      out += "Weakly checked: only rules that are always safe are trusted here\n";
  }
  const Json generated = verification.is_object() ? verification.value("generated", Json()) : Json();
  if (generated.is_object() && generated["inputs"].get<std::size_t>() > 0) {
    out += fmt::format("Checked: {} function{} answered {} generated inputs as before\n", generated["functions"].size(),
                       generated["functions"].size() == 1 ? "" : "s", generated["inputs"].get<std::size_t>());
  }
  return out;
}

std::string measured_text(const Json& verification) {
  const Json judgement = verification.is_object() ? verification.value("judgement", Json()) : Json();
  if (!judgement.is_object()) return {};
  std::string out =
      fmt::format("Measured: {} pairs, {} ({})\n", judgement["pairs"].get<std::size_t>(),
                  judgement["instrument"].get<std::string>(), judgement["instrument_reason"].get<std::string>());
  const auto interval = [](const Json& one) {
    const auto number = [](const Json& value) {
      return value.is_number() ? fmt::format("{:.3f}", value.get<double>()) : std::string("?");
    };
    return fmt::format("{} ({} to {})", number(one["estimate"]), number(one["low"]), number(one["high"]));
  };
  if (judgement["confirmation"].is_object()) {
    out += fmt::format("Measured: by the wall clock, in sequence, {}\n", interval(judgement["confirmation"]));
  }
  if (judgement["aa"].is_object()) {
    out += fmt::format("Measured: the baseline against itself in this session {}\n", interval(judgement["aa"]));
  }
  const Json layouts = judgement.value("layouts", Json());
  if (layouts.is_object()) {
    out +=
        fmt::format("Measured: {} and {} link orders, which move the time by {:.2f} % and {:.2f} %\n",
                    layouts["base"].get<std::size_t>(), layouts["candidate"].get<std::size_t>(),
                    100 * layouts["base_deviation"].get<double>(), 100 * layouts["candidate_deviation"].get<double>());
  }
  for (const Json& note : judgement["notes"]) out += fmt::format("Measured: {}\n", note.get<std::string>());
  return out;
}

std::string improve_text(const Json& result, bool colors) {
  if (result.value("dry_run", false)) return dry_run_text(result);
  std::string out;
  const std::string verdict = result["verdict"];
  if (verdict == "faster") {
    const Json& speedup = result["speedup"];
    const std::string high = speedup["high"].is_number() ? fmt::format("{:.3f}", speedup["high"].get<double>()) : "?";
    out += paint(fmt::format("faster: {:.3f}x", speedup["estimate"].get<double>()), "1;32", colors);
    out += fmt::format(" ({:.3f} to {} at {:.1f} % confidence), {}\n", speedup["low"].get<double>(), high,
                       100 * speedup["confidence"].get<double>(), result["claim"].get<std::string>());
  } else {
    out += paint(verdict, "1;33", colors) + ": " + result["reason"].get<std::string>() + "\n";
  }
  if (!result["actions"].empty()) {
    out += fmt::format("\nThe patch: {} action{}, {} changed lines\n", result["actions"].size(),
                       result["actions"].size() == 1 ? "" : "s", result["changed_lines"].get<std::size_t>());
    for (const Json& action : result["actions"]) {
      const Json& part = action["contribution"];
      std::string share = "      -";
      if (part.is_object()) {
        share = part["required"].get<bool>() ? " needed" : fmt::format("{:6.3f}x", part["ratio"].get<double>());
      }
      out += fmt::format("  {:>2} {}  {:<34} {}:{}  {}\n", action["n"].get<int>(), share,
                         action["rule"].get<std::string>(), action["path"].get<std::string>(),
                         action["line"].get<int>(), cut(action["title"].get<std::string>(), 70));
      const std::string note = action["note"];
      if (!note.empty()) out += fmt::format("              {}\n", cut(note, 110));
    }
  }
  if (verdict == "faster") {
    out += "\n" + measured_text(result["confirmation"]) + checked_text(result["strength"], result["confirmation"]);
  }
  // Why the others were dropped: counted by reason, the best few named.
  std::map<std::string, int> dropped;
  int measured = 0;
  for (const Json& one : result["candidates"]) {
    if (one["verdict"] == "rejected") {
      ++dropped[one["stage"].get<std::string>() + ": " + cut(one["reason"].get<std::string>(), 70)];
    } else if (one.contains("ratio")) {
      ++measured;
    }
  }
  out += fmt::format("\nTried: {} candidates, {} measured\n", result["candidates"].size(), measured);
  std::vector<std::pair<int, std::string>> reasons;
  for (const auto& [reason, count] : dropped) reasons.emplace_back(count, reason);
  std::sort(reasons.rbegin(), reasons.rend());
  for (std::size_t i = 0; i < std::min<std::size_t>(6, reasons.size()); ++i) {
    out += fmt::format("  {:>3} rejected, {}\n", reasons[i].first, reasons[i].second);
  }
  if (const Json model = result.value("model", Json()); model.is_object()) {
    std::size_t correct = 0;
    for (const Json& one : model["proposals"]) correct += one.value("correct", false) ? 1 : 0;
    out += fmt::format("Language model {}: {} questions, {} proposals, {} of them correct\n",
                       model["name"].get<std::string>(), model["questions"].get<int>(), model["proposals"].size(),
                       correct);
    for (const Json& one : model["proposals"]) {
      out += fmt::format("  {}: {}\n", one["symbol"].get<std::string>(), cut(one["outcome"].get<std::string>(), 100));
    }
    for (const Json& one : model["refused"]) {
      out += fmt::format("  {}: not a candidate: {}\n", one["symbol"].get<std::string>(),
                         cut(one["reason"].get<std::string>(), 90));
    }
  }
  for (const Json& one : result["recommendations"]) {
    out += fmt::format("Recommended, not part of the patch: {}\n", one["title"].get<std::string>());
  }
  for (const Json& one : result["baseline"]["corrections"])
    out += fmt::format("Baseline corrected: {}\n", one.get<std::string>());
  const Json& search = result["search"];
  out += fmt::format("Search: {} simulations in {:.1f} s, {} verifications, {:.0f} s in all; it ended because {}\n",
                     search["simulations"].get<std::uint64_t>(), search["seconds"].get<double>(),
                     search["verifications"].get<std::size_t>(), result["seconds"].get<double>(),
                     search["ending"].get<std::string>());
  out +=
      fmt::format("\nReport: {}\nNext:   {}\n", result["report"].get<std::string>(), result["next"].get<std::string>());
  return out;
}

}  // namespace jarvis2::app
