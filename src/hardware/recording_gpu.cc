// GPUs out of what NVIDIA's tools print, and recordings of NVML's answers.
#include <algorithm>
#include <utility>

#include "base/json.h"
#include "hardware/recording_parts.h"
#include "hardware/text.h"

namespace jarvis2::hardware {
namespace {

bool is_nvidia(std::string_view name) {
  for (const std::string_view brand : {"NVIDIA", "Tesla", "GeForce", "Quadro", "TITAN"}) {
    if (name.find(brand) != std::string_view::npos) return true;
  }
  return false;
}

Gpu named(std::string_view name) {
  Gpu gpu;
  gpu.name = std::string(trim(name));
  gpu.backend = "cuda";
  return gpu;
}

// Field names of CSV headers, JSON keys and "key: value" lines, with all but letters dropped.
void take(const std::string& key, std::string_view value, Gpu& gpu) {
  std::string plain;
  for (const char c : lower(key)) {
    if (c >= 'a' && c <= 'z') plain += c;
  }
  if (plain == "name" || plain == "gpuname" || plain == "productname" || plain == "devicename") {
    gpu.name = std::string(trim(value));
  } else if (plain.starts_with("memorytotal") || plain == "totalmemory" || plain.starts_with("memorybytes") ||
             plain == "fbmemorytotal" || plain == "totalglobalmem" || plain == "memory") {
    std::uint64_t bytes = size_bytes(value).value_or(0);
    // A bare number is in MiB where the name says so, and where nvidia-smi left the unit out.
    const bool bare = number(value).has_value();
    if (bare && (plain.ends_with("mib") || plain.ends_with("mb") || bytes < (1U << 24))) bytes <<= 20;
    gpu.memory_bytes = bytes;
  } else if (plain == "multiprocessors" || plain == "multiprocessorcount" || plain == "smcount" || plain == "sms" ||
             plain == "cores" || plain == "numsms" || plain == "streamingmultiprocessors") {
    gpu.cores = static_cast<int>(leading_number(value));
  }
}

std::vector<Gpu> from_json(const Json& json) {
  const Json* list = &json;
  for (const char* key : {"gpus", "devices", "gpu", "nvml"}) {
    if (json.is_object() && json.contains(key)) {
      list = &json.at(key);
      break;
    }
  }
  std::vector<Gpu> gpus;
  const auto read = [&](const Json& item) {
    if (!item.is_object()) return;
    Gpu gpu = named("");
    for (const auto& [key, value] : item.items()) {
      if (value.is_object()) {
        if (value.contains("total")) {
          const Json& total = value.at("total");
          take("memory_total", total.is_string() ? total.get<std::string>() : total.dump(), gpu);
        }
      } else {
        take(key, value.is_string() ? value.get<std::string>() : value.dump(), gpu);
      }
    }
    if (!gpu.name.empty() && (is_nvidia(gpu.name) || gpu.memory_bytes > 0 || gpu.cores > 0)) gpus.push_back(gpu);
  };
  if (list->is_array()) {
    for (const Json& item : *list) read(item);
  } else {
    read(*list);
  }
  return gpus;
}

std::string between(std::string_view text, std::string_view open, std::string_view close, std::size_t from = 0) {
  const std::size_t start = text.find(open, from);
  if (start == std::string_view::npos) return {};
  const std::size_t end = text.find(close, start + open.size());
  return end == std::string_view::npos ? std::string()
                                       : std::string(text.substr(start + open.size(), end - start - open.size()));
}

std::vector<Gpu> from_xml(std::string_view text) {
  std::vector<Gpu> gpus;
  std::size_t at = 0;
  while ((at = text.find("<product_name>", at)) != std::string_view::npos) {
    Gpu gpu = named(between(text, "<product_name>", "</product_name>", at));
    const std::size_t memory = text.find("<fb_memory_usage>", at);
    if (memory != std::string_view::npos) {
      gpu.memory_bytes = size_bytes(between(text, "<total>", "</total>", memory)).value_or(0);
    }
    gpus.push_back(gpu);
    ++at;
  }
  return gpus;
}

// nvidia-smi -q: sections by indentation; "FB Memory Usage" holds the total.
std::vector<Gpu> from_query(const std::vector<std::string>& rows) {
  std::vector<Gpu> gpus;
  bool frame_buffer = false;
  for (const std::string& row : rows) {
    const std::optional<std::pair<std::string, std::string>> pair = key_value(row, ":");
    if (!pair) {
      frame_buffer = trim(row) == "FB Memory Usage";
      continue;
    }
    if (pair->first == "Product Name") {
      gpus.push_back(named(pair->second));
      frame_buffer = false;
    } else if (!gpus.empty() && frame_buffer && pair->first == "Total") {
      gpus.back().memory_bytes = size_bytes(pair->second).value_or(0);
    }
  }
  return gpus;
}

// The plain table: one row "|   0  NVIDIA H200   On |", below it "| ...  1MiB / 143771MiB |".
std::vector<Gpu> from_table(const std::vector<std::string>& rows) {
  std::vector<Gpu> gpus;
  for (const std::string& row : rows) {
    const std::vector<std::string> cells = split(row, '|');
    if (cells.size() < 4) continue;
    const std::vector<std::string> first = words(cells[1]);
    if (first.size() >= 3 && number(first[0]) && is_nvidia(cells[1])) {
      std::vector<std::string> name(first.begin() + 1, first.end());
      if (name.back() == "On" || name.back() == "Off" || name.back() == "N/A") name.pop_back();
      std::string text;
      for (const std::string& word : name) text += (text.empty() ? "" : " ") + word;
      gpus.push_back(named(text));
    } else if (!gpus.empty() && gpus.back().memory_bytes == 0) {
      for (const std::string& cell : cells) {
        const std::size_t slash = cell.find('/');
        if (slash != std::string::npos && cell.find("MiB") != std::string::npos) {
          gpus.back().memory_bytes = size_bytes(cell.substr(slash + 1)).value_or(0);
        }
      }
    }
  }
  return gpus;
}

std::vector<Gpu> from_csv(const std::vector<std::string>& rows) {
  std::vector<Gpu> gpus;
  if (rows.empty()) return gpus;
  std::vector<std::string> columns = split(rows[0], ',');
  for (std::string& column : columns) column = lower(trim(column));
  const auto is_header = [](const std::string& column) {
    return column == "name" || column == "gpu_name" || column.starts_with("memory.total") || column == "uuid";
  };
  const bool header = std::any_of(columns.begin(), columns.end(), is_header);
  for (std::size_t i = header ? 1 : 0; i < rows.size(); ++i) {
    const std::vector<std::string> cells = split(rows[i], ',');
    Gpu gpu = named("");
    for (std::size_t k = 0; k < cells.size(); ++k) {
      const std::string cell(trim(cells[k]));
      if (header) {
        if (k < columns.size()) take(columns[k], cell, gpu);
      } else if (gpu.name.empty() && is_nvidia(cell)) {
        gpu.name = cell;
      } else if (gpu.memory_bytes == 0 && !gpu.name.empty() && (cell.ends_with("MiB") || number(cell))) {
        take("memory.total", cell, gpu);
      }
    }
    if (is_nvidia(gpu.name)) gpus.push_back(gpu);
  }
  return gpus;
}

// "GPU 0: NVIDIA H200 (UUID: GPU-...)"; deviceQuery's "Device 0: "NVIDIA H200"" and "(132) Multiprocessors".
std::vector<Gpu> from_lists(const std::vector<std::string>& rows) {
  std::vector<Gpu> gpus;
  for (const std::string& row : rows) {
    const std::string_view line = trim(row);
    const std::optional<std::pair<std::string, std::string>> pair = key_value(line, ":=");
    if (pair && pair->first.starts_with("GPU ") && number(pair->first.substr(4))) {
      gpus.push_back(named(pair->second.substr(0, pair->second.find(" (UUID"))));
    } else if (pair && pair->first.starts_with("Device ") && pair->second.starts_with('"')) {
      gpus.push_back(named(pair->second.substr(1, pair->second.find('"', 1) - 1)));
    } else if (!gpus.empty() && line.starts_with('(') && line.find("Multiprocessors") != std::string_view::npos) {
      gpus.back().cores = static_cast<int>(leading_number(line.substr(1)));
    } else if (!gpus.empty() && pair && pair->first == "Total amount of global memory") {
      const std::size_t open = pair->second.find('(');
      gpus.back().memory_bytes = open == std::string::npos ? size_bytes(pair->second).value_or(0)
                                                           : leading_number(pair->second.substr(open + 1));
    } else if (pair) {
      // A recording of single answers: "name: NVIDIA H200" begins a device.
      Gpu probe = named("");
      take(pair->first, pair->second, probe);
      if (is_nvidia(probe.name)) {
        gpus.push_back(probe);
      } else if (!gpus.empty() && probe.name.empty()) {
        if (probe.cores > 0) gpus.back().cores = probe.cores;
        if (probe.memory_bytes > 0 && gpus.back().memory_bytes == 0) gpus.back().memory_bytes = probe.memory_bytes;
      }
    }
  }
  return gpus;
}

}  // namespace

std::vector<Gpu> read_nvidia(std::string_view text) {
  const std::string_view start = trim(text);
  if (start.starts_with('{') || start.starts_with('[')) {
    const Json json = Json::parse(text, nullptr, false);
    return json.is_discarded() ? std::vector<Gpu>() : from_json(json);
  }
  if (text.find("<product_name>") != std::string_view::npos) return from_xml(text);
  if (!is_nvidia(text)) return {};
  const std::vector<std::string> rows = lines(text);
  if (text.find("Product Name") != std::string_view::npos) return from_query(rows);
  if (text.find("NVIDIA-SMI") != std::string_view::npos) return from_table(rows);
  std::vector<Gpu> gpus = from_lists(rows);
  return gpus.empty() ? from_csv(rows) : gpus;
}

void merge_gpus(std::vector<Gpu>& gpus, const std::vector<Gpu>& with) {
  for (std::size_t i = 0; i < with.size(); ++i) {
    if (i >= gpus.size()) {
      gpus.push_back(with[i]);
      continue;
    }
    if (gpus[i].cores == 0) gpus[i].cores = with[i].cores;
    if (gpus[i].memory_bytes == 0) gpus[i].memory_bytes = with[i].memory_bytes;
    if (gpus[i].name.size() < with[i].name.size() && with[i].name.find(gpus[i].name) != std::string::npos)
      gpus[i].name = with[i].name;
  }
}

}  // namespace jarvis2::hardware
