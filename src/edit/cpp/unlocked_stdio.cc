// c/unlocked-stdio: getc, putc, fgetc, fputc, getchar and putchar take a lock for each character; their _unlocked forms
// (POSIX) do not and are inlined.
// Preconditions: nothing in the workspace starts threads. All calls of one function change together.
#include <map>

#include "edit/cpp/list.h"

namespace jarvis2::edit::cpp {
namespace {

bool threads(const CFacts& facts) {
  for (const std::shared_ptr<const CFile>& file : facts.files()) {
    for (const char* header : {"pthread.h", "thread", "threads.h", "omp.h", "future"}) {
      if (file->includes_header(header)) return true;
    }
    for (const char* name : {"pthread_create", "thrd_create", "jthread"}) {
      if (file->identifiers.contains(name)) return true;
    }
  }
  return false;
}

void find_unlocked_stdio(const Context& context) {
  static const std::map<std::string, std::string> kForms = {
      {"getc", "getc_unlocked"},       {"fgetc", "getc_unlocked"},           {"putc", "putc_unlocked"},
      {"fputc", "putc_unlocked"},      {"getchar", "getchar_unlocked"},      {"putchar", "putchar_unlocked"},
      {"std::getc", "getc_unlocked"},  {"std::fgetc", "getc_unlocked"},      {"std::putc", "putc_unlocked"},
      {"std::fputc", "putc_unlocked"}, {"std::getchar", "getchar_unlocked"}, {"std::putchar", "putchar_unlocked"}};
  std::optional<bool> threaded;
  for (const Node& function : context.nodes({"function_definition"})) {
    Proposal proposal = context.draft(function.range(), "read and write characters without a lock each",
                                      "nothing in the project starts a thread");
    bool looped = false;
    for (const Node& call : code::descendants(function, {"call_expression"})) {
      const Node name = call.field("function");
      const auto form = kForms.find(spelled(name));
      if (form == kForms.end() || !context.facts.functions(code::callee_name(call)).empty()) continue;
      if (context.facts.resolve(name)) continue;
      looped |= static_cast<bool>(code::enclosing_loop(call));
      replace(context, proposal, name, form->second);
    }
    if (!looped) continue;
    if (!threaded) threaded = threads(context.facts);
    if (*threaded) return;
    bool defined = false;
    for (const auto& [macro, text] : context.info.macros) {
      defined |= macro == "_POSIX_C_SOURCE" || macro == "_GNU_SOURCE" || macro == "_XOPEN_SOURCE" ||
                 macro == "_DEFAULT_SOURCE";
    }
    if (!context.cpp() && !defined) {
      // -std=c11 hides POSIX names unless they are asked for before the first header.
      const std::string end = line_end(context);
      replace(proposal, context.file.path, {0, 0},
              "#if defined(__STRICT_ANSI__) && !defined(_POSIX_C_SOURCE)" + end + "#define _POSIX_C_SOURCE 200809L" +
                  end + "#endif" + end);
    }
    context.emit(std::move(proposal));
  }
}

}  // namespace

Made unlocked_stdio() {
  return make({"c/unlocked-stdio", Language::kC, 1.00}, find_unlocked_stdio);
}

}  // namespace jarvis2::edit::cpp
