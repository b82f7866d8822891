// cpp/endl-to-newline: std::endl flushes on every line; '\n' does not.
// Assumed: nobody waits for a line while the program goes on (a crash could lose lines that are still buffered).
// cpp/sync-with-stdio: iostreams are uncoupled from C's stdio at the start of main().
// Preconditions: the workspace uses no C stdio function and no other write to the same descriptors.
#include "edit/cpp/list.h"

namespace jarvis2::edit::cpp {
namespace {

void find_endl(const Context& context) {
  for (const Node& function : context.nodes({"function_definition"})) {
    Proposal proposal = context.draft(function.range(), "write '\\n' instead of std::endl",
                                      "lines appear when the stream's buffer is full or at its end, not at once");
    for (const Node& test : code::descendants(function, {"binary_expression"})) {
      if (test.field("operator").text() != "<<") continue;
      const Node right = test.field("right");
      if (right.text() != "std::endl" && right.text() != "endl") continue;
      if (!context.wanted(test.range())) continue;
      Node left = test.field("left");
      if (left.text().find("cerr") != std::string_view::npos) continue;
      replace(context, proposal, right, "'\\n'");
    }
    if (function.ancestor({"function_definition"})) continue;
    context.emit(std::move(proposal));
  }
}

void find_sync(const Context& context) {
  for (const CFunction& function : context.info.functions) {
    if (function.name != "main" || !function.owner.empty() || !function.body || !context.site_of(function)) continue;
    bool streams = false;
    bool stdio = false;
    static const std::vector<std::string> kStdio = {
        "printf", "puts",  "putchar", "scanf",  "getchar", "fprintf", "fputs",           "fwrite",  "fread",  "getc",
        "putc",   "fgets", "fputc",   "stdout", "stdin",   "write",   "sync_with_stdio", "vprintf", "setvbuf"};
    for (const std::shared_ptr<const CFile>& file : context.facts.files()) {
      for (const std::string& name : kStdio) stdio |= file->identifiers.contains(name);
      streams |= file->identifiers.contains("cin") || file->identifiers.contains("cout");
    }
    if (stdio || !streams) continue;
    const std::vector<Node> statements = code::named_children(function.body);
    if (statements.empty()) continue;
    Proposal proposal = context.draft(function.node.range(), "uncouple iostreams from C's stdio",
                                      "no file of the project uses C's stdio; std::cin no longer flushes std::cout");
    const std::uint32_t at = statements[0].range().begin;
    const std::string indent = indent_of(statements[0]);
    replace(proposal, context.file.path, {at, at},
            "std::ios::sync_with_stdio(false);" + line_end(context) + indent + "std::cin.tie(nullptr);" +
                line_end(context) + indent);
    add_include(context, proposal, context.file.path, "iostream");
    context.emit(std::move(proposal));
  }
}

}  // namespace

Made endl_to_newline() {
  return make({"cpp/endl-to-newline", Language::kCpp, 1.05}, find_endl);
}

Made sync_with_stdio() {
  return make({"cpp/sync-with-stdio", Language::kCpp, 1.1}, find_sync);
}

}  // namespace jarvis2::edit::cpp
