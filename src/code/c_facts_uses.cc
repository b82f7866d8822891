// Uses of variables, and what stays the same while a region runs.
#include <algorithm>

#include "code/c_facts.h"
#include "code/c_facts_file.h"

namespace jarvis2::code {
namespace {

bool same_variable(const CVariable& a, const CVariable& b) {
  return a && b && a.name_node == b.name_node;
}

// Declared inside `region`, not before it.
bool declared_in(const CVariable& variable, Node region) {
  return variable && &variable.name_node.tree() == &region.tree() &&
         region.range().contains(variable.name_node.range());
}

bool is_literal(Node node) {
  static const std::set<std::string_view> kinds = {"number_literal",
                                                   "char_literal",
                                                   "string_literal",
                                                   "true",
                                                   "false",
                                                   "null",
                                                   "nullptr",
                                                   "raw_string_literal",
                                                   "concatenated_string",
                                                   "sizeof_expression",
                                                   "this",
                                                   "alignof_expression",
                                                   "offsetof_expression"};
  return kinds.contains(node.kind());
}

}  // namespace

CUseOf CFacts::use_of(Node identifier) const {
  CUseOf result;
  result.node = identifier;
  Node place = identifier;
  bool part = false;
  bool maps = false;  // operator[] of a map may insert
  Node up = place.parent();
  // Grow to the largest place.
  while (up) {
    if (up.is("parenthesized_expression")) {
      place = up;
    } else if (up.is("field_expression") && up.field("argument") == place) {
      const Node call = up.parent();
      if (call.is("call_expression") && call.field("function") == up) break;  // a method
      place = up;
      part = true;
    } else if (up.is("subscript_expression") && up.field("argument") == place) {
      const CType object = type_of(place);
      if (object.name() == "map" || object.name() == "unordered_map") maps = true;
      place = up;
      part = true;
    } else if (up.is("pointer_expression") && up.field("argument") == place && up.text().starts_with("*")) {
      place = up;
      part = true;
    } else {
      break;
    }
    up = place.parent();
  }
  result.place = place;
  if (maps) {
    result.use = CUse::kMutate;
    result.method = "operator[]";
    return result;
  }
  const auto set = [&](CUse use) { result.use = part && use == CUse::kWrite ? CUse::kElementWrite : use; };
  if (up.is("assignment_expression") && up.field("left") == place) {
    set(CUse::kWrite);
  } else if (up.is("update_expression")) {
    set(CUse::kWrite);
  } else if (up.is("pointer_expression") && up.text().starts_with("&")) {
    result.use = part && identifier.parent() != place ? CUse::kElementWrite : CUse::kAddress;
    if (part && type_of(identifier).pointers > 0) result.use = CUse::kRead;  // &p->x, &p[i] leave p alone
  } else if (up.is("field_expression") && up.field("argument") == place) {
    result.method = std::string(up.field("field").text());
    const CType object = type_of(place);
    const CRecord* owner = record(object.name());
    const bool constant = object.is_const || (owner != nullptr ? owner->const_methods.contains(result.method)
                                                               : is_const_library_method(result.method));
    if (!constant) result.use = part ? CUse::kElementWrite : CUse::kMutate;
    if (!constant && up.field("operator").text() == "->" && object.pointers > 0) {
      result.use = CUse::kElementWrite;
    }
    // begin(), find(), data() hand out a way to write.
    if (constant && !object.is_const &&
        (result.method == "data" || result.method == "begin" || result.method == "end" || result.method == "front" ||
         result.method == "back" || result.method == "at" || result.method == "get")) {
      const Node call = up.parent();
      const Node around = call.parent();
      if ((around.is("assignment_expression") && around.field("left") == call) || around.is("update_expression")) {
        result.use = CUse::kElementWrite;
      } else if (around.is("argument_list") || around.is("init_declarator")) {
        result.use = result.method == "get" ? CUse::kRead : CUse::kArgument;
        const Node callee = around.parent();
        if (callee.is("call_expression") && library_effect(callee_name(callee)) &&
            *library_effect(callee_name(callee)) != CEffect::kWrites) {
          result.use = CUse::kRead;
        }
        if (around.is("init_declarator")) {
          const CType bound = parse_c_type(around.parent().field("type").text());
          if (bound.is_const || (is_integer(bound) || is_floating(bound))) result.use = CUse::kRead;
        }
      }
    }
  } else if (up.is("argument_list")) {
    const Node call = up.parent();
    if (call.is("call_expression")) {
      const std::string name = callee_name(call);
      if (name == "move" || name == "forward" || name == "exchange") {
        result.use = CUse::kMove;
        return result;
      }
      const std::vector<Node> arguments = call_arguments(call);
      const std::size_t index =
          static_cast<std::size_t>(std::find(arguments.begin(), arguments.end(), place) - arguments.begin());
      const std::vector<const CFunction*>& known = functions(name);
      const CType type = type_of(place);
      result.use = CUse::kArgument;
      if (!known.empty()) {
        const bool harmless = std::all_of(known.begin(), known.end(), [&](const CFunction* function) {
          if (index >= function->parameters.size()) return true;
          const CType& parameter = function->parameters[index].type;
          return parameter.is_const || (parameter.is_value() && !type.pointers && !type.arrays);
        });
        const bool scalar_pointer = std::all_of(known.begin(), known.end(), [&](const CFunction* function) {
          return index >= function->parameters.size() || !function->parameters[index].type.reference;
        });
        if (harmless) {
          result.use = CUse::kRead;
        } else if (scalar_pointer && (type.pointers > 0 || type.arrays > 0)) {
          result.use = CUse::kElementWrite;
        }
      } else if (const std::optional<CEffect> library = library_effect(name)) {
        if (*library != CEffect::kWrites || (type.pointers > 0 && type.is_const) || type.name() == "regex") {
          result.use = CUse::kRead;
        } else if (type.pointers > 0 || type.arrays > 0) {
          result.use = CUse::kElementWrite;
        } else if (is_integer(type) || is_floating(type)) {
          result.use = name == "swap" || name == "getline" ? CUse::kWrite : CUse::kRead;
        } else if (call_receiver(call) && name != "swap" && name != "splice" && name != "merge" && name != "getline" &&
                   name != "read") {
          result.use = CUse::kRead;  // push_back(x), insert(x), append(x), find(x)
        }
      } else if (name.ends_with("_cast") || record(name) != nullptr) {
        result.use = name.ends_with("_cast") ? CUse::kArgument : CUse::kRead;
      } else if (type.pointers > 0 || type.arrays > 0) {
        result.use = type.is_const ? CUse::kRead : CUse::kElementWrite;
      } else if (name == "assert") {
        result.use = CUse::kRead;
      } else if (const CFunction* in = enclosing_function(call); in != nullptr && in->path.empty()) {
        result.use = CUse::kArgument;
      } else if (is_integer(type) || is_floating(type)) {
        result.use = call.tree().language() == Language::kC ? CUse::kRead : CUse::kArgument;
      }
    } else if (up.parent().is("init_declarator")) {
      result.use = CUse::kRead;  // T y(x): a copy, or a constructor that takes it by const reference
      if (record(parse_c_type(up.parent().parent().field("type").text()).name()) != nullptr) {
        result.use = CUse::kArgument;
      }
    }
  } else if (up.is("init_declarator") && up.field("value") == place) {
    const std::string_view declarator = up.field("declarator").kind();
    const CType type = parse_c_type(up.parent().text().substr(0, 64));
    if (declarator == "reference_declarator") {
      bool constant = false;
      for (const Node& child : named_children(up.parent())) {
        constant |= child.is("type_qualifier") && child.text() == "const";
      }
      result.use = constant ? CUse::kRead : CUse::kAddress;
    }
    (void)type;
  } else if (up.is("for_range_loop") && up.field("right") == place) {
    if (up.field("declarator").is("reference_declarator")) {
      bool constant = false;
      for (const Node& child : named_children(up)) {
        constant |= child.is("type_qualifier") && child.text() == "const";
      }
      if (!constant) result.use = CUse::kElementWrite;
    }
  } else if (up.is("binary_expression") && up.field("right") == place && up.field("operator").text() == ">>") {
    const CType left = type_of(up.field("left"));
    if (!is_integer(left) && up.tree().language() != Language::kC) set(CUse::kWrite);
  } else if (up.is("binary_expression") && up.field("left") == place &&
             (up.field("operator").text() == "<<" || up.field("operator").text() == ">>")) {
    const CType left = type_of(place);
    if (!is_integer(left) && up.tree().language() != Language::kC) result.use = CUse::kMutate;
  } else if (up.is("lambda_capture_specifier")) {
    result.use = CUse::kRead;
  } else if (up.is("pointer_expression") || up.is("return_statement")) {
    // A returned local is read; a returned reference is told by the function's type.
    const CFunction* in = enclosing_function(identifier);
    if (up.is("return_statement") && in != nullptr && in->returns.reference && !in->returns.is_const) {
      result.use = CUse::kAddress;
    }
  } else if (up.is("delete_expression")) {
    result.use = CUse::kElementWrite;
  }
  return result;
}

std::vector<CUseOf> CFacts::uses(const CVariable& variable, Node within) const {
  std::vector<CUseOf> result;
  if (!variable) return result;
  const CFile* home = file_of(variable.name_node);
  const bool local = variable.storage == CStorage::kLocal || variable.storage == CStorage::kParameter ||
                     variable.storage == CStorage::kStaticLocal;
  for (const std::shared_ptr<const CFile>& file : files_) {
    if (local && file.get() != home) continue;
    if (within && &within.tree() != file->tree.get()) continue;
    const auto found = file->identifiers.find(variable.name);
    if (found == file->identifiers.end()) continue;
    for (const Node& node : found->second) {
      if (node == variable.name_node) continue;
      const Range range = node.range();
      if (local && !variable.scope.contains(range)) continue;
      if (within && !within.range().contains(range)) continue;
      if (!node.is("identifier") && !node.is("field_identifier")) {
        if (node.is("preproc_arg")) result.push_back({node, CUse::kArgument, {}, node});
        if (local && node.is("type_identifier") && node.parent().is("parameter_declaration")) {
          // `T x(a);` in a function parses as a function's declaration: `a` is handed to a constructor.
          const Node declaration = node.ancestor({"declaration"});
          const bool copies = declaration && record(parse_c_type(declaration.field("type").text()).name()) == nullptr &&
                              library_effect(parse_c_type(declaration.field("type").text()).name()) == std::nullopt;
          if (declaration) result.push_back({node, copies ? CUse::kRead : CUse::kArgument, {}, node});
        }
        continue;
      }
      if (!same_variable(resolve(node), variable)) continue;
      if (node.is("field_identifier")) {
        CUseOf use = use_of(node.parent().is("field_expression") ? node.parent() : node);
        use.node = node;
        result.push_back(std::move(use));
      } else {
        result.push_back(use_of(node));
      }
    }
  }
  return result;
}

bool CFacts::never_modified(const CVariable& variable, Node within) const {
  if (!variable) return false;
  const std::vector<CUseOf> all = uses(variable, within);
  return std::all_of(all.begin(), all.end(), [](const CUseOf& use) { return use.use == CUse::kRead; });
}

bool CFacts::assigned_in(const CVariable& variable, Node within) const {
  const std::vector<CUseOf> all = uses(variable, within);
  return std::any_of(all.begin(), all.end(), [](const CUseOf& use) {
    return use.use == CUse::kWrite || use.use == CUse::kMove || use.use == CUse::kAddress;
  });
}

bool CFacts::escapes(const CVariable& variable) const {
  if (!variable || variable.storage == CStorage::kGlobal || variable.storage == CStorage::kMember ||
      variable.type.reference) {
    return true;
  }
  for (const CUseOf& use : uses(variable)) {
    if (use.use == CUse::kAddress || use.use == CUse::kArgument) return true;
    for (Node up = use.node.parent(); up && variable.scope.contains(up.range()); up = up.parent()) {
      if (up.is("lambda_expression") && !up.range().contains(variable.name_node.range())) return true;
    }
  }
  return false;
}

bool CFacts::linked(const CVariable& a, const CVariable& b) const {
  if (!a || !b) return true;
  if (same_variable(a, b)) return true;
  const CFunction* function = enclosing_function(a.name_node);
  if (function == nullptr || function != enclosing_function(b.name_node)) {
    // A local and something outside: linked only where the local is made from it, by name.
    const CVariable& local = function != nullptr ? a : b;
    const CVariable& other = function != nullptr ? b : a;
    if (!local.value) return local.storage != CStorage::kParameter && local.type.pointers > 0;
    for (const Node& name : descendants(local.value, {"identifier", "field_identifier"})) {
      if (name.text() == other.name) return true;
    }
    return false;
  }
  // Union-find over pointer-like assignments of the function, by name.
  std::map<std::string, std::string> up;
  const auto find = [&](std::string name) {
    while (up.contains(name) && up[name] != name) name = up[name];
    return name;
  };
  const auto link = [&](std::string_view target, Node value) {
    if (!value) return;
    const Node place = bare(value);
    const CType type = type_of(place);
    if (is_integer(type) || is_floating(type)) return;
    for (const Node& name : descendants(place, {"identifier"})) {
      const Node parent = name.parent();
      if (parent.is("call_expression") && parent.field("function") == name) continue;
      if (parent.is("subscript_expression") && parent.field("argument") != name) continue;
      const CType part = type_of(name);
      if (is_integer(part) || is_floating(part)) continue;
      const std::string left = find(std::string(target));
      const std::string right = find(std::string(name.text()));
      up[left] = right;
    }
  };
  for (const Node& node : descendants(function->node, {"init_declarator", "assignment_expression", "for_range_loop"})) {
    if (node.is("init_declarator")) {
      CType type;
      Node name = node.field("declarator");
      while (name && !name.is("identifier")) {
        const Node inner = name.field("declarator");
        name = inner ? inner : (name.named_count() > 0 ? name.named(name.named_count() - 1) : Node());
      }
      if (name) link(name.text(), node.field("value"));
    } else if (node.is("assignment_expression")) {
      const Node left = root_of(node.field("left"));
      if (left.is("identifier")) link(left.text(), node.field("right"));
    } else if (node.field("declarator").is("reference_declarator")) {
      const Node declarator = node.field("declarator");
      if (declarator.named_count() > 0) link(declarator.named(0).text(), node.field("right"));
    }
  }
  return find(a.name) == find(b.name);
}

namespace {

// Decides whether an expression keeps its value while `region` runs.
class Invariance {
 public:
  Invariance(const CFacts& facts, Node region) : facts_(facts), region_(region), writes_(facts.region(region)) {}

