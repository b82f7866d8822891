// The CPU prepares a batch while the GPU works on the one before: two sets of staged buffers, and no thread beside the
// caller's.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <functional>
#include <span>
#include <vector>

#include "gpu/gpu.h"

namespace jarvis2::gpu {

// Batches through several networks that read the same inputs (a policy, the members of an ensemble). Not thread-safe.
class BatchPipeline {
 public:
  // `networks` must outlive this and take equally many inputs; no batch has more than `most_rows`.
  BatchPipeline(const Device& device, std::vector<const ForwardPass*> networks, std::size_t most_rows)
      : networks_(std::move(networks)), most_rows_(most_rows) {
    for (Set& set : sets_) {
      set.inputs.emplace_back(device, most_rows * networks_.front()->inputs());
      for (std::size_t i = 0; i < networks_.size(); ++i) set.outputs.emplace_back(device, most_rows);
    }
  }

  // prepare(batch, inputs) fills rows and returns how many; done(batch, n, out) gets what network n makes of them, in
  // order. With `overlap` prepare(i + 1) runs while the GPU works on batch i; without, one after the other.
  void run(std::size_t batches, const std::function<std::size_t(std::size_t, float*)>& prepare,
           const std::function<void(std::size_t, std::size_t, std::span<const float>)>& done, bool overlap = true) {
    std::array<std::size_t, 2> rows{};
    const auto finish = [&](std::size_t batch) {
      const std::size_t slot = batch % 2;
      for (std::size_t n = 0; n < networks_.size(); ++n) {
        networks_[n]->wait(static_cast<std::uint32_t>(slot));
        done(batch, n, {sets_[slot].outputs[n].data(), rows[slot]});
      }
    };
    for (std::size_t batch = 0; batch < batches; ++batch) {
      const std::size_t slot = batch % 2;
      rows[slot] = std::min(most_rows_, prepare(batch, sets_[slot].inputs.front().data()));
      for (std::size_t n = 0; n < networks_.size(); ++n) {
        networks_[n]->start(static_cast<std::uint32_t>(slot), sets_[slot].inputs.front().data(), rows[slot],
                            sets_[slot].outputs[n].data());
      }
      if (!overlap) {
        finish(batch);
      } else if (batch > 0) {
        finish(batch - 1);
      }
    }
    if (overlap && batches > 0) finish(batches - 1);
  }

 private:
  struct Set {
    std::vector<Staged> inputs, outputs;
  };
  std::vector<const ForwardPass*> networks_;
  std::size_t most_rows_;
  std::array<Set, 2> sets_;
};

}  // namespace jarvis2::gpu
