#include "code/model.h"

#include <algorithm>
#include <functional>

#include "base/hash.h"
#include "hardware/lanes.h"

namespace jarvis2::code {
namespace {

// Runs `body(i)` for i in [0, count): by itself, or on the lanes where there is more than one thread to use; the
// exception of the first that failed is rethrown.
void parallel_for(std::size_t count, unsigned threads, const std::function<void(std::size_t)>& body) {
  if (threads > 1 && count > 1) {
    hardware::lanes().for_each(count, {}, body);
  } else {
    for (std::size_t i = 0; i < count; ++i) body(i);
  }
}

struct FileFacts {
  std::vector<Function> functions;
  std::vector<Call> calls;  // caller: index into `functions`
};

bool is_function(Node node) {
  return node.is("function_definition") || node.is("method_declaration");
}

// The name in a C or C++ declarator: "f", "Class::f", "~Class", "operator+".
std::string declarator_name(Node declarator) {
  for (Node at = declarator; at;) {
    if (at.is("identifier") || at.is("field_identifier") || at.is("destructor_name") || at.is("operator_name") ||
        at.is("qualified_identifier") || at.is("type_identifier") || at.is("operator_cast")) {
      return std::string(at.text());
    }
    const Node inner = at.field("declarator");
    if (!inner && (at.is("reference_declarator") || at.is("parenthesized_declarator"))) {
      at = at.named(0);
    } else {
      at = inner;
    }
  }
  return {};
}

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
    text.replace(at, from.size(), to);
  return text;
}

std::string call_name(Node function) {
  Node last = function;
  if (function.is("attribute")) last = function.field("attribute");
  if (function.is("field_expression")) last = function.field("field");
  if (function.is("qualified_identifier")) {
    while (last.is("qualified_identifier") && last.field("name")) last = last.field("name");
  }
  if (last.is("template_function") || last.is("template_method")) last = last.field("name");
  const std::string_view text = last.text();
  return text.size() <= 100 ? std::string(text) : std::string();
}

void collect(Node node, const std::string& path, std::vector<std::string>& scope, std::uint32_t caller,
             FileFacts& facts) {
  const bool python = node.tree().language() == Language::kPython;
  bool pushed = false;
  std::uint32_t inside = caller;
  if (is_function(node)) {
    std::string name = python ? std::string(node.field("name").text()) : declarator_name(node.field("declarator"));
    if (!name.empty()) {
      name = replaced(name, "::", ".");
      Function function;
      const std::size_t dot = name.rfind('.');
      function.name = dot == std::string::npos ? name : name.substr(dot + 1);
      for (const std::string& part : scope) function.qualified += part + ".";
      function.qualified += name;
      function.path = path;
      const Node parent = node.parent();
      function.range =
          parent.is("decorated_definition") || parent.is("template_declaration") ? parent.range() : node.range();
      function.body = node.field("body").range();
      function.line = node.line();
      function.end_line = node.end_line();
      inside = static_cast<std::uint32_t>(facts.functions.size());
      facts.functions.push_back(std::move(function));
      scope.push_back(name);
      pushed = true;
    }
  } else if (node.is("class_definition") || node.is("class_specifier") || node.is("struct_specifier") ||
             node.is("namespace_definition")) {
    const Node name = node.field("name");
    if (name && node.field("body")) {
      scope.push_back(replaced(std::string(name.text()), "::", "."));
      pushed = true;
    }
  } else if (node.is("call") || node.is("call_expression")) {
    Call call;
    call.caller = caller;
    call.name = call_name(node.field("function"));
    call.path = path;
    call.line = node.line();
    call.range = node.range();
    if (!call.name.empty()) facts.calls.push_back(std::move(call));
  }
  for (std::uint32_t i = 0, count = node.named_count(); i < count; ++i)
    collect(node.named(i), path, scope, inside, facts);
  if (pushed) scope.pop_back();
}

}  // namespace

