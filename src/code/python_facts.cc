#include "code/python_facts.h"

#include <algorithm>
#include <deque>
#include <mutex>

#include "code/python_world.h"
#include "memory/charge.h"

namespace jarvis2::code {
namespace {

constexpr std::size_t kCachedFacts = 512;

bool is_comprehension(std::string_view kind) {
  return kind == "list_comprehension" || kind == "set_comprehension" || kind == "dictionary_comprehension" ||
         kind == "generator_expression";
}

bool is_target_pattern(std::string_view kind) {
  return kind == "pattern_list" || kind == "tuple_pattern" || kind == "list_pattern" || kind == "list_splat_pattern" ||
         kind == "tuple" || kind == "list" || kind == "expression_list" || kind == "parenthesized_expression" ||
         kind == "as_pattern_target" || kind == "list_splat";
}

// "pkg/mod.py" + ".x" → "pkg.x"; absolute names stay.
std::string absolute_module(const std::string& path, std::string_view module) {
  std::size_t dots = 0;
  while (dots < module.size() && module[dots] == '.') ++dots;
  if (dots == 0) return std::string(module);
  std::string base = path;
  for (std::size_t i = 0; i < dots; ++i) {
    const std::size_t slash = base.rfind('/');
    base = slash == std::string::npos ? std::string() : base.substr(0, slash);
  }
  std::replace(base.begin(), base.end(), '/', '.');
  const std::string rest(module.substr(dots));
  if (base.empty()) return rest;
  return rest.empty() ? base : base + "." + rest;
}

}  // namespace

class PythonFactsBuilder {
 public:
  explicit PythonFactsBuilder(PythonFacts& facts) : facts_(facts) {}

  static std::uint64_t bytes(const PythonFacts& facts) {
    using memory::table_bytes, memory::tree_bytes, memory::vector_bytes;
    std::uint64_t sum = sizeof facts + vector_bytes(facts.scopes_) + vector_bytes(facts.functions_) +
                        vector_bytes(facts.classes_) + vector_bytes(facts.loops_) + vector_bytes(facts.nodes_) +
                        vector_bytes(facts.parents_) + vector_bytes(facts.node_scope_) + table_bytes(facts.index_) +
                        table_bytes(facts.function_index_) + table_bytes(facts.class_index_) +
                        tree_bytes(facts.stores_) + tree_bytes(facts.all_names_);
    for (const PythonScope& scope : facts.scopes_) {
      sum += tree_bytes(scope.bindings);
      for (const auto& [name, binding] : scope.bindings) sum += vector_bytes(binding.loads);
    }
    for (const PythonFunction& function : facts.functions_) {
      sum += vector_bytes(function.parameters) + vector_bytes(function.decorators) + vector_bytes(function.returns);
    }
    if (facts.file_index_ != nullptr) {
      for (const auto* sites :
           {&facts.file_index_->calls, &facts.file_index_->attribute_stores, &facts.file_index_->attribute_loads}) {
        sum += tree_bytes(*sites);
        for (const auto& [name, found] : *sites) sum += vector_bytes(found);
      }
    }
    return sum;
  }

  void build() {
    facts_.scopes_.push_back({PythonScopeKind::kModule, facts_.tree_->root(), -1, {}, false});
    scope_function_.push_back(-1);
    visit(facts_.tree_->root(), -1, 0, false);
    resolve_loads();
    finish_classes();
  }

 private:
  struct Use {
    Node node;
    int scope;
  };

  int enter(Node node, int parent, int scope) {
    const int at = static_cast<int>(facts_.nodes_.size());
    facts_.nodes_.push_back(node);
    facts_.parents_.push_back(parent);
    facts_.node_scope_.push_back(scope);
    facts_.index_.emplace(node.id(), at);
    return at;
  }

  int add_scope(PythonScopeKind kind, Node node, int parent) {
    facts_.scopes_.push_back({kind, node, parent, {}, false});
    scope_function_.push_back(-1);
    return static_cast<int>(facts_.scopes_.size()) - 1;
  }

  PythonBinding& binding(int scope, std::string_view name) {
    PythonBinding& found = facts_.scopes_[scope].bindings[std::string(name)];
    if (found.name.empty()) found.name = std::string(name);
    return found;
  }

  PythonBinding& store(Node identifier, int scope) {
    facts_.stores_.insert(identifier.id());
    PythonBinding& here = binding(scope, identifier.text());
    here.stores.push_back(identifier);
    return here;
  }

  void visit_children(Node node, int at, int scope, bool target) {
    each_named(node, [&](Node child) { visit(child, at, scope, target); });
  }

