// Names and JSON of what the judge says.
#include <fmt/format.h>

#include <cmath>

#include "base/error.h"
#include "base/json.h"
#include "verify/layouts.h"
#include "verify/measure.h"

namespace jarvis2::verify {
namespace {

Json number(double value) {
  return std::isfinite(value) ? Json(value) : Json(nullptr);
}

}  // namespace

std::string instrument_name(Instrument instrument) {
  switch (instrument) {
    case Instrument::kAuto:
      return "auto";
    case Instrument::kDuet:
      return "duet";
    case Instrument::kSequential:
      return "sequential";
  }
  return "";
}

Instrument instrument_from_name(const std::string& name) {
  for (const Instrument instrument : {Instrument::kAuto, Instrument::kDuet, Instrument::kSequential}) {
    if (instrument_name(instrument) == name) return instrument;
  }
  throw Error("verify::instrument", fmt::format("unknown instrument \"{}\": auto, duet or sequential", name));
}

std::string metric_name(Metric metric) {
  switch (metric) {
    case Metric::kTime:
      return "time";
    case Metric::kInstructions:
      return "instructions";
    case Metric::kPeakMemory:
      return "peak_memory";
    case Metric::kSize:
      return "size";
    case Metric::kPattern:
      return "pattern";
  }
  return "";
}

void to_json(Json& json, const Estimate& estimate) {
  json = {{"estimate", number(estimate.ratio)},      {"low", number(estimate.low)},
          {"high", number(estimate.high)},           {"confidence", estimate.confidence},
          {"deviation", number(estimate.deviation)}, {"pairs", estimate.pairs}};
}

void to_json(Json& json, const PairSample& sample) {
  json = {{"log_ratio", sample.log_ratio},
          {"base_cpu_ns", sample.base_cpu_ns},
          {"candidate_cpu_ns", sample.candidate_cpu_ns},
          {"base_wall_ns", sample.base_wall_ns},
          {"candidate_wall_ns", sample.candidate_wall_ns},
          {"base_rss_bytes", sample.base_rss_bytes},
          {"candidate_rss_bytes", sample.candidate_rss_bytes},
          {"repeats", sample.repeats},
          {"base_first", sample.base_first},
          {"base_layout", sample.base_layout},
          {"candidate_layout", sample.candidate_layout},
          {"benchmarks", sample.part_log_ratios},
          {"cpu", sample.cpu}};
}

void to_json(Json& json, const Judgement& judgement) {
  const auto profile = [](const Profile& p) {
    return Json{{"wall_s", p.wall_s},
                {"cpu_s", p.cpu_s},
                {"waiting", p.waiting},
                {"parallel", p.parallel},
                {"max_rss_bytes", p.max_rss_bytes}};
  };
  json = {{"verdict", verdict_name(judgement.verdict)},
          {"reason", judgement.reason},
          {"ratio", judgement.estimate},
          {"pairs", judgement.estimate.pairs},
          {"alpha", judgement.alpha},
          {"min_effect", judgement.min_effect},
          {"instrument", instrument_name(judgement.instrument)},
          {"instrument_reason", judgement.instrument_reason},
          {"aa", judgement.aa ? Json(*judgement.aa) : Json(nullptr)},
          {"confirmation", judgement.confirmation ? Json(*judgement.confirmation) : Json(nullptr)},
          {"layouts", judgement.layouts ? Json(*judgement.layouts) : Json(nullptr)},
          {"beside", judgement.beside},
          {"notes", judgement.notes},
          {"benchmarks", Json::array()},
          {"seed", judgement.seed},
          {"elapsed_s", judgement.elapsed_s},
          {"samples", judgement.samples}};
  for (const PartResult& part : judgement.parts) {
    json["benchmarks"].push_back({{"name", part.name},
                                  {"ratio", part.estimate},
                                  {"base", profile(part.base)},
                                  {"candidate", profile(part.candidate)}});
  }
  if (judgement.failure) {
    json["failure"] = {{"candidate", judgement.failure->candidate}, {"reason", judgement.failure->reason}};
  }
}

}  // namespace jarvis2::verify