Model Model::build(const Workspace& workspace, unsigned threads) {
  const std::vector<SourceFile>& files = workspace.files();
  std::vector<FileFacts> facts(files.size());
  parallel_for(files.size(), threads, [&](std::size_t i) {
    std::vector<std::string> scope;
    collect(files[i].tree->root(), files[i].path, scope, Call::kNoFunction, facts[i]);
  });
  Model model;
  for (std::size_t i = 0; i < files.size(); ++i) {
    const std::uint32_t first = static_cast<std::uint32_t>(model.functions_.size());
    for (Function& function : facts[i].functions) model.functions_.push_back(std::move(function));
    model.by_path_[files[i].path] = {first, static_cast<std::uint32_t>(model.functions_.size())};
    for (Call& call : facts[i].calls) {
      if (call.caller != Call::kNoFunction) call.caller += first;
      model.calls_.push_back(std::move(call));
    }
  }
  // A call means a function when its name has one definition in its own file, else one in the workspace.
  std::map<std::string, std::vector<std::uint32_t>, std::less<>> by_name;
  for (std::uint32_t i = 0; i < model.functions_.size(); ++i) by_name[model.functions_[i].name].push_back(i);
  for (Call& call : model.calls_) {
    const auto found = by_name.find(call.name);
    if (found == by_name.end()) continue;
    std::vector<std::uint32_t> here;
    for (const std::uint32_t i : found->second) {
      if (model.functions_[i].path == call.path) here.push_back(i);
    }
    const std::vector<std::uint32_t>& choice = here.empty() ? found->second : here;
    if (choice.size() == 1) call.callee = choice[0];
  }
  return model;
}

const Function* Model::function_at(std::string_view path, std::uint32_t byte) const {
  const auto found = by_path_.find(path);
  if (found == by_path_.end()) return nullptr;
  const Function* best = nullptr;
  for (std::uint32_t i = found->second.first; i < found->second.second; ++i) {
    const Function& function = functions_[i];
    if (function.range.begin <= byte && byte < function.range.end &&
        (best == nullptr || function.range.size() <= best->range.size())) {
      best = &function;
    }
  }
  return best;
}

const Function* Model::function_at_line(std::string_view path, std::uint32_t line) const {
  const auto found = by_path_.find(path);
  if (found == by_path_.end()) return nullptr;
  const Function* best = nullptr;
  for (std::uint32_t i = found->second.first; i < found->second.second; ++i) {
    const Function& function = functions_[i];
    if (function.line <= line && line <= function.end_line &&
        (best == nullptr || function.end_line - function.line <= best->end_line - best->line)) {
      best = &function;
    }
  }
  return best;
}

std::vector<const Function*> Model::find(std::string_view path, std::string_view name) const {
  std::vector<const Function*> result;
  for (const Function& function : functions_) {
    if (!path.empty() && function.path != path) continue;
    const bool suffix = function.qualified.size() > name.size() && function.qualified.ends_with(name) &&
                        function.qualified[function.qualified.size() - name.size() - 1] == '.';
    if (function.qualified == name || function.name == name || suffix) result.push_back(&function);
  }
  return result;
}

Workspace parse_workspace(const std::vector<std::pair<std::string, std::string>>& files, unsigned threads,
                          const std::vector<bool>& editable) {
  bool cpp_headers = false;
  for (const auto& [path, text] : files) cpp_headers = cpp_headers || language_of(path) == Language::kCpp;
  std::vector<SourceFile> parsed(files.size());
  parallel_for(files.size(), threads, [&](std::size_t i) {
    const Language language = language_of(files[i].first, cpp_headers);
    if (language == Language::kNone) return;
    parsed[i] = {files[i].first, sha256_hex(files[i].second), editable.empty() || editable[i],
                 Tree::parse(language, files[i].second)};
  });
  Workspace workspace;
  for (SourceFile& file : parsed) {
    if (file.tree) workspace.add(std::move(file));
  }
  return workspace;
}

}  // namespace jarvis2::code
