#include "project/sample_text.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <vector>

namespace jarvis2::project {
namespace {

struct Call {
  std::size_t column = 0;
  std::int64_t own = 0;  // samples not in callees
  ProfileBuilder::Frame frame;
};

// "work  (in bench) + 44,60  [0x100003f2c,0x100003f3c]  bench.c:12"
ProfileBuilder::Frame parse_frame_of_sample(std::string_view text,
                                            const std::function<std::string(const std::string& name)>& path_of) {
  ProfileBuilder::Frame frame;
  const std::size_t in = text.rfind("  (in ");
  frame.function = std::string(text.substr(0, in));
  if (in == std::string_view::npos) return frame;
  const std::size_t bracket = text.find(']', in);
  if (bracket != std::string_view::npos) {
    std::string_view place = text.substr(bracket + 1);
    while (place.starts_with(' ')) place.remove_prefix(1);
    const std::size_t colon = place.rfind(':');
    if (colon != std::string_view::npos) {
      frame.path = path_of(std::string(place.substr(0, colon)));
      if (!frame.path.empty()) std::from_chars(place.data() + colon + 1, place.data() + place.size(), frame.line);
    }
  }
  if (frame.path.empty()) {
    const std::size_t close = text.find(')', in);
    if (close != std::string_view::npos)
      frame.function += " (" + std::string(text.substr(in + 6, close - in - 6)) + ")";
  }
  return frame;
}

}  // namespace

void read_sample(std::string_view text, const std::function<std::string(const std::string& name)>& path_of,
                 ProfileBuilder& builder) {
  const std::size_t start = text.find("Call graph:\n");
  if (start == std::string_view::npos) return;
  std::vector<Call> stack;
  const auto leave = [&](std::size_t column) {
    while (!stack.empty() && stack.back().column >= column) {
      if (stack.back().own > 0 && !stack.back().frame.function.empty()) {
        std::vector<ProfileBuilder::Frame> frames;
        for (std::size_t i = stack.size(); i-- > 0;) {
          if (!stack[i].frame.function.empty()) frames.push_back(stack[i].frame);
        }
        builder.add(frames, static_cast<double>(stack.back().own));
      }
      stack.pop_back();
    }
  };
  for (std::size_t at = start + 12; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = text.substr(at, end - at);
    at = end + 1;
    // Branches are drawn with these before the count.
    const std::size_t column = line.find_first_not_of(" +!:|");
    if (column == 0 || column == std::string_view::npos) break;  // the next part, or its empty line
    std::int64_t count = 0;
    const std::from_chars_result read = std::from_chars(line.data() + column, line.data() + line.size(), count);
    if (read.ec != std::errc() || count <= 0 || read.ptr == line.data() + line.size() || *read.ptr != ' ') break;
    const std::string_view rest = line.substr(static_cast<std::size_t>(read.ptr - line.data()) + 1);
    leave(column);
    if (!stack.empty()) stack.back().own -= count;
    Call call{column, count, {}};
    if (!rest.starts_with("Thread_")) call.frame = parse_frame_of_sample(rest, path_of);
    stack.push_back(std::move(call));
  }
  leave(0);
}

}  // namespace jarvis2::project