  CInvariance decide(Node expression) {
    result_.holds = result_.certain = true;
    check(expression);
    if (!result_.holds) {
      result_.certain = false;
      result_.assumption.clear();
    }
    return result_;
  }

 private:
  bool fail(const std::string& reason) {
    if (result_.holds) result_.reason = reason;
    result_.holds = false;
    return false;
  }

  void assume(const std::string& text) {
    result_.certain = false;
    if (result_.assumption.find(text) == std::string::npos) {
      result_.assumption += (result_.assumption.empty() ? "" : "; ") + text;
    }
  }

  bool check(Node expression) {
    const Node node = bare(expression);
    if (!node || node.has_error()) return fail("not understood");
    if (is_literal(node)) return true;
    const std::string_view kind = node.kind();
    if (kind == "identifier") return name(node);
    if (kind == "qualified_identifier") return true;  // a constant or a function of a namespace
    if (kind == "field_expression") return field(node);
    if (kind == "subscript_expression") {
      for (const Node& child : named_children(node)) {
        if (child == node.field("argument")) continue;
        for (const Node& index : child.is("subscript_argument_list") ? named_children(child) : std::vector{child}) {
          if (!check(index)) return false;
        }
      }
      return memory(node.field("argument"), node);
    }
    if (kind == "pointer_expression") {
      if (node.text().starts_with("&")) return check(node.field("argument"));
      return memory(node.field("argument"), node);
    }
    if (kind == "call_expression") return call(node);
    if (kind == "binary_expression" || kind == "unary_expression" || kind == "conditional_expression" ||
        kind == "cast_expression" || kind == "comma_expression") {
      if (kind == "binary_expression") {
        const std::string_view op = node.field("operator").text();
        if ((op == "<<" || op == ">>") && node.tree().language() == Language::kCpp &&
            !CFacts::is_integer(facts_.type_of(node.field("left")))) {
          return fail("stream operator");
        }
      }
      const Node type = kind == "cast_expression" ? node.field("type") : Node();
      for (const Node& child : named_children(node)) {
        if (child != type && !check(child)) return false;
      }
      return true;
    }
    return fail("holds " + std::string(kind));
  }

