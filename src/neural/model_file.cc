// Safetensors: eight bytes of header length, a JSON header {name: {dtype, shape, data_offsets}}, the tensors' bytes.
#include "neural/model_file.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <map>

#include "base/error.h"
#include "base/json.h"
#include "base/safetensors.h"

namespace jarvis2::neural {
namespace {

static_assert(std::endian::native == std::endian::little, "safetensors are little-endian");

constexpr std::uint64_t kMostLayers = 32;
constexpr std::uint64_t kMostMembers = 64;

[[noreturn]] void fail(std::string_view name, const std::string& what) {
  throw Error("neural::load_model", std::string(name) + ": " + what + "; train again or restore the file");
}

SafetensorsHeader parse_header(std::string_view bytes, std::string_view name) {
  try {
    return parse_safetensors_header(bytes, bytes.size(), name);
  } catch (const Error& error) {
    throw Error("neural::load_model", error.message() + "; train again or restore the file");
  }
}

Card parse_card(const std::map<std::string, std::string>& metadata, std::string_view name) {
  const std::map<std::string, std::string>::const_iterator text = metadata.find("card");
  if (text == metadata.end()) fail(name, "there is no card in __metadata__");
  const Json json = Json::parse(text->second, nullptr, false);
  if (json.is_discarded() || !json.is_object()) fail(name, "the card is not a JSON object");
  Card card;
  try {
    card.role = json.at("role").get<std::string>();
    card.layers = json.at("layers").get<std::vector<std::uint32_t>>();
    card.parameters = json.at("parameters").get<std::size_t>();
    card.members = json.at("members").get<std::size_t>();
    card.trained_on = json.at("trained_on").get<std::vector<std::string>>();
    card.examples = json.at("examples").get<std::size_t>();
    card.seeds = json.at("seeds").get<std::vector<std::uint64_t>>();
    card.train_losses = json.at("train_losses").get<std::vector<double>>();
    card.holdout_losses = json.at("holdout_losses").get<std::vector<double>>();
    card.embedder = json.at("embedder").get<std::string>();
    card.created = json.at("created").get<std::string>();
    card.note = json.value("note", "");
    card.trust = json.value("trust", 1.0);
    if (!(card.trust >= 0 && card.trust <= 1)) fail(name, "the card's trust is not between 0 and 1");
  } catch (const Json::exception& error) {
    fail(name, std::string("the card is incomplete (") + error.what() + ")");
  }
  return card;
}

// IEEE half precision, to nearest, ties to even; for finite values. Beyond its range: the largest there is.
std::uint16_t half_of(float value) {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(value);
  const std::uint16_t sign = static_cast<std::uint16_t>(bits >> 16 & 0x8000);
  const float size = std::min(std::abs(value), 65504.0f);
  if (size < 0x1p-14f)
    return static_cast<std::uint16_t>(sign | static_cast<std::uint16_t>(std::nearbyint(size * 0x1p24f)));
  const std::uint32_t rounded = std::bit_cast<std::uint32_t>(size);
  const std::uint32_t even = rounded + 0xFFF + (rounded >> 13 & 1);
  return static_cast<std::uint16_t>(sign | std::min<std::uint32_t>((even >> 13) - (112U << 10), 0x7BFF));
}

float float_of(std::uint16_t half) {
  const std::uint32_t exponent = half >> 10 & 31;
  const float sign = (half & 0x8000) != 0 ? -1.0f : 1.0f;
  if (exponent == 0) return sign * static_cast<float>(half & 0x3FF) * 0x1p-24f;
  return sign * std::bit_cast<float>((exponent + 112) << 23 | std::uint32_t{half & 0x3FFU} << 13);
}

// The values of the tensor `key` of exactly this shape.
std::vector<float> read_tensor(const SafetensorsHeader& header, const std::string& key,
                               const std::vector<std::size_t>& shape, std::string_view bytes, std::string_view name) {
  const std::map<std::string, TensorInfo>::const_iterator found = header.tensors.find(key);
  if (found == header.tensors.end()) fail(name, "tensor " + key + " is missing");
  const TensorInfo& tensor = found->second;
  if (tensor.dtype != "F32" && tensor.dtype != "F16") {
    fail(name, fmt::format("tensor {} has type {}, neither F32 nor F16", key, tensor.dtype));
  }
  if (tensor.shape != shape) {
    fail(name,
         fmt::format("tensor {} has shape [{}], not [{}]", key, fmt::join(tensor.shape, ", "), fmt::join(shape, ", ")));
  }
  std::vector<float> values(tensor.count());
  const char* at = bytes.data() + header.data + tensor.begin;
  if (tensor.dtype == "F32") {
    std::memcpy(values.data(), at, values.size() * sizeof(float));
    return values;
  }
  for (std::size_t i = 0; i < values.size(); ++i) {
    std::uint16_t half = 0;
    std::memcpy(&half, at + 2 * i, 2);
    // Exponent 31: not a number, which check() refuses.
    values[i] = (half & 0x7C00) == 0x7C00 ? std::numeric_limits<float>::infinity() : float_of(half);
  }
  return values;
}

std::string tensor_name(std::size_t member, std::size_t layer, const char* what) {
  return std::to_string(member) + "." + std::to_string(layer) + "." + what;
}

}  // namespace

Json card_json(const Card& card) {
  return {{"role", card.role},
          {"layers", card.layers},
          {"parameters", card.parameters},
          {"members", card.members},
          {"trained_on", card.trained_on},
          {"examples", card.examples},
          {"seeds", card.seeds},
          {"train_losses", card.train_losses},
          {"holdout_losses", card.holdout_losses},
          {"embedder", card.embedder},
          {"created", card.created},
          {"note", card.note},
          {"trust", card.trust}};
}

void round_to_half(Weights& weights) {
  for (std::vector<std::vector<float>>* part : {&weights.weights, &weights.biases}) {
    for (std::vector<float>& values : *part) {
      for (float& value : values) value = float_of(half_of(value));
    }
  }
}

void save_model(const fs::path& path, const Model& model, bool half) {
  Json header;
  header["__metadata__"] = {{"format", "jarvis2-model-1"}, {"card", card_json(model.card).dump()}};
  std::string data;
  for (std::size_t m = 0; m < model.members.size(); ++m) {
    const Weights& weights = model.members[m];
    check(weights);
    for (std::size_t l = 0; l + 1 < weights.layers.size(); ++l) {
      const auto add = [&](const char* what, const std::vector<float>& values, const Json& shape) {
        const std::size_t begin = data.size();
        if (half) {
          for (const float value : values) {
            const std::uint16_t bits = half_of(value);
            data.append(reinterpret_cast<const char*>(&bits), sizeof(bits));
          }
        } else {
          data.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float));
        }
        header[tensor_name(m, l, what)] = {
            {"dtype", half ? "F16" : "F32"}, {"shape", shape}, {"data_offsets", {begin, data.size()}}};
      };
      add("weight", weights.weights[l], Json::array({weights.layers[l + 1], weights.layers[l]}));
      add("bias", weights.biases[l], Json::array({weights.layers[l + 1]}));
    }
  }
  std::string text = header.dump();
  text.append((8 - text.size() % 8) % 8, ' ');
  const std::uint64_t length = text.size();
  std::string bytes(reinterpret_cast<const char*>(&length), sizeof(length));
  write_file_atomic(path, bytes + text + data);
}

