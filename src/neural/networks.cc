#include "neural/networks.h"

#include <cstdlib>

#include "base/error.h"
#include "base/executable.h"
#include "base/json.h"
#include "base/log.h"

namespace jarvis2::neural {
namespace {

constexpr const char* kPolicyFile = "policy.safetensors";
constexpr const char* kValueFile = "value.safetensors";

std::vector<Network> load_members(const fs::path& path) {
  std::vector<Network> members;
  for (const Weights& weights : load_model(path).members) {
    if (weights.layers.front() != kInputs) {
      throw Error("neural::load", path.string() + " has " + std::to_string(weights.layers.front()) + " inputs, not " +
                                      std::to_string(kInputs) + ": train again");
    }
    members.emplace_back(weights);
  }
  return members;
}

float trust_of(const fs::path& path) {
  return fs::exists(path) ? static_cast<float>(load_card(path).trust) : 0.0f;
}

Json absent(const std::string& reason) {
  return {{"layers", Json::array()}, {"parameters", 0}, {"trained_on", Json::array()}, {"absent", reason}};
}

Json info_of(const fs::path& path) {
  if (!fs::exists(path)) return absent(path.filename().string() + " is not in " + path.parent_path().string());
  Json json = card_json(load_card(path));
  json["path"] = path.string();
  return json;
}

}  // namespace

const std::vector<Network>& NullNetworks::value() const {
  static const std::vector<Network> none;
  return none;
}

Json NullNetworks::info() const {
  Json policy = absent(reason_);
  policy["instead"] = "the expected gains of the rules";
  Json value = absent(reason_);
  value["instead"] = "the additive baseline";
  return {{"policy", policy}, {"value", value}};
}

const Network* FileNetworks::policy() const {
  const std::lock_guard<std::mutex> guard(mutex_);
  if (!policy_read_) {
    if (fs::exists(folder_ / kPolicyFile)) policy_.emplace(std::move(load_members(folder_ / kPolicyFile).front()));
    policy_read_ = true;
  }
  return policy_ ? &*policy_ : nullptr;
}

const std::vector<Network>& FileNetworks::value() const {
  const std::lock_guard<std::mutex> guard(mutex_);
  if (!value_read_) {
    if (fs::exists(folder_ / kValueFile)) value_ = load_members(folder_ / kValueFile);
    value_read_ = true;
  }
  return value_;
}

Json FileNetworks::info() const {
  return {{"policy", info_of(folder_ / kPolicyFile)}, {"value", info_of(folder_ / kValueFile)}};
}

float FileNetworks::policy_trust() const {
  return trust_of(folder_ / kPolicyFile);
}

float FileNetworks::value_trust() const {
  return trust_of(folder_ / kValueFile);
}

bool FileNetworks::loaded() const {
  const std::lock_guard<std::mutex> guard(mutex_);
  return policy_read_ || value_read_;
}

std::shared_ptr<const Networks> open_networks(const std::vector<fs::path>& folders, const std::string& embedder) {
  std::string reason = "no trained weights; `jarvis2 model train` makes them";
  for (const fs::path& folder : folders) {
    bool fits = true;
    bool any = false;
    for (const char* file : {kPolicyFile, kValueFile}) {
      std::error_code error;
      if (!fs::exists(folder / file, error)) continue;
      any = true;
      const Card card = load_card(folder / file);
      if (!embedder.empty() && !card.embedder.empty() && card.embedder != embedder) {
        fits = false;
        reason =
            (folder / file).string() + " was trained with another embedding model; `jarvis2 model train` makes weights";
      }
    }
    if (any && fits) return std::make_shared<FileNetworks>(folder);
  }
  return std::make_shared<NullNetworks>(reason);
}

std::vector<fs::path> model_folders() {
  if (const char* folder = std::getenv("JARVIS2_MODELS"); folder != nullptr && *folder != '\0') return {folder};
  std::vector<fs::path> folders = {user_cache_dir() / "models"};
  try {
    folders.push_back(data_dir() / "models");
  } catch (const Error&) {
    // A program without its data: the user's cache alone.
  }
  return folders;
}

}  // namespace jarvis2::neural