  void visit(Node node, int parent, int scope, bool target) {
    const std::string_view kind = node.kind();
    const int at = enter(node, parent, scope);
    if (kind == "identifier") {
      identifier(node, scope, target);
      return;
    }
    if (kind == "attribute") {
      const Node object = node.field("object");
      visit(object, at, scope, false);
      const Node name = node.field("attribute");
      enter(name, at, scope);
      facts_.all_names_.insert(std::string(name.text()));
      if (target) instance_attribute(node, object, name, scope);
      return;
    }
    if (kind == "keyword_argument") {
      const Node name = node.field("name");
      enter(name, at, scope);
      facts_.all_names_.insert(std::string(name.text()));
      visit(node.field("value"), at, scope, false);
      return;
    }
    if (target && is_target_pattern(kind)) return visit_children(node, at, scope, true);
    if (kind == "function_definition") return function(node, at, scope);
    if (kind == "lambda") return lambda(node, at, scope);
    if (kind == "class_definition") return class_definition(node, at, scope);
    if (is_comprehension(kind)) return comprehension(node, at, scope);
    if (kind == "assignment" || kind == "augmented_assignment") {
      for (std::uint32_t i = 0, n = node.child_count(); i < n; ++i) {
        const Node child = node.child(i);
        if (!child.is_named()) continue;
        const bool left = node.field_of_child(i) == "left";
        if (left && kind == "augmented_assignment" && child.is("identifier")) loads_.push_back({child, scope});
        visit(child, at, scope, left);
      }
      return;
    }
    if (kind == "for_statement" || kind == "for_in_clause") {
      if (kind == "for_statement") loop(node, scope);
      const Node left = node.field("left");
      for (std::uint32_t i = 0, n = node.named_count(); i < n; ++i) {
        const Node child = node.named(i);
        visit(child, at, scope, child == left);
      }
      if (kind == "for_statement") --loop_depth_;
      return;
    }
    if (kind == "while_statement") {
      loop(node, scope);
      visit_children(node, at, scope, false);
      --loop_depth_;
      return;
    }
    if (kind == "named_expression") {
      int holder = scope;
      while (facts_.scopes_[holder].kind == PythonScopeKind::kComprehension) holder = facts_.scopes_[holder].parent;
      const Node name = node.field("name");
      enter(name, at, holder);
      identifier(name, holder, true);
      visit(node.field("value"), at, scope, false);
      return;
    }
    if (kind == "as_pattern_target") return visit_children(node, at, scope, true);
    if (kind == "delete_statement") {
      const std::size_t before = facts_.nodes_.size();
      visit_children(node, at, scope, true);
      for (std::size_t i = before; i < facts_.nodes_.size(); ++i) {
        const Node name = facts_.nodes_[i];
        if (name.is("identifier") && facts_.stores_.count(name.id()) != 0) binding(scope, name.text()).deleted = true;
      }
      return;
    }
    if (kind == "global_statement" || kind == "nonlocal_statement") {
      for (std::uint32_t i = 0, n = node.named_count(); i < n; ++i) {
        const Node name = node.named(i);
        enter(name, at, scope);
        facts_.all_names_.insert(std::string(name.text()));
        binding(scope, name.text()).declared_outer = true;
        (kind == "global_statement" ? global_names_ : nonlocal_names_)[scope].insert(std::string(name.text()));
      }
      return;
    }
    if (kind == "import_statement" || kind == "import_from_statement" || kind == "future_import_statement")
      return import(node, at, scope);
    if (kind == "case_pattern" || kind == "as_pattern") {
      for (std::uint32_t i = 0, n = node.named_count(); i < n; ++i) pattern(node.named(i), at, scope);
      return;
    }
    if (kind == "yield" || kind == "await") {
      const int fn = function_around(scope);
      if (fn >= 0 && kind == "yield") facts_.functions_[fn].is_generator = true;
    }
    if (kind == "return_statement") {
      const int fn = function_around(scope);
      if (fn >= 0) facts_.functions_[fn].returns.push_back(node);
    }
    if (kind == "call") note_dynamic(node, scope);
    visit_children(node, at, scope, false);
  }

  void identifier(Node node, int scope, bool target) {
    facts_.all_names_.insert(std::string(node.text()));
    if (target) {
      store(node, scope);
    } else {
      loads_.push_back({node, scope});
    }
  }

