#include "index/gpu_similarity.h"

#include <algorithm>

#include "base/error.h"
#include "base/log.h"

namespace jarvis2::index {
namespace {

constexpr std::size_t kQueriesOfTask = 16;
constexpr std::size_t kLeastRows = 16384;  // below, a second thread costs more than it saves
constexpr double kProductsToOpen = 2e11;   // multiply-adds that a CPU does while a GPU is opened and filled
constexpr std::size_t kMostGpuRows = 16'000'000;

bool better(const VectorHit& a, const VectorHit& b) {
  return a.score != b.score ? a.score > b.score : a.row < b.row;
}

// Every part of a view's blocks, with the row that it begins at.
struct Part {
  VectorView view;
  std::size_t first = 0;
};

std::vector<Part> parts_of(const VectorView& view, std::size_t count) {
  std::vector<Part> parts;
  const std::size_t rows = view.size();
  const std::size_t each = std::max<std::size_t>(1, (rows + count - 1) / count);
  std::size_t at = 0;
  for (const VectorBlock& block : view.blocks) {
    std::size_t taken = 0;
    while (taken < block.count) {
      if (parts.empty() || at - parts.back().first >= each) parts.push_back({{view.dimensions, {}}, at});
      const std::size_t take = std::min(block.count - taken, parts.back().first + each - at);
      parts.back().view.blocks.push_back(
          {block.codes + taken * view.dimensions, block.scales + taken, block.floats + taken * view.dimensions, take});
      taken += take;
      at += take;
    }
  }
  return parts;
}

}  // namespace

GpuVectors::GpuVectors(const gpu::Device& device, const VectorView& view) : set_(device, view.size(), view.dimensions) {
  for (const VectorBlock& block : view.blocks) set_.append(block.floats, block.count);
}

std::vector<std::vector<VectorHit>> GpuVectors::top_k(std::span<const float> queries, std::size_t k) const {
  std::vector<std::vector<VectorHit>> found;
  for (const std::vector<gpu::RowScore>& rows : set_.top_k(queries, k)) {
    std::vector<VectorHit>& hits = found.emplace_back();
    for (const gpu::RowScore& row : rows) hits.push_back({row.row, row.score});
  }
  return found;
}

std::vector<std::vector<VectorHit>> top_k_on_lanes(hardware::Lanes& lanes, const VectorView& view,
                                                   std::span<const float> queries, std::size_t k, float loss) {
  const std::size_t threads = static_cast<std::size_t>(lanes.sizes().performance);
  if (view.dimensions == 0 || threads < 2 || view.size() < kLeastRows) return top_k(view, queries, k, loss);
  const std::size_t count = queries.size() / view.dimensions;
  std::vector<std::vector<VectorHit>> found(count);
  if (count >= threads * kQueriesOfTask) {
    const std::size_t tasks = (count + kQueriesOfTask - 1) / kQueriesOfTask;
    lanes.for_each(tasks, {}, [&](std::size_t task) {
      const std::size_t first = task * kQueriesOfTask;
      const std::size_t some = std::min(kQueriesOfTask, count - first);
      std::vector<std::vector<VectorHit>> hits =
          top_k(view, queries.subspan(first * view.dimensions, some * view.dimensions), k, loss);
      for (std::size_t q = 0; q < some; ++q) found[first + q] = std::move(hits[q]);
    });
    return found;
  }
  const std::vector<Part> parts = parts_of(view, threads);
  std::vector<std::vector<std::vector<VectorHit>>> hits(parts.size());
  lanes.for_each(parts.size(), {}, [&](std::size_t part) { hits[part] = top_k(parts[part].view, queries, k, loss); });
  for (std::size_t q = 0; q < count; ++q) {
    for (std::size_t part = 0; part < parts.size(); ++part) {
      for (VectorHit hit : hits[part][q]) {
        hit.row += static_cast<std::uint32_t>(parts[part].first);
        found[q].push_back(hit);
      }
    }
    std::sort(found[q].begin(), found[q].end(), better);
    if (found[q].size() > k) found[q].resize(k);
  }
  return found;
}

bool worth_copying(std::size_t rows, std::size_t dimensions, std::size_t queries) {
  return rows <= kMostGpuRows &&
         static_cast<double>(rows) * static_cast<double>(dimensions * queries) > kProductsToOpen;
}

std::vector<std::vector<VectorHit>> top_k_anywhere(const VectorView& view, std::span<const float> queries,
                                                   std::size_t k, float loss) {
  const std::size_t count = view.dimensions == 0 ? 0 : queries.size() / view.dimensions;
  if (k <= gpu::kMostTop && worth_copying(view.size(), view.dimensions, count) && gpu::device() != nullptr) {
    try {
      return GpuVectors(*gpu::device(), view).top_k(queries, k);
    } catch (const Error& error) {
      log::debug("similarity on the CPU: {}", error.what());  // the vectors don't fit, say
    }
  }
  return top_k_on_lanes(hardware::lanes(), view, queries, k, loss);
}

}  // namespace jarvis2::index