  bool name(Node identifier) {
    const std::string text(identifier.text());
    const CVariable variable = facts_.resolve(identifier);
    if (writes_.names.contains(text)) return fail(text + " changes");
    if (!variable) {
      const bool constant = std::all_of(text.begin(), text.end(), [](char c) {
        return std::isupper(static_cast<unsigned char>(c)) || std::isdigit(static_cast<unsigned char>(c)) || c == '_';
      });
      return constant || fail(text + " is unknown");
    }
    if (declared_in(variable, region_)) return fail(text + " belongs to the loop");
    if (variable.type.is_volatile) return fail(text + " is volatile");
    if (variable.storage == CStorage::kMember && writes_.fields.contains(text)) return fail(text + " changes");
    const bool constant = variable.is_constexpr || (variable.type.is_const && variable.type.is_value());
    if (constant) return true;
    if (variable.type.is_value() && !CFacts::is_integer(variable.type) && !CFacts::is_floating(variable.type) &&
        writes_.elements.contains(text)) {
      return fail("a part of " + text + " changes");
    }
    const bool outside = variable.storage == CStorage::kGlobal || variable.storage == CStorage::kMember ||
                         variable.storage == CStorage::kStaticLocal || variable.type.reference;
    if (outside || facts_.escapes(variable)) return shared(text, facts_.type_of(identifier), variable);
    return true;
  }