  // Patterns of match statements: a bare name binds.
  void pattern(Node node, int parent, int scope) {
    if (node.is("dotted_name") && node.named_count() == 1) {
      const int at = enter(node, parent, scope);
      const Node name = node.named(0);
      enter(name, at, scope);
      if (name.text() != "_") identifier(name, scope, true);
      return;
    }
    if (node.is("as_pattern_target")) return visit(node, parent, scope, true);
    const std::string_view kind = node.kind();
    if (kind.size() > 8 && kind.substr(kind.size() - 8) == "_pattern") {
      const int at = enter(node, parent, scope);
      for (std::uint32_t i = 0, n = node.named_count(); i < n; ++i) pattern(node.named(i), at, scope);
      return;
    }
    if (node.is("identifier") && node.parent().is("case_pattern")) {
      enter(node, parent, scope);
      return identifier(node, scope, true);
    }
    visit(node, parent, scope, false);
  }

  int function_around(int scope) const {
    while (scope >= 0) {
      const PythonScope& here = facts_.scopes_[scope];
      if (here.kind == PythonScopeKind::kFunction) return scope_function_[scope];
      if (here.kind != PythonScopeKind::kComprehension) return -1;
      scope = here.parent;
    }
    return -1;
  }

  std::string qualify(int scope, std::string_view name) const {
    std::string result(name);
    for (int up = scope; up > 0; up = facts_.scopes_[up].parent) {
      const PythonScope& here = facts_.scopes_[up];
      if (here.kind == PythonScopeKind::kClass || here.kind == PythonScopeKind::kFunction)
        result = std::string(here.node.field("name").text()) + "." + result;
    }
    return result;
  }

  void parameters(Node list, int at, int outer, int inner, std::vector<PythonParameter>* out) {
    if (!list) return;
    const int list_at = enter(list, at, outer);
    bool keyword_only = false;
    for (std::uint32_t i = 0, n = list.named_count(); i < n; ++i) {
      const Node node = list.named(i);
      const int here = enter(node, list_at, outer);
      PythonParameter parameter;
      parameter.node = node;
      if (keyword_only) parameter.kind = PythonParameter::Kind::kKeywordOnly;
      Node name = node;
      if (node.is("default_parameter") || node.is("typed_default_parameter")) {
        name = node.field("name");
        parameter.default_value = node.field("value");
        parameter.annotation = node.field("type");
        enter(name, here, inner);
        if (parameter.annotation) visit(parameter.annotation, here, outer, false);
        visit(parameter.default_value, here, outer, false);
      } else if (node.is("typed_parameter")) {
        name = node.named(0);
        parameter.annotation = node.field("type");
        const int name_at = enter(name, here, inner);
        if (!name.is("identifier")) {
          parameter.kind =
              name.is("list_splat_pattern") ? PythonParameter::Kind::kStar : PythonParameter::Kind::kDoubleStar;
          name = name.named(0);
          enter(name, name_at, inner);
        }
        if (parameter.annotation) visit(parameter.annotation, here, outer, false);
      } else if (node.is("list_splat_pattern") || node.is("dictionary_splat_pattern")) {
        parameter.kind =
            node.is("list_splat_pattern") ? PythonParameter::Kind::kStar : PythonParameter::Kind::kDoubleStar;
        keyword_only = true;
        name = node.named(0);
        if (name) enter(name, here, inner);
      } else if (node.is("keyword_separator")) {
        keyword_only = true;
        continue;
      } else if (node.is("positional_separator")) {
        for (PythonParameter& earlier : *out) earlier.kind = PythonParameter::Kind::kPositionalOnly;
        continue;
      } else if (!node.is("identifier")) {
        visit_children(node, here, inner, true);  // tuple parameters of old Python
        continue;
      }
      if (!name) continue;
      facts_.all_names_.insert(std::string(name.text()));
      parameter.name = std::string(name.text());
      store(name, inner).parameter = true;
      out->push_back(parameter);
    }
  }

