#include "code/pattern_gpu.h"

#include <mutex>

#include "code/multi_pattern.h"
#include "gpu/gpu.h"

namespace jarvis2::code {
namespace {

std::vector<TextEnd> run_on(const gpu::Device& device, const PatternTables& tables, std::string_view text,
                            std::span<const PatternItem> items) {
  std::vector<TextEnd> ends;
  if (items.empty()) return ends;
  const gpu::PatternTables view{tables.class_of, tables.context_of, tables.next,           tables.accept_at,
                                tables.accepts,  tables.classes,    tables.first_accepting};
  const std::span<const std::uint32_t> numbers(&items[0].scan_from, 4 * items.size());
  for (const gpu::PatternEnd& one : gpu::scan_patterns(device, view, text, numbers)) {
    ends.push_back({one.pattern, one.end});
  }
  return ends;
}

}  // namespace

bool offer_gpu_for_patterns() {
  static std::once_flag once;
  std::call_once(once, [] {
    if (has_pattern_device() || !gpu::may_have_device()) return;
    const gpu::Device* const device = gpu::device();
    if (device == nullptr) return;
    set_pattern_device({device->info().backend + " " + device->info().name,
                        [device](const PatternTables& tables, std::string_view text,
                                 std::span<const PatternItem> items) { return run_on(*device, tables, text, items); }});
  });
  return has_pattern_device();
}

}  // namespace jarvis2::code