  // A value in memory that others could reach: unknown calls may change it; stores of its type are assumed not to.
  bool shared(const std::string& what, const CType& type, const CVariable& variable) {
    if (!writes_.unknown_calls.empty()) return fail(*writes_.unknown_calls.begin() + " may change " + what);
    if (writes_.elements.contains(variable.name) && variable && variable.type.reference) {
      return fail(variable.name + " changes");
    }
    if (writes_.element_types.empty()) return true;
    if (type.known() && !writes_.element_types.contains(type.base) && !writes_.element_types.contains("?") &&
        !writes_.element_types.contains("char") && !writes_.element_types.contains("unsigned char") &&
        !writes_.element_types.contains("uint8_t") && !(type.pointers > 0 && writes_.element_types.contains("*"))) {
      return true;
    }
    assume("stores through pointers in the loop do not reach " + what);
    return true;
  }

  bool field(Node node) {
    const std::string text(node.field("field").text());
    if (writes_.fields.contains(text)) return fail("field " + text + " changes");
    const Node object = bare(node.field("argument"));
    if (!object.is("this") && !place(object)) return false;
    const CVariable root = facts_.resolve(root_of(node));
    if (root && root.type.is_volatile) return fail(text + " is volatile");
    const bool own = root && root.storage == CStorage::kLocal && root.type.is_value() && !facts_.escapes(root) &&
                     node.field("operator").text() == ".";
    return own || shared(std::string(node.text()), facts_.type_of(node), root);
  }

