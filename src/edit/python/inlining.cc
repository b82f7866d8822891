#include "edit/python/inlining.h"

#include <algorithm>
#include <set>

namespace jarvis2::edit::python {
namespace {

bool always_returns_here(Node statement) {
  if (statement.is("return_statement") || statement.is("raise_statement")) return true;
  if (!statement.is("if_statement")) {
    return statement.is("while_statement") && statement.field("condition").is("true") &&
           !leaves_loop(statement.field("body"), "break_statement");
  }
  bool has_else = false;
  if (!always_returns(statements(statement.field("consequence")))) return false;
  for (const Node child : statement.children()) {
    if (child.is("elif_clause")) {
      if (!always_returns(statements(child.field("consequence")))) return false;
    } else if (child.is("else_clause")) {
      has_else = true;
      if (!always_returns(statements(child.field("body")))) return false;
    }
  }
  return has_else;
}

}  // namespace

bool always_returns(const std::vector<Node>& list) {
  return std::any_of(list.begin(), list.end(), [](Node statement) { return always_returns_here(statement); });
}

namespace {

constexpr std::size_t kMostStatements = 24;
constexpr std::size_t kMostNodes = 320;
constexpr std::size_t kLargestCaller = 3000;  // nodes

bool has_return(Node node) {
  return contains_kind(node, {"return_statement"});
}

// Writes the callee's statements with every return turned into what the sink asks for.
class Emitter {
 public:
  Emitter(const Context& context, const PythonFunction& callee, const Edits& renames, Sink sink)
      : context_(context), callee_(callee), renames_(renames), sink_(std::move(sink)) {
    unit_ = indent_unit(context.tree());
    end_ = line_end(context.tree());
  }

  std::optional<std::string> run(const std::vector<Node>& body, const std::string& indent) {
    std::string out;
    if (sink_.kind == Sink::Kind::kReturn) {
      const std::optional<std::string> text = moved_lines(body.front(), body.back(), renames_, indent);
      if (!text) return std::nullopt;
      out = *text;
      if (!always_returns(body)) out += indent + "return None" + end_;
      return out;
    }
    if (!list(body, 0, indent, out)) return std::nullopt;
    if (out.empty()) out = indent + "pass" + end_;
    return out;
  }

 private:
  // The list is the rest of the function: running off its end returns None.
  bool list(const std::vector<Node>& body, std::size_t from, const std::string& indent, std::string& out) {
    std::size_t i = from;
    while (i < body.size()) {
      std::size_t stop = i;
      while (stop < body.size() && !has_return(body[stop]) && !body[stop].is("pass_statement")) ++stop;
      if (stop > i) {
        const std::optional<std::string> text = moved_lines(body[i], body[stop - 1], renames_, indent);
        if (!text) return false;
        out += *text;
        if (body[stop - 1].is("raise_statement")) return true;
        i = stop;
        continue;
      }
      const Node here = body[i];
      if (here.is("pass_statement")) {
        ++i;
        continue;
      }
      if (here.is("return_statement")) return give(here.named(0), indent, out);
      const std::vector<Node> rest(body.begin() + static_cast<std::ptrdiff_t>(i) + 1, body.end());
      if (here.is("if_statement")) return branches(here, rest, indent, out);
      if (here.is("for_statement") || here.is("while_statement")) return loop(here, rest, indent, out);
      return false;
    }
    return give(Node(), indent, out);
  }

  bool give(Node value, const std::string& indent, std::string& out) {
    if (sink_.kind == Sink::Kind::kDiscard) {
      if (!value || context_.world->pure(*callee_.facts, value)) return true;
      const std::optional<std::string> text = one_line(value);
      if (!text) return false;
      out += indent + *text + end_;
      return true;
    }
    if (!value) {
      out += indent + sink_.prefix + "None" + end_;
      return true;
    }
    const std::optional<std::string> text = one_line(value);
    if (!text) return false;
    out += indent + sink_.prefix + *text + end_;
    return true;
  }

  std::optional<std::string> one_line(Node value) const {
    return on_one_line(callee_.facts->tree().text(), value, renames_);
  }

