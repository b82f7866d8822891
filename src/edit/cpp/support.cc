#include "edit/cpp/support.h"

#include <algorithm>
#include <cctype>
#include <charconv>

#include "base/hash.h"
#include "code/c_facts_file.h"

namespace jarvis2::edit::cpp {
namespace {

class CodeTransformation : public Transformation {
 public:
  CodeTransformation(Spec spec, Finder find) : spec_(std::move(spec)), find_(std::move(find)) {}
  std::string name() const override { return spec_.name; }
  Language language() const override { return spec_.language; }
  std::vector<Proposal> propose(const code::Workspace& workspace, const code::SourceFile& file,
                                const std::vector<Range>& ranges) const override {
    std::vector<Proposal> out;
    if (!file.editable || file.tree == nullptr) return out;
    const Language language = file.tree->language();
    if (language != Language::kC && language != Language::kCpp) return out;
    if (spec_.language == Language::kCpp && language != Language::kCpp) return out;
    std::shared_ptr<const CFacts> facts = CFacts::of(workspace);
    const CFile* info = facts->file(file.path);
    if (info == nullptr || info->tree.get() != file.tree.get()) return out;
    find_(Context(spec_, workspace, file, *info, std::move(facts), ranges, out));
    return out;
  }

 private:
  Spec spec_;
  Finder find_;
};

void gather(Node node, const std::vector<std::string_view>& kinds, const std::vector<Range>& ranges,
            std::vector<Node>& out) {
  if (!ranges.empty() &&
      std::none_of(ranges.begin(), ranges.end(), [&](const Range& range) { return range.overlaps(node.range()); })) {
    return;
  }
  if (node.is("ERROR")) return;
  if (std::find(kinds.begin(), kinds.end(), node.kind()) != kinds.end()) out.push_back(node);
  code::each_child(node, [&](Node child, std::string_view) {
    if (child.is_named()) gather(child, kinds, ranges, out);
  });
}

std::size_t count_errors(Node node) {
  if (!node.has_error()) return 0;
  std::size_t count = node.is("ERROR") || ts_node_is_missing(node.raw()) ? 1 : 0;
  code::each_child(node, [&](Node child, std::string_view) { count += count_errors(child); });
  return count;
}

bool in_error(const code::Tree& tree, Range range) {
  if (!tree.root().has_error()) return false;
  bool statement = false;
  for (Node node = tree.at(range); node; node = node.parent()) {
    if (node.is("ERROR")) return true;
    // The statement or declaration that is changed must be understood as a whole; what is around it need not.
    if (!statement && node.has_error() && !node.is("compound_statement")) {
      if (node.is("translation_unit") || node.is("declaration_list") || node.is("field_declaration_list")) return false;
      return true;
    }
    const std::string_view kind = node.kind();
    statement = statement || kind.ends_with("_statement") || kind.ends_with("declaration") ||
                kind == "for_range_loop" || kind == "function_definition";
  }
  return false;
}

// The definition or declaration at file level (or in a namespace) that holds the range; null between two of them.
Node unit_of(const code::Tree& tree, Range range) {
  Node node = tree.at(range);
  for (Node up = node.parent(); node && up; node = up, up = up.parent()) {
    if (up.is("translation_unit") || up.is("declaration_list") || up.kind().starts_with("preproc_if") ||
        up.is("preproc_else")) {
      const bool list =
          node.is("declaration_list") || node.kind().starts_with("preproc_") || node.is("namespace_definition");
      return list ? Node() : node;
    }
  }
  return {};
}

// Whether changes [from, to) of one file make new parse errors: the units they touch are parsed alone, before and
// after.
bool breaks(const code::Tree& tree, const std::vector<Change>& changes, std::size_t from, std::size_t to) {
  for (std::size_t i = from; i < to;) {
    Node unit = unit_of(tree, changes[i].range);
    std::size_t j = i + 1;
    if (!unit) {  // a line between units: an include
      ++i;
      continue;
    }
    while (j < to && unit.range().contains(changes[j].range)) ++j;
    std::string before(unit.text());
    std::string after;
    std::uint32_t at = unit.range().begin;
    for (std::size_t k = i; k < j; ++k) {
      after.append(tree.text(), at, changes[k].range.begin - at);
      after += changes[k].text;
      at = changes[k].range.end;
    }
    after.append(tree.text(), at, unit.range().end - at);
    const std::size_t errors = count_errors(code::Tree::parse(tree.language(), after)->root());
    if (errors > 0 && errors > count_errors(code::Tree::parse(tree.language(), before)->root())) return true;
    i = j;
  }
  return false;
}

bool first_on_line(Node node) {
  const std::string& text = node.tree().text();
  std::uint32_t at = node.range().begin;
  while (at > 0 && (text[at - 1] == ' ' || text[at - 1] == '\t')) --at;
  return at == 0 || text[at - 1] == '\n';
}

bool is_block(Node node) {
  return node.is("compound_statement");
}

}  // namespace

std::unique_ptr<Transformation> make(Spec spec, Finder find) {
  return std::make_unique<CodeTransformation>(std::move(spec), std::move(find));
}

bool Context::wanted(Range range) const {
  return ranges_.empty() ||
         std::any_of(ranges_.begin(), ranges_.end(), [&](const Range& other) { return other.overlaps(range); });
}

std::vector<Node> Context::nodes(std::initializer_list<std::string_view> kinds) const {
  std::vector<Node> result;
  gather(info.tree->root(), kinds, ranges_, result);
  return result;
}

std::optional<Range> Context::site_of(const CFunction& function) const {
  if (function.path == file.path && wanted(function.node.range())) return function.node.range();
  const auto found = info.identifiers.find(function.name);
  if (found == info.identifiers.end()) return std::nullopt;
  for (const Node& name : found->second) {
    if (!wanted(name.range())) continue;
    Node up = name.parent();
    while (up.is("field_expression") || up.is("qualified_identifier") || up.is("template_function")) up = up.parent();
    if (up.is("call_expression")) return up.range();
  }
  return std::nullopt;
}

std::optional<Range> Context::site_of(const CVariable& variable) const {
  if (&variable.name_node.tree() == info.tree.get() && wanted(variable.declaration.range())) {
    return variable.declaration.range();
  }
  const auto found = info.identifiers.find(variable.name);
  if (found == info.identifiers.end()) return std::nullopt;
  for (const Node& name : found->second) {
    if (wanted(name.range()) && !name.is("preproc_arg")) return name.range();
  }
  return std::nullopt;
}

std::string Context::fresh(const std::string& base) const {
  std::string name = base;
  for (int i = 2;; ++i) {
    const bool macro = std::any_of(facts.files().begin(), facts.files().end(),
                                   [&](const std::shared_ptr<const CFile>& one) { return one->macros.contains(name); });
    if (!macro && facts.count_identifier(name) == 0 && !code::library_effect(name)) return name;
    name = base + std::to_string(i);
  }
}

std::string Context::name_for(Node expression, Node scope, const std::string& prefix, const std::string& suffix) const {
  std::string name = prefix;
  std::string word;
  bool plain = true;
  const std::string text(expression.text());
  for (std::size_t i = 0; i <= text.size(); ++i) {
    const char c = i < text.size() ? text[i] : ' ';
    if (std::isalnum(static_cast<unsigned char>(c)) || c == '_') {
      word += c;
      continue;
    }
    if (!word.empty() && word != "std" && word != "this") {
      while (word.size() > 1 && word.back() == '_') word.pop_back();
      name += (name.empty() ? "" : "_") + word;
    }
    word.clear();
    if (c != ' ' && std::string_view(".->(),[]:;&*").find(c) == std::string_view::npos) plain = false;
  }
  if (name.size() > 40) {
    name.resize(40);
    plain = false;
  }
  if (name.empty() || std::isdigit(static_cast<unsigned char>(name[0]))) name = "value_" + name;
  if (!plain) name += "_" + sha256_hex(text).substr(0, 3);
  name += suffix;
  const CFunction* function = facts.enclosing_function(scope);
  if (function != nullptr) {
    for (const Node& other : code::descendants(function->node, {expression.kind()})) {
      if (other.text() == text && !scope.range().contains(other.range())) {
        name += "_" + std::to_string(scope.line());
        break;
      }
    }
  }
  return fresh(name);
}

Proposal Context::draft(Range site, std::string title, std::string note) const {
  Proposal proposal;
  proposal.rule = spec_.name;
  proposal.title = std::move(title);
  proposal.note = std::move(note);
  proposal.safety = spec_.safety;
  proposal.path = file.path;
  proposal.site = site;
  proposal.prior_ratio = spec_.prior_ratio;
  return proposal;
}

void Context::emit(Proposal proposal) const {
  if (proposal.changes.empty() || !wanted(proposal.site)) return;
  std::stable_sort(proposal.changes.begin(), proposal.changes.end(), [](const Change& a, const Change& b) {
    return std::tie(a.path, a.range.begin, a.range.end) < std::tie(b.path, b.range.begin, b.range.end);
  });
  // Insertions at one place become one; anything else may not overlap.
  std::vector<Change> merged;
  for (Change& change : proposal.changes) {
    if (!merged.empty() && merged.back().path == change.path) {
      Change& last = merged.back();
      if (last.range.begin == change.range.begin && last.range.size() == 0) {
        last.range = change.range;
        last.text += change.text;
        continue;
      }
      if (last.range.end > change.range.begin) return;
      if (last.range == change.range && last.text == change.text) continue;
    }
    merged.push_back(std::move(change));
  }
  proposal.changes = std::move(merged);
  for (std::size_t i = 0; i < proposal.changes.size();) {
    const std::string& path = proposal.changes[i].path;
    const code::SourceFile* source = workspace.find(path);
    if (source == nullptr || !source->editable || source->tree == nullptr) return;
    const std::string& old = source->tree->text();
    std::string text;
    std::uint32_t at = 0;
    std::size_t j = i;
    for (; j < proposal.changes.size() && proposal.changes[j].path == path; ++j) {
      const Change& change = proposal.changes[j];
      if (in_error(*source->tree, change.range)) return;
      text.append(old, at, change.range.begin - at);
      text += change.text;
      at = change.range.end;
    }
    text.append(old, at, std::string::npos);
    if (text.size() == old.size() && text == old) return;
    if (breaks(*source->tree, proposal.changes, i, j)) return;
    i = j;
  }
  for (const Proposal& other : out_) {
    if (other.changes.size() == proposal.changes.size() &&
        std::equal(other.changes.begin(), other.changes.end(), proposal.changes.begin(),
                   [](const Change& a, const Change& b) {
                     return a.path == b.path && a.range == b.range && a.text == b.text;
                   })) {
      return;
    }
  }
  out_.push_back(std::move(proposal));
}

std::string path_of(const Context& context, Node node) {
  const CFile* home = context.facts.file_of(node);
  return home != nullptr ? home->path : std::string();
}

void replace(const Context& context, Proposal& proposal, Node node, std::string text) {
  replace(proposal, path_of(context, node), node.range(), std::move(text));
}

void replace(Proposal& proposal, const std::string& path, Range range, std::string text) {
  proposal.changes.push_back({path, range, std::move(text)});
}

void add_include(const Context& context, Proposal& proposal, const std::string& path, const std::string& name) {
  const CFile* target = context.facts.file(path);
  if (target == nullptr || target->includes_header(name)) return;
  const std::string line = "#include <" + name + ">";
  const std::string end = target->tree->text().find("\r\n") != std::string::npos ? "\r\n" : "\n";
  Node last;
  for (const code::CInclude& include : target->includes) {
    const Node parent = include.node.parent();
    const bool guard =
        parent.is("preproc_ifdef") && parent.parent().is("translation_unit") && parent.text().starts_with("#ifndef");
    if (parent.is("translation_unit") || guard) last = include.node;
  }
  if (last) {
    // The node of an include may or may not hold the line's end.
    const std::uint32_t line_begin = last.range().begin;
    replace(proposal, path, {line_begin, line_begin}, line + end);
    return;
  }
  std::uint32_t at = 0;
  code::each_child(target->tree->root(), [&](Node child, std::string_view) {
    if (at == 0 && !child.is("comment") && child.is_named()) at = child.range().begin;
  });
  replace(proposal, path, {at, at}, line + end);
}

std::string indent_of(Node node) {
  const std::string& text = node.tree().text();
  const Range line = node.tree().line_range(node.line());
  std::uint32_t end = line.begin;
  while (end < line.end && (text[end] == ' ' || text[end] == '\t')) ++end;
  return text.substr(line.begin, end - line.begin);
}

std::string line_end(const Context& context) {
  return context.info.tree->text().find("\r\n") != std::string::npos ? "\r\n" : "\n";
}

bool put_around(const Context& context, Proposal& proposal, Node statement, const std::string& before,
                const std::string& after) {
  const std::string path = path_of(context, statement);
  const Range range = statement.range();
  const std::string separator = line_end(context) + indent_of(statement);
  bool braces = !is_block(statement.parent()) || !first_on_line(statement);
  // A goto must not jump over the new declaration.
  if (!braces && !before.empty()) {
    const CFunction* function = context.facts.enclosing_function(statement);
    if (function != nullptr && !code::descendants(function->body, {"goto_statement"}).empty()) braces = true;
  }
  if (braces && (statement.is("declaration") || statement.is("labeled_statement"))) return false;
  std::string head = braces ? "{ " : "";
  if (!before.empty()) head += before + (braces ? " " : separator);
  std::string tail = after.empty() ? "" : (braces ? " " + after : separator + after);
  if (braces) tail += " }";
  if (braces) {
    // Written over the first byte: two changes that both need braces here then conflict instead of losing one.
    replace(proposal, path, {range.begin, range.begin + 1}, head + std::string(statement.text().substr(0, 1)));
  } else if (!head.empty()) {
    replace(proposal, path, {range.begin, range.begin}, head);
  }
  if (!tail.empty()) replace(proposal, path, {range.end, range.end}, tail);
  return true;
}

bool put_before(const Context& context, Proposal& proposal, Node statement, const std::string& text) {
  return put_around(context, proposal, statement, text, "");
}

bool put_after(const Context& context, Proposal& proposal, Node statement, const std::string& text) {
  return put_around(context, proposal, statement, "", text);
}

Node statement_of(Node node) {
  for (Node up = node; up; up = up.parent()) {
    const Node parent = up.parent();
    if (!parent) return {};
    if (is_block(parent) || parent.is("case_statement") || parent.is("labeled_statement") || parent.is("else_clause")) {
      return up;
    }
    if (parent.is("translation_unit") || parent.is("declaration_list") || parent.is("field_declaration_list"))
      return {};
    if (code::is_loop(parent) && parent.field("body") == up) return up;
    if (parent.is("if_statement") && parent.field("consequence") == up) return up;
  }
  return {};
}

Node outermost(Node loop, const std::function<bool(Node)>& holds) {
  Node best;
  for (Node at = loop; at && holds(at); at = code::enclosing_loop(at)) best = at;
  return best;
}

std::string spelled(Node node) {
  return std::string(node.text());
}

std::string in_parens(Node expression) {
  static const std::set<std::string_view> kSimple = {"identifier",
                                                     "number_literal",
                                                     "call_expression",
                                                     "field_expression",
                                                     "subscript_expression",
                                                     "parenthesized_expression",
                                                     "string_literal",
                                                     "char_literal",
                                                     "this",
                                                     "qualified_identifier",
                                                     "true",
                                                     "false"};
  const std::string text(expression.text());
  return kSimple.contains(expression.kind()) ? text : "(" + text + ")";
}

bool is_literal_number(Node node) {
  const Node value = code::bare(node);
  return value.is("number_literal") || value.is("char_literal");
}

std::optional<long long> integer_value(const CFacts& facts, Node node) {
  const Node value = code::bare(node);
  if (value.is("number_literal")) {
    std::string text;
    for (const char c : value.text()) {
      if (c != '\'') text += c;
    }
    int base = 10;
    std::size_t from = 0;
    if (text.starts_with("0x") || text.starts_with("0X")) {
      base = 16;
      from = 2;
    } else if (text.size() > 1 && text[0] == '0') {
      base = 8;
    }
    long long number = 0;
    const char* end = text.data() + text.size();
    const std::from_chars_result parsed = std::from_chars(text.data() + from, end, number, base);
    if (parsed.ec != std::errc()) return std::nullopt;
    for (const char* rest = parsed.ptr; rest != end; ++rest) {
      if (*rest != 'u' && *rest != 'U' && *rest != 'l' && *rest != 'L') return std::nullopt;
    }
    return number;
  }
  if (value.is("identifier")) {
    const CVariable variable = facts.resolve(value);
    if (variable && (variable.is_constexpr || variable.type.is_const) && variable.value &&
        CFacts::is_integer(variable.type)) {
      return integer_value(facts, variable.value);
    }
  }
  return std::nullopt;
}

bool inside_lambda(Node node, Node within) {
  for (Node up = node.parent(); up && up != within; up = up.parent()) {
    if (up.is("lambda_expression")) return true;
  }
  return false;
}

std::optional<CountedLoop> counted(const CFacts& facts, Node loop) {
  if (!loop.is("for_statement")) return std::nullopt;
  CountedLoop result;
  result.loop = loop;
  const Node start = loop.field("initializer");
  const Node condition = code::bare(loop.field("condition"));
  const Node update = code::bare(loop.field("update"));
  if (!start || !condition.is("binary_expression") || !update) return std::nullopt;
  Node name;
  if (start.is("declaration")) {
    std::vector<Node> declarators;
    for (const Node& child : code::named_children(start)) {
      if (child.is("init_declarator")) declarators.push_back(child);
    }
    if (declarators.size() != 1 || !declarators[0].field("declarator").is("identifier")) return std::nullopt;
    name = declarators[0].field("declarator");
    result.begin = declarators[0].field("value");
    result.declared = true;
  } else {
    const Node assignment = code::bare(start.is("expression_statement") ? start.named(0) : start);
    if (!assignment.is("assignment_expression") || assignment.field("operator").text() != "=") return std::nullopt;
    name = assignment.field("left");
    result.begin = assignment.field("right");
  }
  if (!name.is("identifier")) return std::nullopt;
  const std::string variable(name.text());
  if (code::bare(condition.field("left")).text() != variable) return std::nullopt;
  result.op = std::string(condition.field("operator").text());
  result.bound = condition.field("right");
  if (result.op != "<" && result.op != "<=" && result.op != "!=" && result.op != ">" && result.op != ">=") {
    return std::nullopt;
  }
  if (update.is("update_expression")) {
    if (code::bare(update.field("argument")).text() != variable) return std::nullopt;
    result.step = update.text().find("--") != std::string_view::npos ? -1 : 1;
  } else if (update.is("assignment_expression") && code::bare(update.field("left")).text() == variable) {
    const std::string_view op = update.field("operator").text();
    const std::optional<long long> step = integer_value(facts, update.field("right"));
    if (!step || (op != "+=" && op != "-=")) return std::nullopt;
    result.step = op == "+=" ? *step : -*step;
  } else {
    return std::nullopt;
  }
  result.variable = facts.resolve(code::bare(condition.field("left")));
  if (!result.variable || !CFacts::is_integer(facts.resolved(result.variable.type))) return std::nullopt;
  // The body must leave the counter alone.
  if (!facts.never_modified(result.variable, code::loop_body(loop))) return std::nullopt;
  return result;
}

std::vector<Node> body_statements(Node loop) {
  const Node body = code::loop_body(loop);
  if (is_block(body)) return code::named_children(body);
  return body ? std::vector<Node>{body} : std::vector<Node>{};
}

bool has_jumps(Node loop, bool count_continue) {
  for (const Node& node : code::descendants(
           loop, {"break_statement", "continue_statement", "return_statement", "goto_statement", "throw_statement",
                  "co_return_statement", "co_yield_statement", "co_await_expression", "labeled_statement"})) {
    if (inside_lambda(node, loop)) continue;
    if (node.is("continue_statement") && !count_continue) continue;
    if (node.is("break_statement") || node.is("continue_statement")) {
      Node target = node.parent();
      while (target && !code::is_loop(target) && !(node.is("break_statement") && target.is("switch_statement"))) {
        target = target.parent();
      }
      if (target != loop && loop.range().contains(target.range())) continue;  // stays inside
    }
    return true;
  }
  return false;
}

std::vector<Node> declarators_of(const CFacts& facts, const CFunction& function) {
  std::vector<Node> result;
  for (const std::shared_ptr<const CFile>& file : facts.files()) {
    const auto found = file->prototypes.find(function.name);
    if (found == file->prototypes.end()) continue;
    for (const Node& declarator : found->second) {
      const Node record = declarator.ancestor({"struct_specifier", "class_specifier", "union_specifier"});
      CType owner;
      owner.base = record ? spelled(record.field("name")) : std::string();
      if (owner.name() == function.owner) result.push_back(declarator);
    }
  }
  for (const CFunction* definition : facts.functions(function.name)) {
    if (definition->declarator && definition->owner == function.owner) result.push_back(definition->declarator);
  }
  return result;
}

bool only_called(const CFacts& facts, const CFunction& function) {
  for (const std::shared_ptr<const CFile>& file : facts.files()) {
    const auto found = file->identifiers.find(function.name);
    if (found == file->identifiers.end()) continue;
    for (const Node& name : found->second) {
      if (name.is("preproc_arg")) return false;
      Node up = name.parent();
      Node at = name;
      while (up.is("qualified_identifier") || up.is("template_function") || up.is("field_expression")) {
        if (up.is("field_expression") && up.field("field") != at) break;
        at = up;
        up = up.parent();
      }
      if (up.is("function_declarator") || up.is("using_declaration")) continue;
      if (up.is("call_expression") && up.field("function") == at) continue;
      // Another thing of that name: a variable, a type, a field.
      if (name.is("type_identifier") || name.is("namespace_identifier")) continue;
      if (name.is("identifier") && facts.resolve(name)) continue;
      if (name.is("field_identifier") && facts.resolve(name)) continue;
      return false;
    }
  }
  return true;
}

}  // namespace jarvis2::edit::cpp