  // The object part of an access: it must stay the same object; its content is judged by the caller.
  bool place(Node object) {
    const Node node = bare(object);
    if (node.is("identifier")) {
      const std::string text(node.text());
      const CVariable variable = facts_.resolve(node);
      if (writes_.names.contains(text)) return fail(text + " changes");
      if (!variable) return fail(text + " is unknown");
      if (declared_in(variable, region_)) return fail(text + " belongs to the loop");
      if (variable.type.is_volatile) return fail(text + " is volatile");
      if (variable.storage == CStorage::kMember && writes_.fields.contains(text)) return fail(text + " changes");
      if (variable.type.pointers > 0) return name(node);
      return true;
    }
    if (node.is("this")) return true;
    return check(node);
  }

  bool memory(Node object, Node whole) {
    const Node node = bare(object);
    if (!place(node)) return false;
    const Node root = root_of(node);
    const CVariable variable = facts_.resolve(root);
    const std::string text(root.text());
    if (writes_.elements.contains(text) || writes_.elements.contains("?"))
      return fail("elements of " + text + " change");
    if (node.is("field_expression") && writes_.elements.contains(std::string(node.field("field").text()))) {
      return fail("elements of " + std::string(node.text()) + " change");
    }
    for (const std::string& other : writes_.elements) {
      if (other == "this") continue;
      CVariable target;
      for (const Node& name : descendants(region_, {"identifier"})) {
        if (name.text() != other) continue;
        target = facts_.resolve(name);
        break;
      }
      if (target && facts_.linked(variable, target)) return fail(other + " may point into " + text);
    }
    return shared(std::string(whole.text()), facts_.type_of(whole), variable);
  }

