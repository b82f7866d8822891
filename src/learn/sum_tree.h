// A binary tree of sums: draws an index with probability proportional to its weight in O(log n).
#pragma once

#include <cstddef>
#include <vector>

namespace jarvis2::learn {

class SumTree {
 public:
  explicit SumTree(std::size_t count) : count_(count) {
    while (leaves_ < count) leaves_ *= 2;
    sums_.assign(2 * leaves_, 0.0);
  }
  std::size_t size() const { return count_; }
  double total() const { return sums_[1]; }
  double at(std::size_t index) const { return sums_[leaves_ + index]; }
  // `weight` must be finite and not negative.
  void set(std::size_t index, double weight) {
    std::size_t node = leaves_ + index;
    sums_[node] = weight;
    for (node /= 2; node >= 1; node /= 2) sums_[node] = sums_[2 * node] + sums_[2 * node + 1];
  }
  // The index at which the running sum passes `position` in [0, total()).
  std::size_t find(double position) const {
    std::size_t node = 1;
    while (node < leaves_) {
      node *= 2;
      if (position >= sums_[node] && sums_[node + 1] > 0) {
        position -= sums_[node];
        ++node;
      }
    }
    return node - leaves_;
  }

 private:
  std::size_t count_;
  std::size_t leaves_ = 1;
  std::vector<double> sums_;  // [1] the root, children of n at 2n and 2n+1
};

}  // namespace jarvis2::learn
