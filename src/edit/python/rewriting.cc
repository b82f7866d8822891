#include "edit/python/rewriting.h"

#include <algorithm>
#include <map>

namespace jarvis2::edit::python {

namespace {

class FunctionTransformation : public Transformation {
 public:
  FunctionTransformation(std::string name, Safety safety, double prior_ratio, void (*find)(Context&), bool composite)
      : name_(std::move(name)), safety_(safety), prior_ratio_(prior_ratio), find_(find), composite_(composite) {}
  std::string name() const override { return name_; }
  code::Language language() const override { return code::Language::kPython; }
  bool composite() const override { return composite_; }
  std::vector<Proposal> propose(const code::Workspace& workspace, const code::SourceFile& file,
                                const std::vector<Range>& ranges) const override {
    if (!file.tree || file.tree->language() != code::Language::kPython || !file.editable) return {};
    Context context(workspace, file, ranges, name_, safety_, prior_ratio_);
    find_(context);
    return std::move(context.proposals);
  }

 private:
  std::string name_;
  Safety safety_;
  double prior_ratio_;
  void (*find_)(Context&);
  bool composite_;
};

}  // namespace

std::unique_ptr<Transformation> make_transformation(std::string name, Safety safety, double prior_ratio,
                                                    void (*find)(Context&), bool composite) {
  return std::make_unique<FunctionTransformation>(std::move(name), safety, prior_ratio, find, composite);
}

std::vector<Edits::Item> Edits::sorted() const {
  std::vector<Item> result = items_;
  std::stable_sort(result.begin(), result.end(), [](const Item& a, const Item& b) {
    return a.range.begin != b.range.begin ? a.range.begin < b.range.begin : a.range.end < b.range.end;
  });
  return result;
}

bool Edits::overlaps(Range range) const {
  return std::any_of(items_.begin(), items_.end(), [&](const Item& item) { return item.range.overlaps(range); });
}

bool Edits::consistent() const {
  const std::vector<Item> all = sorted();
  for (std::size_t i = 1; i < all.size(); ++i) {
    if (all[i].range.begin < all[i - 1].range.end) return false;
  }
  return true;
}

std::string Edits::apply(std::string_view source, Range range) const {
  std::string result;
  std::uint32_t at = range.begin;
  for (const Item& item : sorted()) {
    if (item.range.begin < at || item.range.end > range.end) continue;
    result += source.substr(at, item.range.begin - at);
    result += item.text;
    at = item.range.end;
  }
  result += source.substr(at, range.end - at);
  return result;
}

std::vector<Change> Edits::changes(const std::string& path) const {
  // Edits at one place, or that touch, become one change.
  std::vector<Change> result;
  for (const Item& item : sorted()) {
    if (!result.empty() && result.back().range.end == item.range.begin) {
      result.back().range.end = item.range.end;
      result.back().text += item.text;
    } else {
      result.push_back({path, item.range, item.text});
    }
  }
  return result;
}

Context::Context(const code::Workspace& workspace_in, const code::SourceFile& file_in, const std::vector<Range>& ranges,
                 std::string rule, Safety safety, double prior_ratio)
    : workspace(workspace_in),
      file(file_in),
      world(PythonWorld::of(workspace_in)),
      facts(*world->facts(file_in.path)),
      ranges_(ranges),
      rule_(std::move(rule)),
      safety_(safety),
      prior_ratio_(prior_ratio) {}

bool Context::wanted(Node node) const {
  if (ranges_.empty()) return true;
  const Range range = node.range();
  return std::any_of(ranges_.begin(), ranges_.end(), [&](const Range& asked) { return asked.overlaps(range); });
}

void Context::propose(std::string title, std::string note, Node site, const Edits& edits) {
  if (edits.empty() || !edits.consistent()) return;
  propose(std::move(title), std::move(note), site, edits.changes(file.path));
}

void Context::propose(std::string title, std::string note, Node site, std::vector<Change> changes) {
  if (changes.empty() || !parses(changes)) return;
  Proposal proposal;
  proposal.rule = rule_;
  proposal.title = std::move(title);
  proposal.note = safety_ == Safety::kAlwaysSafe ? std::string() : std::move(note);
  proposal.safety = safety_;
  proposal.path = file.path;
  proposal.site = site.range();
  proposal.prior_ratio = prior_ratio_;
  proposal.changes = std::move(changes);
  proposals.push_back(std::move(proposal));
}

// Only the top-level statements that are touched are parsed again.
bool Context::parses(const std::vector<Change>& changes) const {
  std::map<std::string, std::vector<const Change*>> by_path;
  for (const Change& change : changes) by_path[change.path].push_back(&change);
  for (auto& [path, list] : by_path) {
    const code::SourceFile* target = workspace.find(path);
    if (target == nullptr || !target->editable) return false;
    const std::string& text = target->tree->text();
    Range around{static_cast<std::uint32_t>(text.size()), 0};
    for (const Change* change : list) {
      around.begin = std::min(around.begin, change->range.begin);
      around.end = std::max(around.end, change->range.end);
    }
    const Node root = target->tree->root();
    for (std::uint32_t i = 0; i < root.named_count(); ++i) {
      const Range child = root.named(i).range();
      if (child.begin <= around.end && around.begin <= child.end) {
        around.begin = std::min(around.begin, child.begin);
        around.end = std::max(around.end, child.end);
      }
    }
    around.begin = line_begin(text, around.begin);
    const bool broken_before = root.has_error();
    Edits edits;
    for (const Change* change : list) edits.replace(change->range, change->text);
    const std::shared_ptr<const code::Tree> again =
        code::Tree::parse(code::Language::kPython, edits.apply(text, around) + "\n");
    if (again->root().has_error() && !broken_before) return false;
  }
  return true;
}

std::string line_end(const code::Tree& tree) {
  const std::size_t at = tree.text().find('\n');
  return at != std::string::npos && at > 0 && tree.text()[at - 1] == '\r' ? "\r\n" : "\n";
}

std::string indent_unit(const code::Tree& tree) {
  std::string unit;
  code::walk(tree.root(), [&](Node node) {
    if (!unit.empty()) return false;
    if (node.is("block") && node.named_count() > 0) {
      const std::optional<std::string> inner = indentation(statements(node).empty() ? node : statements(node)[0]);
      Node owner = node.parent();
      const std::optional<std::string> outer = indentation(owner);
      if (inner && outer && inner->size() > outer->size()) unit = inner->substr(outer->size());
    }
    return unit.empty();
  });
  return unit.empty() ? "    " : unit;
}

std::uint32_t line_begin(std::string_view source, std::uint32_t at) {
  while (at > 0 && source[at - 1] != '\n') --at;
  return at;
}

std::optional<std::string> indentation(Node statement) {
  const std::string_view source = statement.tree().text();
  const std::uint32_t at = statement.range().begin;
  const std::uint32_t begin = line_begin(source, at);
  const std::string_view before = source.substr(begin, at - begin);
  if (before.find_first_not_of(" \t") != std::string_view::npos) return std::nullopt;
  return std::string(before);
}

bool alone_on_lines(Node statement) {
  if (!indentation(statement)) return false;
  const std::string_view source = statement.tree().text();
  for (std::size_t i = statement.range().end; i < source.size(); ++i) {
    const char c = source[i];
    if (c == '\n' || c == '#') return true;
    if (c != ' ' && c != '\t' && c != '\r') return false;
  }
  return true;
}

Range whole_lines(Node statement) {
  const std::string_view source = statement.tree().text();
  const std::uint32_t begin = line_begin(source, statement.range().begin);
  std::uint32_t end = statement.range().end;
  while (end < source.size() && source[end] != '\n') ++end;
  if (end < source.size()) ++end;
  return {begin, end};
}

std::vector<Node> statements(Node block) {
  return block.children();
}

bool is_docstring(Node statement) {
  return statement.is("expression_statement") && statement.named_count() == 1 && statement.named(0).is("string");
}

std::optional<std::string> moved_lines(Node first, Node last, const Edits& edits, std::string_view indent) {
  const std::optional<std::string> old = indentation(first);
  if (!old) return std::nullopt;
  const std::string_view source = first.tree().text();
  const Range all{first.range().begin, last.range().end};
  // A string over several lines keeps its text only where nothing moves.
  bool frozen = false;
  for (Node node = first; node; node = node.next_sibling()) {
    code::walk(node, [&](Node inner) {
      frozen |= inner.is("string") && inner.line() != inner.end_line();
      return !frozen;
    });
    if (node == last) break;
  }
  std::uint32_t end = all.end;
  // A comment behind the last statement comes along.
  std::uint32_t probe = end;
  while (probe < source.size() && (source[probe] == ' ' || source[probe] == '\t')) ++probe;
  if (probe < source.size() && source[probe] == '#') {
    while (probe < source.size() && source[probe] != '\n' && source[probe] != '\r') ++probe;
    end = probe;
  } else if (probe < source.size() && source[probe] == ';') {
    return std::nullopt;
  }
  const std::string text = edits.apply(source, {all.begin, end});
  if (frozen && *old != indent) return std::nullopt;
  std::string result(indent);
  std::size_t at = 0;
  while (at < text.size()) {
    std::size_t stop = text.find('\n', at);
    const bool has_end = stop != std::string::npos;
    if (!has_end) stop = text.size();
    const std::string line = text.substr(at, stop - at);
    if (at == 0) {
      result += line;
    } else if (line.find_first_not_of(" \t\r") == std::string::npos) {
      result += line.find('\r') != std::string::npos ? "\r" : "";
    } else if (line.compare(0, old->size(), *old) == 0) {
      result += indent;
      result += line.substr(old->size());
    } else {
      result += line;  // a continuation or comment further left
    }
    if (has_end) result += '\n';
    at = stop + 1;
  }
  const std::string ending = line_end(first.tree());
  if (!result.empty() && result.back() == '\r') result.pop_back();
  return result + ending;
}

bool needs_parentheses(Node expression) {
  const std::string_view kind = expression.kind();
  return kind == "binary_operator" || kind == "unary_operator" || kind == "boolean_operator" ||
         kind == "not_operator" || kind == "comparison_operator" || kind == "conditional_expression" ||
         kind == "lambda" || kind == "named_expression" || kind == "expression_list" || kind == "await" ||
         kind == "integer" || kind == "float" || kind == "concatenated_string" || kind == "yield";
}

std::string parenthesised(Node expression, std::string text) {
  return needs_parentheses(expression) ? "(" + text + ")" : text;
}

std::optional<std::string> on_one_line(std::string_view source, Node expression, const Edits& edits) {
  bool bad = false;
  code::walk(expression, [&](Node node) {
    bad |= node.is("comment") || (node.is("string") && node.line() != node.end_line());
    return !bad;
  });
  if (bad) return std::nullopt;
  const std::string text = edits.apply(source, expression.range());
  if (text.find('\n') == std::string::npos) return text;
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\n' && text[i] != '\r') {
      if (text[i] == '\\' && i + 1 < text.size() && (text[i + 1] == '\n' || text[i + 1] == '\r')) continue;
      result += text[i];
      continue;
    }
    while (i + 1 < text.size() && (text[i + 1] == ' ' || text[i + 1] == '\t' || text[i + 1] == '\n')) ++i;
    while (!result.empty() && result.back() == ' ') result.pop_back();
    if (!result.empty() && result.back() != '(' && result.back() != '[' && result.back() != '{') result += ' ';
  }
  return result;
}