  struct Branch {
    std::string header;  // "if c:", "elif d:", "else:"
    std::vector<Node> body;
  };

  bool branches(Node statement, const std::vector<Node>& rest, const std::string& indent, std::string& out) {
    std::vector<Branch> all;
    const auto header = [&](std::string_view word, Node condition) {
      const std::optional<std::string> text = one_line(condition);
      if (!text) return false;
      all.back().header = std::string(word) + " " + *text + ":";
      return true;
    };
    all.push_back({"", statements(statement.field("consequence"))});
    if (!header("if", statement.field("condition"))) return false;
    bool has_else = false;
    for (const Node child : statement.children()) {
      if (child.is("elif_clause")) {
        all.push_back({"", statements(child.field("consequence"))});
        if (!header("elif", child.field("condition"))) return false;
      } else if (child.is("else_clause")) {
        all.push_back({"else:", statements(child.field("body"))});
        has_else = true;
      }
    }
    const bool needs_else = !rest.empty() || sink_.kind == Sink::Kind::kAssign;
    if (!has_else && needs_else) all.push_back({"else:", {}});
    // What follows goes into the one branch that does not return.
    if (!rest.empty()) {
      std::size_t open = 0;
      for (Branch& branch : all) {
        if (always_returns(branch.body)) continue;
        if (++open > 1) return false;
        branch.body.insert(branch.body.end(), rest.begin(), rest.end());
      }
    }
    for (const Branch& branch : all) {
      std::string text;
      if (!list(branch.body, 0, indent + unit_, text)) return false;
      if (text.empty() && branch.header == "else:") continue;
      out += indent + branch.header + end_;
      out += text.empty() ? indent + unit_ + "pass" + end_ : text;
    }
    return true;
  }

  // A return in a loop becomes a break; what follows the loop goes into its else clause.
  bool loop(Node statement, const std::vector<Node>& rest, const std::string& indent, std::string& out) {
    if (statement.field("alternative") || leaves_loop(statement.field("body"), "break_statement")) return false;
    Edits edits = renames_;
    Edits returns;
    bool possible = true;
    code::walk(statement.field("body"), [&](Node node) {
      if (!possible) return false;
      if (node.is("for_statement") || node.is("while_statement")) {
        possible &= !has_return(node);
        return false;
      }
      if (node.is("try_statement") || node.is("with_statement")) {
        possible &= !has_return(node);
        return false;
      }
      if (!node.is("return_statement")) return true;
      const std::optional<std::string> inner = indentation(node);
      if (!inner || !alone_on_lines(node)) {
        possible = false;
        return false;
      }
      std::string text;
      if (!give(node.named(0), "", text)) {
        possible = false;
        return false;
      }
      while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
      returns.replace(node, (text.empty() ? "" : text + end_ + *inner) + "break");
      return false;
    });
    if (!possible) return false;
    // Renames inside the replaced returns are already in their text.
    Edits both = returns;
    for (const Change& change : renames_.changes("")) {
      if (!returns.overlaps(change.range)) both.replace(change.range, change.text);
    }
    const std::optional<std::string> text = moved_lines(statement, statement, both, indent);
    if (!text) return false;
    out += *text;
    if (statement.is("while_statement") && statement.field("condition").is("true")) return true;
    std::string after;
    if (!list(rest, 0, indent + unit_, after)) return false;
    if (!after.empty()) out += indent + "else:" + end_ + after;
    return true;
  }