  void function(Node node, int at, int scope) {
    const Node name = node.field("name");
    enter(name, at, scope);
    identifier(name, scope, true);
    const int inner = add_scope(PythonScopeKind::kFunction, node, scope);
    const int index = static_cast<int>(facts_.functions_.size());
    scope_function_[inner] = index;
    facts_.function_index_.emplace(node.id(), index);
    facts_.functions_.emplace_back();
    {
      PythonFunction& made = facts_.functions_.back();
      made.facts = &facts_;
      made.node = node;
      made.body = node.field("body");
      made.name = std::string(name.text());
      made.qualified = qualify(scope, name.text());
      made.scope = inner;
      made.is_async = node.child(0).text() == "async";
      if (facts_.scopes_[scope].kind == PythonScopeKind::kClass) made.owner = scope_class_[scope];
      for (int up = scope; up >= 0; up = facts_.scopes_[up].parent) {
        if (facts_.scopes_[up].kind == PythonScopeKind::kFunction) made.nested = true;
      }
      decorate(node, made);
    }
    std::vector<PythonParameter> list;
    parameters(node.field("parameters"), at, scope, inner, &list);
    facts_.functions_[index].parameters = std::move(list);
    if (facts_.functions_[index].owner >= 0) {
      PythonClass& owner = facts_.classes_[facts_.functions_[index].owner];
      const bool accessor = facts_.functions_[index].other_decorators;
      const auto [earlier, first] = owner.methods.emplace(std::string(name.text()), index);
      if (!first) {
        // Declarations for type checkers give way to the definition behind them.
        if (!accessor && !declares_overload(facts_.functions_[earlier->second])) owner.defined_twice = true;
        owner.methods[std::string(name.text())] = index;
      }
    }
    const Node type = node.field("return_type");
    if (type) visit(type, at, scope, false);
    const int depth = loop_depth_;
    loop_depth_ = 0;
    visit(node.field("body"), at, inner, false);
    loop_depth_ = depth;
  }

  void decorate(Node node, PythonFunction& made) {
    const Node around = node.parent();
    if (!around.is("decorated_definition")) return;
    for (const Node child : around.children()) {
      if (!child.is("decorator")) continue;
      made.decorators.push_back(child);
      const std::string_view text = child.named(0).text();
      if (text == "staticmethod") {
        made.is_static = true;
      } else if (text == "classmethod") {
        made.is_class_method = true;
      } else if (text == "property") {
        made.is_property = true;
      } else {
        made.other_decorators = true;
      }
    }
  }

  void lambda(Node node, int at, int scope) {
    const int inner = add_scope(PythonScopeKind::kLambda, node, scope);
    std::vector<PythonParameter> list;
    parameters(node.field("parameters"), at, scope, inner, &list);
    visit(node.field("body"), at, inner, false);
  }

  void class_definition(Node node, int at, int scope) {
    const Node name = node.field("name");
    enter(name, at, scope);
    identifier(name, scope, true);
    const Node bases = node.field("superclasses");
    const int inner = add_scope(PythonScopeKind::kClass, node, scope);
    const int index = static_cast<int>(facts_.classes_.size());
    scope_class_[inner] = index;
    facts_.class_index_.emplace(node.id(), index);
    facts_.classes_.emplace_back();
    PythonClass& made = facts_.classes_.back();
    made.facts = &facts_;
    made.node = node;
    made.body = node.field("body");
    made.name = std::string(name.text());
    made.qualified = qualify(scope, name.text());
    made.scope = inner;
    made.nested = scope != 0;
    for (const Node base : bases.children()) {
      if (base.is("keyword_argument") || base.is("list_splat") || base.is("dictionary_splat")) {
        made.has_keywords = true;
      } else {
        made.bases.push_back(std::string(base.text()));
      }
    }
    if (node.parent().is("decorated_definition")) {
      for (const Node child : node.parent().children()) {
        if (child.is("decorator")) made.decorators.push_back(child);
      }
    }
    if (bases) visit(bases, at, scope, false);
    const int depth = loop_depth_;
    loop_depth_ = 0;
    visit(node.field("body"), at, inner, false);
    loop_depth_ = depth;
  }

  void comprehension(Node node, int at, int scope) {
    const int inner = add_scope(PythonScopeKind::kComprehension, node, scope);
    bool first = true;
    for (std::uint32_t i = 0, n = node.named_count(); i < n; ++i) {
      const Node child = node.named(i);
      if (!child.is("for_in_clause")) {
        visit(child, at, inner, false);
        continue;
      }
      const int clause = enter(child, at, inner);
      for (std::uint32_t j = 0, m = child.child_count(); j < m; ++j) {
        const Node part = child.child(j);
        if (!part.is_named()) continue;
        const bool right = child.field_of_child(j) == "right";
        visit(part, clause, right && first ? scope : inner, child.field_of_child(j) == "left");
      }
      first = false;
    }
  }

  void loop(Node node, int scope) {
    ++loop_depth_;
    facts_.loops_.push_back({node, node.field("body"), scope, loop_depth_});
  }