Model parse_model(std::string_view bytes, std::string_view name) {
  const SafetensorsHeader header = parse_header(bytes, name);
  Model model;
  model.card = parse_card(header.metadata, name);
  const Card& card = model.card;
  if (card.layers.size() < 3 || card.layers.size() > kMostLayers || card.members < 1 || card.members > kMostMembers) {
    fail(name, "the card names " + std::to_string(card.layers.size()) + " layers and " + std::to_string(card.members) +
                   " members");
  }
  for (std::size_t m = 0; m < card.members; ++m) {
    Weights weights;
    weights.layers = card.layers;
    for (std::size_t l = 0; l + 1 < card.layers.size(); ++l) {
      const std::size_t in = card.layers[l], out = card.layers[l + 1];
      weights.weights.push_back(read_tensor(header, tensor_name(m, l, "weight"), {out, in}, bytes, name));
      weights.biases.push_back(read_tensor(header, tensor_name(m, l, "bias"), {out}, bytes, name));
    }
    try {
      check(weights);
    } catch (const Error& error) {
      fail(name, "member " + std::to_string(m) + ": " + error.message());
    }
    model.members.push_back(std::move(weights));
  }
  return model;
}

Model load_model(const fs::path& path) {
  return parse_model(read_file(path), path.string());
}

Card load_card(const fs::path& path) {
  return parse_card(Safetensors(path).metadata(), path.string());
}

}  // namespace jarvis2::neural