  bool call(Node node) {
    const std::string name = callee_name(node);
    const CEffect effect = facts_.call_effect(node);
    if (effect == CEffect::kWrites) return fail(name + "() is not known to be free of effects");
    for (const Node& argument : call_arguments(node)) {
      if (!check(argument)) return false;
    }
    const Node receiver = call_receiver(node);
    if (receiver) {
      const Node object = bare(receiver);
      const Node root = root_of(object);
      const std::string text(root.text());
      if (!object.is("this") && !place(object)) return false;
      if (object.is("field_expression") && writes_.fields.contains(std::string(object.field("field").text()))) {
        return fail(std::string(object.text()) + " changes");
      }
      const bool shape = name == "size" || name == "length" || name == "empty" || name == "capacity" ||
                         name == "data" || name == "begin" || name == "end" || name == "cbegin" || name == "cend" ||
                         name == "c_str";
      const CType type = facts_.type_of(object);
      const bool container = facts_.record(type.name()) == nullptr;
      if (!(shape && container)) {
        if (writes_.elements.contains(text)) return fail("elements of " + text + " change");
      } else if (type.name() == "map" || type.name() == "set" || type.name() == "unordered_map") {
        if (writes_.names.contains(text)) return fail(text + " changes");
      }
      const CVariable variable = facts_.resolve(root);
      const bool own = variable && (variable.storage == CStorage::kLocal || variable.storage == CStorage::kParameter) &&
                       variable.type.is_value() && !facts_.escapes(variable);
      if (!own && !shared(std::string(object.text()), {}, variable)) return false;
    }
    if (effect == CEffect::kReads) {
      if (!facts_.functions(name).empty()) {
        const CRegion* summary = facts_.called(name);
        if (summary == nullptr) return fail(name + "() is unknown");
        const CRegion& reads = *summary;
        for (const std::string& field : reads.read_fields) {
          if (writes_.fields.contains(field)) return fail(name + "() reads " + field + ", which changes");
        }
        for (const std::string& global : reads.read_names) {
          if (writes_.names.contains(global) || writes_.elements.contains(global)) {
            return fail(name + "() reads " + global + ", which changes");
          }
        }
        if (!writes_.element_types.empty() && !reads.read_elements.empty()) {
          return fail(name + "() reads memory that may change");
        }
        const bool memory = !reads.read_names.empty() || !reads.read_fields.empty() || !reads.read_elements.empty();
        if (memory && !writes_.unknown_calls.empty())
          return fail(*writes_.unknown_calls.begin() + " may change what " + name + "() reads");
      } else if (!receiver) {
        for (const Node& argument : call_arguments(node)) {
          const CType type = facts_.type_of(argument);
          if (CFacts::is_integer(type) || CFacts::is_floating(type) || is_literal(bare(argument))) continue;
          if (!memory(argument, argument)) return false;
        }
      }
    }
    return true;
  }

  const CFacts& facts_;
  Node region_;
  const CRegion& writes_;
  CInvariance result_;
};

}  // namespace

CInvariance CFacts::invariant(Node expression, Node region) const {
  return Invariance(*this, region).decide(expression);
}

}  // namespace jarvis2::code