  void import(Node node, int at, int scope) {
    if (node.is("import_from_statement")) {
      const std::string module = absolute_module(facts_.path_, node.field("module_name").text());
      bool past_module = false;
      for (std::uint32_t i = 0, n = node.named_count(); i < n; ++i) {
        const Node child = node.named(i);
        const int child_at = enter(child, at, scope);
        if (child.is("wildcard_import")) facts_.scopes_[scope].dynamic = true;
        if (!past_module) {
          past_module = true;
          continue;
        }
        const Node alias = child.is("aliased_import") ? child.field("alias") : child.named(0);
        const Node name = child.is("aliased_import") ? child.field("name") : child;
        if (!alias || !alias.is("identifier")) continue;
        enter(alias, child_at, scope);
        identifier(alias, scope, true);
        binding(scope, alias.text()).imported = true;
        facts_.imports_[std::string(alias.text())] = {module, std::string(name.text())};
      }
      return;
    }
    for (std::uint32_t i = 0, n = node.named_count(); i < n; ++i) {
      const Node child = node.named(i);
      const int child_at = enter(child, at, scope);
      if (node.is("future_import_statement")) continue;
      const bool aliased = child.is("aliased_import");
      const Node name = aliased ? child.field("name") : child;
      const Node bound = aliased ? child.field("alias") : child.named(0);
      if (!bound || !bound.is("identifier")) continue;
      enter(bound, child_at, scope);
      identifier(bound, scope, true);
      binding(scope, bound.text()).imported = true;
      facts_.imports_[std::string(bound.text())] = {std::string(aliased ? name.text() : bound.text()), ""};
    }
  }

  void instance_attribute(Node attribute, Node object, Node name, int scope) {
    if (!object.is("identifier")) return;
    const int fn = function_around(scope);
    if (fn < 0) return;
    const PythonFunction& function = facts_.functions_[fn];
    if (function.owner < 0 || function.is_static || function.is_class_method || function.parameters.empty()) return;
    if (function.parameters[0].name != object.text()) return;
    facts_.classes_[function.owner].instance_attributes[std::string(name.text())].push_back(attribute);
  }

  void note_dynamic(Node call, int scope) {
    const Node callee = call.field("function");
    if (!callee.is("identifier")) return;
    const std::string_view name = callee.text();
    const Node arguments = call.field("arguments");
    if (name == "exec" || name == "eval" || name == "locals" || (name == "vars" && arguments.named_count() == 0)) {
      facts_.scopes_[scope].dynamic = true;
      facts_.dynamic_ = true;
    }
    if (name == "globals") facts_.dynamic_ = true;
    if (name == "setattr" && arguments.named_count() >= 2 && !arguments.named(1).is("string")) facts_.dynamic_ = true;
  }

  static bool declared(const std::map<int, NameSet>& names, int scope, std::string_view name) {
    const std::map<int, NameSet>::const_iterator found = names.find(scope);
    return found != names.end() && found->second.count(name) != 0;
  }

  // The scope that owns `name` as seen from `scope`; -1: builtin.
  int owner(int scope, std::string_view name) const {
    bool first = true;
    for (int up = scope; up >= 0; up = facts_.scopes_[up].parent) {
      const PythonScope& here = facts_.scopes_[up];
      if (here.kind == PythonScopeKind::kClass && !first) continue;
      if (here.kind != PythonScopeKind::kComprehension) first = false;
      const auto found = here.bindings.find(name);
      if (found == here.bindings.end()) continue;
      if (found->second.declared_outer) {
        if (declared(global_names_, up, name)) return 0;
        continue;
      }
      return up;
    }
    return -1;
  }

  void resolve_loads() {
    // Stores made through global and nonlocal belong to the outer binding.
    for (std::size_t s = 1; s < facts_.scopes_.size(); ++s) {
      for (auto& [name, here] : facts_.scopes_[s].bindings) {
        if (!here.declared_outer) continue;
        const int holder =
            declared(global_names_, static_cast<int>(s), name) ? 0 : owner(facts_.scopes_[s].parent, name);
        if (holder < 0) continue;
        PythonBinding& outer = binding(holder, name);
        for (const Node node : here.stores) outer.stores.push_back(node);
        if (!here.stores.empty()) outer.written_from_outside = true;
        if (holder != 0) outer.captured = true;
      }
    }
    for (const Use& use : loads_) {
      const int holder = owner(use.scope, use.node.text());
      if (holder < 0) continue;
      PythonBinding& found = binding(holder, use.node.text());
      found.loads.push_back(use.node);
      for (int up = use.scope; up != holder && up >= 0; up = facts_.scopes_[up].parent) {
        const PythonScopeKind kind = facts_.scopes_[up].kind;
        if (holder != 0 && (kind == PythonScopeKind::kFunction || kind == PythonScopeKind::kLambda ||
                            facts_.scopes_[up].node.is("generator_expression")))
          found.captured = true;
      }
    }
  }

