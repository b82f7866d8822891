// The policy and value networks that a search uses. Nothing is read before first use.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/files.h"
#include "neural/model_file.h"
#include "neural/network.h"

namespace jarvis2::neural {

class Networks {
 public:
  virtual ~Networks() = default;
  // Null: there is none; the caller uses the priors of the rules, respectively the additive baseline alone.
  virtual const Network* policy() const = 0;
  // Members of the bootstrap ensemble; empty: there is none.
  virtual const std::vector<Network>& value() const = 0;
  // Shares in [0, 1] with which they count beside the rules, respectively the baseline (Card::trust).
  virtual float policy_trust() const { return 1; }
  virtual float value_trust() const { return 1; }
  // {"policy": {"layers", "parameters", "trained_on", ...} or {"absent": reason}, "value": ...}
  virtual Json info() const = 0;
};

// No weights: the search runs on rule priors and the additive baseline, and `model info` says so.
class NullNetworks final : public Networks {
 public:
  explicit NullNetworks(std::string reason) : reason_(std::move(reason)) {}
  const Network* policy() const override { return nullptr; }
  const std::vector<Network>& value() const override;
  Json info() const override;

 private:
  std::string reason_;
};

// `policy.safetensors` and `value.safetensors` of a folder, each read when first asked for. Thread-safe.
class FileNetworks final : public Networks {
 public:
  explicit FileNetworks(fs::path folder) : folder_(std::move(folder)) {}
  const Network* policy() const override;
  const std::vector<Network>& value() const override;
  float policy_trust() const override;
  float value_trust() const override;
  Json info() const override;
  bool loaded() const;  // whether weights have been read

 private:
  fs::path folder_;
  mutable std::mutex mutex_;
  mutable bool policy_read_ = false;
  mutable bool value_read_ = false;
  mutable std::optional<Network> policy_;
  mutable std::vector<Network> value_;
};

// The first of `folders` that holds weights made with `embedder` (a digest; empty: any), else NullNetworks.
// Only headers are read.
std::shared_ptr<const Networks> open_networks(const std::vector<fs::path>& folders, const std::string& embedder = {});
// Where weights are looked for: $JARVIS2_MODELS, the user's cache, the program's own `models/`.
std::vector<fs::path> model_folders();

}  // namespace jarvis2::neural