  const Context& context_;
  const PythonFunction& callee_;
  const Edits& renames_;
  Sink sink_;
  std::string unit_;
  std::string end_;
};

// `if c: return a` ... `return b` as one expression: a if c else b. The list is the rest of the function.
std::optional<std::string> as_conditional(const PythonFunction& callee, const Edits& renames,
                                          const std::vector<Node>& list, int depth) {
  const std::string_view source = callee.facts->tree().text();
  const auto text_of = [&](Node value) -> std::optional<std::string> {
    if (value.is("expression_list")) return std::nullopt;
    std::optional<std::string> text = on_one_line(source, value, renames);
    const bool loose = value.is("conditional_expression") || value.is("lambda") || value.is("named_expression");
    return text && loose ? "(" + *text + ")" : text;
  };
  for (std::size_t i = 0; i < list.size(); ++i) {
    const Node here = list[i];
    if (here.is("pass_statement")) continue;
    if (here.is("return_statement")) return here.named(0) ? text_of(here.named(0)) : std::string("None");
    if (!here.is("if_statement") || depth > 4) return std::nullopt;
    const std::vector<Node> rest(list.begin() + static_cast<std::ptrdiff_t>(i) + 1, list.end());
    std::vector<std::pair<Node, Node>> branches{{here.field("condition"), here.field("consequence")}};
    Node last;
    for (const Node child : here.children()) {
      if (child.is("elif_clause")) branches.emplace_back(child.field("condition"), child.field("consequence"));
      if (child.is("else_clause")) last = child.field("body");
    }
    const auto whole = [&](Node block) {
      std::vector<Node> body = block ? statements(block) : std::vector<Node>();
      if (!always_returns(body)) body.insert(body.end(), rest.begin(), rest.end());
      return as_conditional(callee, renames, body, depth + 1);
    };
    std::string result;
    for (const auto& [condition, body] : branches) {
      const std::optional<std::string> test = text_of(condition);
      const std::optional<std::string> value = whole(body);
      if (!test || !value) return std::nullopt;
      const bool nested = value->find(" if ") != std::string::npos;
      result += (nested ? "(" + *value + ")" : *value) + " if " + *test + " else ";
    }
    const std::optional<std::string> otherwise = whole(last);
    if (!otherwise || result.size() > 400) return std::nullopt;
    return result + *otherwise;
  }
  return std::string("None");
}

// Only `if` and `return`.
bool only_decides(const std::vector<Node>& list) {
  return std::all_of(list.begin(), list.end(), [](Node statement) {
    if (statement.is("return_statement") || statement.is("pass_statement")) return true;
    if (!statement.is("if_statement") || !only_decides(statements(statement.field("consequence")))) return false;
    for (const Node child : statement.children()) {
      if (child.is("elif_clause") && !only_decides(statements(child.field("consequence")))) return false;
      if (child.is("else_clause") && !only_decides(statements(child.field("body")))) return false;
    }
    return true;
  });
}

std::vector<Node> body_of(const PythonFunction& callee) {
  std::vector<Node> body = statements(callee.body);
  if (!body.empty() && is_docstring(body.front())) body.erase(body.begin());
  std::erase_if(body, [](Node node) { return node.is("global_statement"); });
  return body;
}

bool mangled(std::string_view name) {
  return name.size() > 2 && name.substr(0, 2) == "__" && name.substr(name.size() - 2) != "__";
}

NameSet comprehension_names(const PythonFunction& callee) {
  NameSet names;
  for (const code::PythonScope& scope : callee.facts->scopes()) {
    if (scope.kind != PythonScopeKind::kComprehension || !callee.node.range().contains(scope.node.range())) continue;
    for (const auto& [name, binding] : scope.bindings) names.insert(name);
  }
  return names;
}

struct Uses {
  int loads = 0;
  bool stored = false;
  bool conditional = false;
  bool in_string = false;
};

bool loosely_placed(const PythonFacts& facts, Node node) {
  const Node up = facts.parent(node);
  return up.is("assignment") || up.is("return_statement") || up.is("argument_list") ||
         up.is("parenthesized_expression") || up.is("expression_statement") || up.is("augmented_assignment");
}

}  // namespace

bool can_run_first(const Context& context, Node node, Node statement, const PythonEffects& effects) {
  const PythonFacts& facts = context.facts;
  if (!unconditional(facts, node, statement, false)) return false;
  for (Node here = node; !(here == statement);) {
    const Node up = facts.parent(here);
    const std::string_view kind = up.kind();
    if (kind == "while_statement" || kind == "elif_clause" || kind == "with_statement" || kind == "block" ||
        kind == "generator_expression" || kind == "match_statement" || kind == "lambda" || kind == "decorator" ||
        kind == "class_definition" || kind == "function_definition" || kind == "for_in_clause" ||
        kind == "named_expression" || kind == "delete_statement")
      return false;
    if (kind == "list_comprehension" || kind == "set_comprehension" || kind == "dictionary_comprehension") return false;
    for (std::uint32_t i = 0; i < up.named_count(); ++i) {
      const Node before = up.named(i);
      if (before.range().end > here.range().begin) break;
      if (kind == "assignment" && up.field("left") == before) continue;  // evaluated after the right side
      if (kind == "for_statement" && up.field("left") == before) continue;
      if (kind == "augmented_assignment" && before.is("identifier") && is_simple(facts, before)) continue;
      if (before.is("comment") || before.is("type") || is_simple(facts, before)) continue;
      if (kind == "attribute" || kind == "keyword_argument") continue;
      if (!context.world->unaffected_by(facts, before, effects, {})) return false;
    }
    here = up;
  }
  return statement.is("expression_statement") || statement.is("return_statement") || statement.is("if_statement") ||
         statement.is("for_statement") || statement.is("raise_statement");
}

std::string not_inlinable(const Context& context, const PythonFunction& callee, bool generator, bool recursive) {
  if (callee.is_async || callee.is_generator != generator || callee.nested || callee.other_decorators)
    return "its kind";
  const std::vector<Node> body = body_of(callee);
  if (body.empty() || body.size() > kMostStatements || count_nodes(callee.body) > kMostNodes) return "its size";
  if (callee.facts->scopes()[callee.scope].dynamic) return "dynamic code";
  if (contains_kind(callee.body, {"function_definition", "class_definition", "lambda", "nonlocal_statement",
                                  "delete_statement", "import_statement", "import_from_statement", "await",
                                  "generator_expression", "match_statement", "named_expression", "ERROR"}))
    return "what its body holds";
  // A global name that is only read needs no statement in the caller.
  for (const auto& [name, binding] : callee.facts->scopes()[callee.scope].bindings) {
    if (binding.declared_outer && !binding.stores.empty()) return "it rebinds a global name";
    if (binding.deleted || binding.captured) return "a captured or deleted local";
  }
  for (const Node node : statements(callee.body)) {
    if (!alone_on_lines(node)) return "several statements on a line";
  }
  if (!recursive && context.world->may_recurse(callee)) return "recursion";
  std::string reason;
  code::walk(callee.body, [&](Node node) {
    if (node.is("call")) {
      const Node function = node.field("function");
      if (callee.facts->is_builtin(function, "super") || callee.facts->is_builtin(function, "locals"))
        reason = "super()";
    }
    if (node.is("identifier") && node.text() == "__class__" && callee.facts->is_variable(node)) reason = "__class__";
    return reason.empty();
  });
  return reason;
}

std::string free_local(const Context& context, Node node, const std::string& callee, const NameSet& inner,
                       const NameSet& taken, const std::string& name) {
  const PythonFacts& facts = context.facts;
  const int frame = facts.frame_of(node);
  const PythonFunction* caller = facts.function_of(node);
  NameSet in_frame;
  code::walk(caller != nullptr ? caller->node : context.tree().root(), [&](Node inside) {
    if (inside.is("identifier")) in_frame.insert(std::string(inside.text()));
    return true;
  });
  const auto used = [&](const std::string& candidate) {
    return in_frame.count(candidate) != 0 || taken.count(candidate) != 0 || inner.count(candidate) != 0 ||
           facts.lookup(frame, candidate) != nullptr || code::python_builtin(candidate);
  };
  std::string result = name;
  std::string_view word = callee;
  while (word.size() > 1 && word.front() == '_') word.remove_prefix(1);
  while (word.size() > 1 && word.back() == '_') word.remove_suffix(1);
  if (used(result)) result = name + "_" + std::string(word);
  while (result.size() > 1 && result[0] == '_') result.erase(0, 1);
  const std::string stem = result;
  for (int i = 2; used(result); ++i) result = stem + "_" + std::to_string(i);
  return result;
}

std::optional<BodyPlan> plan_body(const Context& context, const BoundCall& call, const NameSet& taken) {
  const PythonFunction& callee = *call.callee;
  const PythonFacts& there = *callee.facts;
  const PythonFacts& facts = context.facts;
  const PythonFunction* caller = facts.function_of(call.node);
  if (caller != nullptr && count_nodes(caller->node) > kLargestCaller) return std::nullopt;
  if (caller == &callee && !call.unrolls) return std::nullopt;
  const int frame = facts.frame_of(call.node);
  if (facts.scopes()[frame].dynamic) return std::nullopt;
  const Node statement = facts.statement_of(call.node);
  if (!statement) return std::nullopt;
  const bool same_class = caller != nullptr && &there == &facts && caller->owner == callee.owner && callee.owner >= 0;

  // Names of the body mean the same at the call, or are locals.
  bool names_agree = true;
  code::walk(callee.body, [&](Node node) {
    if (!node.is("identifier")) return names_agree;
    if (!there.is_variable(node)) {
      if (mangled(node.text()) && !same_class) names_agree = false;
      return names_agree;
    }
    int scope = -1;
    const PythonBinding* binding = there.resolve(node, &scope);
    if (scope > 0) {
      names_agree &= there.scopes()[callee.scope].node.range().contains(there.scopes()[scope].node.range());
      return names_agree;
    }
    int here_scope = -1;
    const PythonBinding* here = facts.lookup(facts.scope_of(call.node), node.text(), &here_scope);
    if (binding == nullptr) {
      names_agree &= here == nullptr && !there.scopes()[0].dynamic;
    } else if (&there == &facts) {
      names_agree &= here == binding;
    } else {
      const auto theirs = there.imports().find(node.text());
      const auto ours = facts.imports().find(node.text());
      names_agree &= here != nullptr && here_scope == 0 && here->imported && here->stores.size() == 1 &&
                     binding->imported && theirs != there.imports().end() && ours != facts.imports().end() &&
                     theirs->second.module == ours->second.module && theirs->second.name == ours->second.name;
    }
    return names_agree;
  });
  if (!names_agree) return std::nullopt;

  BodyPlan plan;
  const NameSet inner = comprehension_names(callee);
  const std::vector<Node> body = body_of(callee);
  const bool expression_form = body.size() == 1 && body[0].is("return_statement") && body[0].named_count() == 1 &&
                               !body[0].named(0).is("expression_list");
  const Node value = expression_form ? body[0].named(0) : Node();

  // How each local of the callee is used.
  std::map<std::string, Uses> uses;
  bool plain = true;
  code::walk(callee.body, [&](Node node) {
    if (!node.is("identifier") || !there.is_variable(node)) return true;
    int scope = -1;
    there.resolve(node, &scope);
    if (scope != callee.scope) return true;
    Uses& use = uses[std::string(node.text())];
    if (there.is_store(node)) {
      use.stored = true;
      return true;
    }
    ++use.loads;
    use.conditional |= !unconditional(there, node, expression_form ? value : callee.body, false);
    use.in_string |= static_cast<bool>(there.ancestor(node, {"interpolation"}));
    return true;
  });
  for (const code::PythonScope& scope : there.scopes()) {
    if (scope.kind != PythonScopeKind::kModule && callee.node.range().contains(scope.node.range()) &&
        !(scope.node == callee.node) && scope.kind != PythonScopeKind::kComprehension)
      plain = false;
  }
  if (!plain) return std::nullopt;

  const auto local_name = [&](const std::string& name) {
    return free_local(context, call.node, callee.name, inner, taken, name);
  };

  // Which arguments can stand for their parameters, and which need a name of their own.
  const PythonEffects call_effects = context.world->effects(callee);
  const bool pure_body =
      expression_form ? context.world->pure(there, value) : only_decides(body) && call_effects.none();
  std::map<std::string, std::string> names;
  std::map<std::string, bool, std::less<>> literals;  // parameters that a literal stands for; true: None
  std::vector<std::pair<std::string, std::string>> bound;
  NameSet chosen;
  bool any_impure = false;
  for (const Argument& argument : call.arguments) {
    if (argument.node && !argument.is_default && !context.world->pure(facts, argument.node)) any_impure = true;
  }
  for (std::size_t i = 0; i < call.arguments.size(); ++i) {
    const Argument& argument = call.arguments[i];
    const std::string& name = callee.parameters[i].name;
    const Uses use = uses[name];
    const bool simple = !argument.node || argument.is_default || is_simple(facts, argument.node);
    bool direct = simple && !use.stored;
    if (!direct && !use.stored && !any_impure && pure_body) {
      const bool short_chain =
          argument.node.is("attribute") && is_simple(facts, argument.node.field("object")) && use.loads <= 2;
      direct = (use.loads == 1 && !use.conditional) || short_chain || use.loads == 0;
    }
    if (direct && argument.node) {
      for (const std::string& free : facts.names_read_in(argument.node)) {
        if (inner.count(free) != 0) direct = false;
      }
    }
    if (direct && use.in_string && !(argument.node && argument.node.is("identifier"))) direct = !use.in_string;
    if (direct && argument.node && is_literal(argument.node)) literals[name] = argument.node.is("none");
    if (direct) {
      names[name] = argument.node ? parenthesised(argument.node, argument.text) : argument.text;
      if (argument.node && (argument.node.is("integer") || argument.node.is("float"))) names[name] = argument.text;
    } else {
      std::string local = name == "self" || name == "cls" ? name_hint(argument.node ? argument.node : Node()) : name;
      if (local == "value" || !argument.node) local = name == "self" ? "target" : name;
      local = local_name(local);
      while (chosen.count(local) != 0) local += "_";
      chosen.insert(local);
      names[name] = local;
      std::string given = argument.text;
      // An assignment needs no parentheses.
      const Node held = argument.node.is("parenthesized_expression") ? argument.node.named(0) : Node();
      if (held && !held.is("named_expression") && !held.is("yield") && !held.is("generator_expression") &&
          argument.node.named_count() == 1) {
        const std::optional<std::string> stripped = on_one_line(argument.node.tree().text(), held, {});
        if (stripped) given = *stripped;
      }
      bound.emplace_back(local, given);
    }
  }
  for (const auto& [name, use] : uses) {
    if (names.count(name) != 0) continue;
    std::string local = local_name(name);
    while (chosen.count(local) != 0) local += "_";
    chosen.insert(local);
    names[name] = local;
  }
  // A number before a dot would read as a float.
  Edits renames;
  bool fits = true;
  code::walk(callee.body, [&](Node node) {
    if (!node.is("identifier") || !there.is_variable(node)) return true;
    int scope = -1;
    there.resolve(node, &scope);
    if (scope != callee.scope) return true;
    std::string text = names[std::string(node.text())];
    const Node up = there.parent(node);
    // `x is None` of a literal x is known.
    const auto literal = literals.find(node.text());
    if (literal != literals.end() && up.is("comparison_operator") && up.named_count() == 2 && up.named(0) == node &&
        up.named(1).is("none")) {
      const std::string_view op = up.child(1).text();
      if (op == "is" || op == "is not") {
        renames.replace(up, (op == "is") == literal->second ? "True" : "False");
        return true;
      }
    }
    if (up.is("attribute") && !text.empty() && text[0] >= '0' && text[0] <= '9') text = "(" + text + ")";
    if ((up.is("global_statement"))) fits = false;
    if (text != node.text()) renames.replace(node, text);
    return true;
  });
  if (!fits) return std::nullopt;

  plan.body = body;
  plan.value = value;
  plan.expression_form = expression_form;
  plan.bound = std::move(bound);
  plan.chosen = std::move(chosen);
  plan.inner = inner;
  plan.renames = std::move(renames);
  plan.effects = call_effects;
  return plan;
}

std::optional<Sink> whole_statement(const Context& context, Node call, Node statement) {
  const PythonFacts& facts = context.facts;
  const Node holder = facts.parent(call);
  Sink sink;
  if (statement.is("expression_statement") && holder == statement && statement.named_count() == 1) return sink;
  if (statement.is("return_statement") && holder == statement) {
    sink.kind = Sink::Kind::kReturn;
    return sink;
  }
  if (!statement.is("expression_statement") || !(facts.parent(holder) == statement) ||
      !(holder.field("right") == call) ||
      !(holder.is("assignment") || (holder.is("augmented_assignment") && is_simple(facts, holder.field("left")))))
    return std::nullopt;
  sink.kind = Sink::Kind::kAssign;
  sink.prefix =
      std::string(context.source().substr(statement.range().begin, call.range().begin - statement.range().begin));
  if (sink.prefix.find('\n') != std::string::npos) return std::nullopt;
  return sink;
}

std::optional<std::string> emit_body(const Context& context, const PythonFunction& callee, const BodyPlan& plan,
                                     const Sink& sink, const std::string& indent) {
  std::string text;
  for (const auto& [local, argument] : plan.bound) text += indent + local + " = " + argument + line_end(context.tree());
  const std::optional<std::string> body = Emitter(context, callee, plan.renames, sink).run(plan.body, indent);
  if (!body) return std::nullopt;
  return text + *body;
}

std::optional<Edits> inline_call(const Context& context, const BoundCall& call, NameSet& taken) {
  const PythonFunction& callee = *call.callee;
  const PythonFacts& there = *callee.facts;
  const PythonFacts& facts = context.facts;
  if (!not_inlinable(context, callee, false, call.unrolls).empty()) return std::nullopt;
  const std::optional<BodyPlan> plan = plan_body(context, call, taken);
  if (!plan) return std::nullopt;
  const std::vector<Node>& body = plan->body;
  const Node value = plan->value;
  const bool expression_form = plan->expression_form;
  const auto& bound = plan->bound;
  const NameSet& chosen = plan->chosen;
  const Edits& renames = plan->renames;
  const PythonEffects& call_effects = plan->effects;
  const Node statement = facts.statement_of(call.node);
  const auto local_name = [&](const std::string& name) {
    return free_local(context, call.node, callee.name, plan->inner, taken, name);
  };

  const std::string ending = line_end(context.tree());
  const std::optional<std::string> indent = indentation(statement);
  const auto bindings = [&](const std::string& at) {
    std::string text;
    for (const auto& [local, argument] : bound) text += at + local + " = " + argument + ending;
    return text;
  };

  Edits edits;
  if (expression_form && bound.empty()) {
    std::optional<std::string> text = on_one_line(there.tree().text(), value, renames);
    if (!text) return std::nullopt;
    // An argument that is dropped must have no effect; one that moves must not care.
    if (needs_parentheses(value) && !loosely_placed(facts, call.node) && !is_literal(value)) text = "(" + *text + ")";
    if (is_literal(value) && facts.parent(call.node).is("attribute")) text = "(" + *text + ")";
    if (facts.ancestor(call.node, {"interpolation"}) && text->find_first_of("'\"\\") != std::string::npos)
      return std::nullopt;
    edits.replace(call.node, *text);
    return edits;
  }
  // In the middle of an expression, where statements can't go: a conditional expression.
  const auto in_place = [&]() -> std::optional<Edits> {
    if (!bound.empty() || expression_form || !only_decides(body)) return std::nullopt;
    const std::optional<std::string> text = as_conditional(callee, renames, body, 0);
    if (!text || facts.ancestor(call.node, {"interpolation"})) return std::nullopt;
    Edits one;
    one.replace(call.node, "(" + *text + ")");
    return one;
  };
  if (!indent || !alone_on_lines(statement)) {
    // A compound statement may hold more behind its header; only its begin matters.
    if (!indent || !(statement.is("if_statement") || statement.is("for_statement"))) return in_place();
  }
  // The whole statement gives way to the body. Targets that the body reads through their own name are set only at its
  // end, so nothing is lost.
  const std::optional<Sink> only = whole_statement(context, call.node, statement);
  Sink sink = only.value_or(Sink());
  const bool whole = only.has_value();
  if (whole) {
    std::optional<std::string> text = Emitter(context, callee, renames, sink).run(body, *indent);
    if (!text) return std::nullopt;
    std::string all = bindings(*indent) + *text;
    all = all.substr(indent->size());
    while (!all.empty() && (all.back() == '\n' || all.back() == '\r')) all.pop_back();
    edits.replace(statement, all);
    for (const std::string& name : chosen) taken.insert(name);
    return edits;
  }
  if (!can_run_first(context, call.node, statement, call_effects)) return in_place();
  for (const Argument& argument : call.arguments) {
    if (!argument.node || argument.is_default || is_simple(facts, argument.node)) continue;
    const PythonEffects effects = context.world->effects(facts, argument.node);
    if (!effects.none() && !can_run_first(context, call.node, statement, effects)) return std::nullopt;
  }
  for (const std::string& name : chosen) taken.insert(name);
  if (expression_form) {
    std::optional<std::string> text = on_one_line(there.tree().text(), value, renames);
    if (!text) return std::nullopt;
    if (needs_parentheses(value) && !loosely_placed(facts, call.node)) text = "(" + *text + ")";
    if (facts.ancestor(call.node, {"interpolation"})) return std::nullopt;
    // The arguments are evaluated before the statement, the body in its place: as long as the body is the last
    // to be evaluated or nothing in between matters.
    edits.insert(line_begin(context.source(), statement.range().begin), bindings(*indent));
    edits.replace(call.node, *text);
    return edits;
  }
  std::string result = local_name(callee.name == "__init__" ? "made" : name_hint(call.node.is("call") ? [&] {
    const Node function = call.node.field("function");
    return function.is("attribute") ? function.field("attribute") : function;
  }()
                                                                                                     : call.node) +
                                      "_result");
  while (chosen.count(result) != 0) result += "_";
  taken.insert(result);
  sink.kind = Sink::Kind::kAssign;
  sink.prefix = result + " = ";
  const std::optional<std::string> text = Emitter(context, callee, renames, sink).run(body, *indent);
  if (!text) return std::nullopt;
  edits.insert(line_begin(context.source(), statement.range().begin), bindings(*indent) + *text);
  edits.replace(call.node, result);
  return edits;
}

void propose_inlining(Context& context, const std::string& what,
                      const std::function<std::optional<BoundCall>(const Context&, Node)>& bind,
                      std::initializer_list<std::string_view> kinds) {
  const PythonFacts& facts = context.facts;
  struct Group {
    Edits edits;
    NameSet taken;
    std::vector<BoundCall> calls;
    std::vector<Node> statements;
    std::set<std::string> facts;
  };
  std::map<std::pair<int, const PythonFunction*>, Group> groups;
  std::vector<std::pair<int, const PythonFunction*>> order;
  context.walk_wanted([&](Node node) {
    if (std::find(kinds.begin(), kinds.end(), node.kind()) == kinds.end()) return true;
    if (!context.wanted(node) || facts.frame_of(node) == 0) return true;
    const std::optional<BoundCall> call = bind(context, node);
    if (!call) return true;
    const std::pair<int, const PythonFunction*> key{facts.frame_of(node), call->callee};
    Group& group = groups[key];
    NameSet taken = group.taken;
    const std::optional<Edits> edits = inline_call(context, *call, taken);
    if (!edits) return true;
    Edits together = group.edits;
    together.add(*edits);
    const Node statement = facts.statement_of(node);
    const bool in_place = edits->changes("").size() == 1 && edits->changes("")[0].range == node.range();
    // Two bodies before one statement would need an order; the next round takes the second.
    if (!in_place && std::find(group.statements.begin(), group.statements.end(), statement) != group.statements.end())
      return true;
    if (!together.consistent()) return true;
    if (group.calls.empty()) order.push_back(key);
    group.edits = together;
    group.taken = taken;
    group.calls.push_back(*call);
    group.statements.push_back(statement);
    group.facts.insert(call->fact);
    return true;
  });
  for (const std::pair<int, const PythonFunction*>& key : order) {
    const Group& group = groups.at(key);
    const BoundCall& first = group.calls.front();
    const std::string where = facts.symbol_of(first.node);
    std::string note = "relies on: ";
    bool more = false;
    for (const std::string& fact : group.facts) {
      note += (more ? "; " : "") + fact;
      more = true;
    }
    note += ". A traceback or a replaced (patched) " + first.callee->name + "() would show the difference";
    context.propose("inline " + what + " " + first.callee->qualified + " into " +
                        (where.empty() ? "the module" : where) +
                        (group.calls.size() > 1 ? " (" + std::to_string(group.calls.size()) + " places)" : ""),
                    note, first.node, group.edits);
  }
}

}  // namespace jarvis2::edit::python