  // Decorated as one of the signatures of a method: a declaration for type checkers, of which nothing is left at run
  // time.
  static std::string_view overload_name(const PythonFunction& function) {
    if (function.decorators.size() != 1) return {};
    const std::string_view text = function.decorators[0].named(0).text();
    return text == "overload" || text == "typing.overload" ? text : std::string_view();
  }
  static bool declares_overload(const PythonFunction& function) { return !overload_name(function).empty(); }
  bool typing_overload(const PythonFunction& function) const {
    const std::string_view name = overload_name(function);
    if (name.empty()) return false;
    const auto found = facts_.imports_.find(name.substr(0, name.find('.')));
    if (found == facts_.imports_.end()) return false;
    const std::string& module = found->second.module;
    return name == "overload"
               ? (module == "typing" || module == "typing_extensions") && found->second.name == "overload"
               : module == "typing" && found->second.name.empty();
  }

  void finish_classes() {
    for (PythonClass& made : facts_.classes_) {
      for (const std::string_view hook : {"__getattr__", "__setattr__", "__getattribute__", "__delattr__", "__new__"}) {
        if (made.methods.count(hook) != 0) made.dynamic = true;
      }
      const PythonScope& scope = facts_.scopes_[made.scope];
      if (scope.dynamic) made.dynamic = true;
      for (const auto& [name, here] : scope.bindings) {
        std::size_t bound = here.stores.size();
        for (std::size_t i = 0; i + 1 < here.stores.size(); ++i) {
          const auto definition = facts_.function_index_.find(here.stores[i].parent().id());
          if (definition != facts_.function_index_.end() && typing_overload(facts_.functions_[definition->second]))
            --bound;
        }
        if (bound > 1) {
          const auto method = made.methods.find(name);
          const bool accessor = method != made.methods.end() && facts_.functions_[method->second].other_decorators;
          if (!accessor) made.defined_twice = true;
        }
        if (made.methods.count(name) != 0) continue;
        for (const Node target : here.stores) {
          const Node parent = target.parent();
          made.attributes[name] =
              parent.is("assignment") && parent.field("left") == target ? parent.field("right") : Node();
        }
        if (name == "__slots__") read_slots(made, here);
      }
      const auto named = facts_.scopes_[facts_.scopes_[made.scope].parent].bindings.find(made.name);
      if (named == facts_.scopes_[facts_.scopes_[made.scope].parent].bindings.end() || named->second.stores.size() != 1)
        made.defined_twice = true;
      walk(made.body, [&](Node node) {
        if (node.is("attribute") && node.field("attribute").text() == "__dict__") made.dynamic = true;
        return true;
      });
    }
  }

  static void read_slots(PythonClass& made, const PythonBinding& binding) {
    made.dynamic = true;
    if (binding.stores.size() != 1) return;
    Node value = made.attributes["__slots__"];
    if (value.is("parenthesized_expression")) value = value.named(0);
    std::vector<std::string> names;
    const std::vector<Node> items = value.is("string") ? std::vector<Node>{value} : value.children();
    if (!value.is("string") && !value.is("tuple") && !value.is("list")) return;
    for (const Node item : items) {
      if (!item.is("string") || item.named_count() != 3) return;
      names.push_back(std::string(item.named(1).text()));
    }
    made.slots = std::move(names);
    made.dynamic = false;
  }

