#include "engine/report.h"

#include <sys/utsname.h>

#include <string_view>

#include "base/files.h"
#include "base/json.h"
#include "base/process.h"
#include "engine/report_template.h"
#include "hardware/machine.h"

namespace jarvis2::engine {
namespace {

// JSON that can stand in a script element.
std::string script_safe(std::string text) {
  for (std::size_t at = 0; (at = text.find("</", at)) != std::string::npos; at += 3) text.insert(at + 1, "\\");
  for (std::size_t at = 0; (at = text.find("<!--", at)) != std::string::npos; at += 7) text.replace(at, 1, "\\u003c");
  return text;
}

void fill(std::string& page, std::string_view mark, const std::string& text) {
  const std::size_t at = page.find(mark);
  if (at != std::string::npos) page.replace(at, mark.size(), text);
}

std::string first_line(const std::vector<std::string>& argv) {
  if (find_program(argv[0]).empty()) return "";
  const ProcessResult result = run_process({.argv = argv}, 5);
  return result.out.substr(0, result.out.find('\n'));
}

std::string processor() {
  std::error_code error;
  if (fs::exists("/proc/cpuinfo", error)) {
    const std::string text = read_file("/proc/cpuinfo");
    const std::size_t at = text.find("model name");
    if (at != std::string::npos) {
      const std::size_t colon = text.find(": ", at);
      return text.substr(colon + 2, text.find('\n', at) - colon - 2);
    }
  }
  return first_line({"sysctl", "-n", "machdep.cpu.brand_string"});
}

}  // namespace

std::string report_html(const Json& result, const std::string& tree_json) {
  std::string page(kReportTemplate);
  // The tree first: the result may hold the mark in somebody's patch.
  fill(page, "@TREE@", script_safe(tree_json.empty() ? "null" : tree_json));
  fill(page, "@RESULT@", script_safe(result.dump(-1, ' ', false, Json::error_handler_t::replace)));
  return page;
}

Json machine_json() {
  static const Json machine = [] {
    struct utsname system {};
    ::uname(&system);
    return Json{{"cpu", processor()},
                {"logical_cpus", hardware::logical_cpus(hardware::this_machine())},
                {"system", std::string(system.sysname) + " " + system.release + " " + system.machine},
                {"compiler", first_line({"cc", "--version"})},
                {"python", first_line({"python3", "--version"})}};
  }();
  return machine;
}

}  // namespace jarvis2::engine