std::string fresh_name(const PythonFacts& facts, std::string hint, NameSet& taken) {
  if (hint.empty() || (hint[0] >= '0' && hint[0] <= '9')) hint = "value" + (hint.empty() ? "" : "_" + hint);
  while (hint.size() > 1 && hint[0] == '_') hint.erase(0, 1);
  if (code::python_builtin(hint)) hint += "_value";
  std::string name = hint;
  for (int i = 2; facts.all_names().count(name) != 0 || taken.count(name) != 0; ++i)
    name = hint + "_" + std::to_string(i);
  taken.insert(name);
  return name;
}

std::string name_hint(Node expression) {
  std::string result;
  code::walk(expression, [&](Node node) {
    if (result.size() > 24) return false;
    if (node.is("binary_operator")) {
      // The operator's word stands between the operands' words.
      static const std::map<std::string_view, std::string_view> words = {
          {"+", "plus"}, {"-", "minus"}, {"*", "times"}, {"/", "by"}, {"//", "by"}, {"%", "mod"}, {"**", "to_the"}};
      const auto word = words.find(node.field("operator").text());
      const std::string left = name_hint(node.field("left"));
      const std::string right = name_hint(node.field("right"));
      result += (result.empty() ? "" : "_") + left + "_" +
                (word == words.end() ? "" : std::string(word->second) + "_") + right;
      return false;
    }
    if (node.is("identifier") || node.is("integer")) {
      const std::string_view text = node.text();
      std::string word;
      for (const char c : text) {
        if (std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_') word += c;
      }
      while (!word.empty() && word[0] == '_') word.erase(0, 1);
      if (word.empty()) return true;
      result += (result.empty() ? "" : "_") + word;
    }
    return true;
  });
  return result.empty() ? "value" : result;
}

bool is_literal(Node expression) {
  const std::string_view kind = expression.kind();
  if (kind == "integer" || kind == "float" || kind == "none" || kind == "true" || kind == "false") return true;
  if (kind == "string") return !contains_kind(expression, {"interpolation"});
  return kind == "unary_operator" && is_literal(expression.field("argument")) &&
         !expression.field("argument").is("string");
}

bool is_simple(const PythonFacts& facts, Node expression) {
  if (is_literal(expression)) return true;
  if (!expression.is("identifier")) return false;
  int scope = -1;
  const PythonBinding* binding = facts.resolve(expression, &scope);
  if (binding == nullptr) return code::python_builtin(expression.text());
  if (scope == 0) return facts.bound_once(expression.text()) && facts.frame_of(expression) != 0;
  return !binding->written_from_outside && scope == facts.frame_of(expression);
}

bool unconditional(const PythonFacts& facts, Node node, Node ancestor, bool loops_count) {
  Node here = node;
  for (Node up = facts.parent(here); up && !(here == ancestor); here = up, up = facts.parent(up)) {
    const std::string_view kind = up.kind();
    if (kind == "if_statement" || kind == "elif_clause") {
      if (!(here == up.field("condition"))) return false;
    } else if (kind == "else_clause" || kind == "except_clause" || kind == "finally_clause" ||
               kind == "except_group_clause" || kind == "case_clause" || kind == "lambda" ||
               kind == "function_definition" || kind == "class_definition" || kind == "try_statement" ||
               kind == "assert_statement") {
      return false;
    } else if (kind == "while_statement") {
      if (!(here == up.field("condition")) && !loops_count) return false;
    } else if (kind == "for_statement") {
      if (!(here == up.field("right")) && !loops_count) return false;
    } else if (kind == "boolean_operator") {
      if (!(here == up.field("left"))) return false;
    } else if (kind == "conditional_expression") {
      if (!(here == up.named(1))) return false;
    } else if (kind == "comparison_operator") {
      if (!(here == up.named(0)) && !(here == up.named(1))) return false;
    } else if (kind == "generator_expression") {
      return false;
    } else if (kind == "list_comprehension" || kind == "set_comprehension" || kind == "dictionary_comprehension") {
      Node first;
      for (const Node clause : up.children()) {
        if (clause.is("for_in_clause") && !first) first = clause;
        if (clause.is("if_clause") && !(here == first)) return false;
      }
      if (!(here == first) && !loops_count) return false;
    }
  }
  return here == ancestor || !ancestor;
}

bool contains_kind(Node region, std::initializer_list<std::string_view> kinds) {
  bool found = false;
  code::walk(region, [&](Node node) {
    found |= std::find(kinds.begin(), kinds.end(), node.kind()) != kinds.end();
    return !found;
  });
  return found;
}

std::size_t count_nodes(Node region) {
  std::size_t count = 0;
  code::walk(region, [&](Node) {
    ++count;
    return true;
  });
  return count;
}

bool leaves_loop(Node body, std::string_view kind) {
  bool found = false;
  code::walk(body, [&](Node node) {
    if (node.is("for_statement") || node.is("while_statement") || node.is("function_definition")) {
      // Its else clause could hold ours; assume so.
      const Node other = node.field("alternative");
      found |= other && contains_kind(other, {kind});
      return false;
    }
    found |= node.is(kind);
    return !found;
  });
  return found;
}

void add_import(const Context& context, std::string_view line, Edits& edits) {
  const Node root = context.tree().root();
  Node place;
  for (const Node statement : root.children()) {
    if (is_docstring(statement) || statement.is("future_import_statement")) continue;
    if (!place) place = statement;
    if (statement.is("import_statement") || statement.is("import_from_statement")) {
      place = statement;
      break;
    }
    if (statement.is("function_definition") || statement.is("class_definition")) break;
  }
  const std::string ending = line_end(context.tree());
  const bool beside_imports = place.is("import_statement") || place.is("import_from_statement");
  edits.insert(
      place ? line_begin(context.source(), place.range().begin) : static_cast<std::uint32_t>(context.source().size()),
      std::string(line) + ending + (beside_imports ? "" : ending));
}

void replace_operand(const Context& context, Node node, const std::string& text, Edits& edits) {
  Range range = node.range();
  const Node up = context.facts.parent(node);
  if (needs_parentheses(node) && up.is("parenthesized_expression") && up.range().begin > 0) {
    const char before = context.source()[up.range().begin - 1];
    if (std::isalnum(static_cast<unsigned char>(before)) == 0 && before != '_') range = up.range();
  }
  edits.replace(range, text);
}

bool same_text(Node a, Node b) {
  return a.text() == b.text();
}

bool is_attribute_chain(Node expression) {
  if (!expression.is("attribute")) return false;
  const Node object = expression.field("object");
  return object.is("identifier") || is_attribute_chain(object);
}

Node chain_root(Node expression) {
  while (expression.is("attribute")) expression = expression.field("object");
  return expression;
}

}  // namespace jarvis2::edit::python