  PythonFacts& facts_;
  std::vector<Use> loads_;
  std::vector<int> scope_function_;
  std::map<int, int> scope_class_;
  std::map<int, NameSet> global_names_;
  std::map<int, NameSet> nonlocal_names_;
  int loop_depth_ = 0;
};

PythonFacts::PythonFacts(const SourceFile& file) : path_(file.path), tree_(file.tree) {
  PythonFactsBuilder(*this).build();
  file_index_ = make_python_file_index(*this);
}

std::shared_ptr<const PythonFacts> PythonFacts::of(const SourceFile& file) {
  static std::mutex mutex;
  static std::map<std::pair<const Tree*, std::string>, std::shared_ptr<const PythonFacts>> known;
  static std::deque<std::pair<const Tree*, std::string>> order;
  const std::pair<const Tree*, std::string> key{file.tree.get(), file.path};
  {
    const std::lock_guard<std::mutex> lock(mutex);
    const auto found = known.find(key);
    if (found != known.end()) return found->second;
  }
  std::unique_ptr<PythonFacts> built = std::make_unique<PythonFacts>(file);
  memory::Charge charge(memory::zones().code_cache, PythonFactsBuilder::bytes(*built));
  std::shared_ptr<const PythonFacts> made(built.release(), [held = std::make_shared<memory::Charge>(std::move(charge))](
                                                               const PythonFacts* gone) { delete gone; });
  const std::lock_guard<std::mutex> lock(mutex);
  const auto [at, inserted] = known.emplace(key, made);
  if (!inserted) return at->second;
  order.push_back(key);
  if (order.size() > kCachedFacts) {
    known.erase(order.front());
    order.pop_front();
  }
  return made;
}

Node PythonFacts::parent(Node node) const {
  const auto found = index_.find(node.id());
  if (found == index_.end()) return node.parent();
  const int up = parents_[found->second];
  return up < 0 ? Node() : nodes_[up];
}

Node PythonFacts::ancestor(Node node, std::initializer_list<std::string_view> kinds) const {
  for (Node up = parent(node); up; up = parent(up)) {
    if (std::find(kinds.begin(), kinds.end(), up.kind()) != kinds.end()) return up;
  }
  return {};
}

int PythonFacts::scope_of(Node node) const {
  for (Node up = node; up; up = up.parent()) {
    const auto found = index_.find(up.id());
    if (found != index_.end()) return node_scope_[found->second];
  }
  return 0;
}

int PythonFacts::frame_of(Node node) const {
  int scope = scope_of(node);
  while (scope > 0 && scopes_[scope].kind != PythonScopeKind::kFunction) scope = scopes_[scope].parent;
  return std::max(scope, 0);
}

const PythonFunction* PythonFacts::function_of(Node node) const {
  for (int scope = scope_of(node); scope > 0; scope = scopes_[scope].parent) {
    if (scopes_[scope].kind == PythonScopeKind::kFunction) return function_at(scopes_[scope].node);
    if (scopes_[scope].kind == PythonScopeKind::kClass) return nullptr;
  }
  return nullptr;
}

const PythonFunction* PythonFacts::function_at(Node definition) const {
  const auto found = function_index_.find(definition.id());
  return found == function_index_.end() ? nullptr : &functions_[found->second];
}

const PythonClass* PythonFacts::class_at(Node definition) const {
  const auto found = class_index_.find(definition.id());
  return found == class_index_.end() ? nullptr : &classes_[found->second];
}

const PythonClass* PythonFacts::class_of(const PythonFunction& function) const {
  return function.owner < 0 ? nullptr : &classes_[function.owner];
}

std::string PythonFacts::symbol_of(Node node) const {
  for (Node up = node; up; up = parent(up)) {
    if (const PythonFunction* function = function_at(up)) return function->qualified;
    if (const PythonClass* cls = class_at(up)) return cls->qualified;
  }
  return {};
}

const PythonBinding* PythonFacts::lookup(int from_scope, std::string_view name, int* scope) const {
  bool first = true;
  bool to_global = false;
  for (int up = from_scope; up >= 0; up = scopes_[up].parent) {
    const PythonScope& here = scopes_[up];
    if ((here.kind == PythonScopeKind::kClass && !first) || (to_global && up != 0)) continue;
    if (here.kind != PythonScopeKind::kComprehension) first = false;
    const auto found = here.bindings.find(name);
    if (found == here.bindings.end()) continue;
    if (found->second.declared_outer) {
      // A nonlocal name is found further out before the module is reached; a global one only there.
      for (std::uint32_t i = 0; !to_global && i < here.node.field("body").named_count(); ++i) {
        const Node statement = here.node.field("body").named(i);
        if (!statement.is("global_statement")) continue;
        for (std::uint32_t j = 0; j < statement.named_count(); ++j) to_global |= statement.named(j).text() == name;
      }
      continue;
    }
    if (scope != nullptr) *scope = up;
    return &found->second;
  }
  return nullptr;
}

const PythonBinding* PythonFacts::resolve(Node identifier, int* scope) const {
  if (!identifier.is("identifier") || !is_variable(identifier)) return nullptr;
  return lookup(scope_of(identifier), identifier.text(), scope);
}

bool PythonFacts::is_variable(Node identifier) const {
  if (!identifier.is("identifier")) return false;
  const Node up = parent(identifier);
  if (up.is("attribute")) return !(up.field("attribute") == identifier);
  if (up.is("keyword_argument")) return !(up.field("name") == identifier);
  return !up.is("dotted_name") || stores_.count(identifier.id()) != 0;
}

bool PythonFacts::is_store(Node identifier) const {
  return stores_.count(identifier.id()) != 0;
}

bool PythonFacts::is_builtin(Node identifier, std::string_view name) const {
  if (!identifier.is("identifier") || identifier.text() != name || !is_variable(identifier)) return false;
  return resolve(identifier) == nullptr && !scopes_[0].dynamic;
}

Node PythonFacts::statement_of(Node node) const {
  Node here = node;
  for (Node up = parent(here); up; up = parent(up)) {
    if (up.is("block") || up.is("module")) return here;
    here = up;
  }
  return {};
}

Node PythonFacts::loop_of(Node node) const {
  Node here = node;
  for (Node up = parent(here); up; here = up, up = parent(up)) {
    if (up.is("function_definition") || up.is("lambda") || up.is("class_definition")) return {};
    if (up.is("while_statement") && !(here == up.field("alternative"))) return up;
    if (up.is("for_statement") && here == up.field("body")) return up;
  }
  return {};
}

NameSet PythonFacts::names_stored_in(Node region) const {
  NameSet names;
  const int frame = frame_of(region.is("function_definition") ? region.field("body") : region);
  walk(region, [&](Node node) {
    if (!node.is("identifier") || !is_store(node)) return true;
    const int scope = scope_of(node);
    if (scope == frame) {
      names.insert(std::string(node.text()));
    } else {
      const auto found = scopes_[scope].bindings.find(node.text());
      if (found != scopes_[scope].bindings.end() && found->second.declared_outer)
        names.insert(std::string(node.text()));
    }
    return true;
  });
  return names;
}

NameSet PythonFacts::names_read_in(Node region) const {
  NameSet names;
  const Range range = region.range();
  walk(region, [&](Node node) {
    if (!node.is("identifier") || !is_variable(node)) return true;
    if (is_store(node) && !(parent(node).is("augmented_assignment"))) return true;
    int scope = -1;
    lookup(scope_of(node), node.text(), &scope);
    const bool inner = scope > 0 && range.contains(scopes_[scope].node.range()) &&
                       !(scopes_[scope].node == region && scopes_[scope].kind == PythonScopeKind::kFunction);
    if (!inner) names.insert(std::string(node.text()));
    return true;
  });
  return names;
}

NameSet PythonFacts::attributes_stored_in(Node region) const {
  NameSet names;
  walk(region, [&](Node node) {
    if (!node.is("attribute")) return true;
    Node up = parent(node);
    Node here = node;
    while (up && is_target_pattern(up.kind())) {
      here = up;
      up = parent(up);
    }
    const bool stored =
        ((up.is("assignment") || up.is("augmented_assignment") || up.is("for_statement") || up.is("for_in_clause")) &&
         up.field("left") == here) ||
        up.is("delete_statement") || (up.is("as_pattern_target")) || (here.is("as_pattern_target"));
    if (stored) names.insert(std::string(node.field("attribute").text()));
    return true;
  });
  return names;
}

bool PythonFacts::reassigned_in(Node region, Node identifier) const {
  int scope = -1;
  const PythonBinding* found = resolve(identifier, &scope);
  if (found == nullptr) return false;
  for (const Node node : found->stores) {
    if (region.range().contains(node.range())) return true;
  }
  if (!found->written_from_outside && (scope != 0 || found->stores.size() == 1)) return false;
  bool calls = false;
  walk(region, [&](Node node) {
    calls |= node.is("call") || node.is("await") || node.is("yield");
    return !calls;
  });
  return calls;
}

bool PythonFacts::used_only_in(Node region, Node identifier) const {
  const PythonBinding* found = resolve(identifier);
  if (found == nullptr || found->captured) return false;
  const Range range = region.range();
  const auto inside = [&](Node node) { return range.contains(node.range()); };
  return std::all_of(found->stores.begin(), found->stores.end(), inside) &&
         std::all_of(found->loads.begin(), found->loads.end(), inside);
}

bool PythonFacts::bound_once(std::string_view module_name) const {
  if (scopes_[0].dynamic || dynamic_) return false;
  const auto found = scopes_[0].bindings.find(module_name);
  return found != scopes_[0].bindings.end() && found->second.stores.size() == 1 &&
         !found->second.written_from_outside && !found->second.deleted;
}

bool PythonFacts::escapes(const PythonBinding& binding) const {
  if (binding.captured || binding.declared_outer || binding.written_from_outside) return true;
  for (const Node load : binding.loads) {
    const Node up = parent(load);
    if (up.is("attribute") && up.field("object") == load) continue;
    if (up.is("subscript") && up.field("value") == load) continue;
    return true;
  }
  return false;
}

}  // namespace jarvis2::code
