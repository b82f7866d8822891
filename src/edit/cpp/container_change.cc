#include "edit/cpp/container_change.h"

#include <algorithm>

namespace jarvis2::edit::cpp {
namespace {

// The "map" of `std::map<int, int>` in the declaration's type.
std::optional<Range> name_range(Node type, const std::string& from) {
  if (type.is("type_identifier") || type.is("qualified_identifier") || type.is("template_type")) {
    Node node = type;
    while (node.is("qualified_identifier")) node = node.field("name");
    if (node.is("template_type")) node = node.field("name");
    if (node.text() == from) return node.range();
  }
  return std::nullopt;
}

bool understood_type(const CType& type, const ContainerChange& change) {
  return type.name() == change.from && type.arguments().size() <= change.max_arguments && type.pointers == 0 &&
         type.arrays == 0 && !type.function;
}

class Closure {
 public:
  Closure(const Context& context, const ContainerChange& change, const std::function<bool(const CUseOf&)>& other)
      : context_(context), change_(change), other_(other) {}

  bool add(const CVariable& variable) {
    if (!variable || !variable.declaration) return false;
    for (const CVariable& known : done_) {
      if (known.declaration == variable.declaration) return true;
    }
    if (done_.size() > 12) return false;
    if (!understood_type(variable.type, change_)) return false;
    const Node type = variable.declaration.field("type");
    const std::optional<Range> name = type ? name_range(type, change_.from) : std::nullopt;
    if (!name) return false;
    // One declaration, one declarator: `std::map<int, int> a, b;` would change b too.
    int declarators = 0;
    for (const Node& child : code::named_children(variable.declaration)) {
      declarators += child.is("init_declarator") || child.is("identifier") || child.is("field_identifier") ? 1 : 0;
    }
    if (!variable.declaration.is("parameter_declaration") && !variable.type.reference && declarators != 1) return false;
    if (variable.value && !variable.value.is("initializer_list") && !variable.value.is("argument_list")) {
      const Node value = code::bare(variable.value);
      if (value.is("identifier")) {
        done_.push_back(variable);
        types_.push_back({path_of(context_, type), *name});
        if (!add(context_.facts.resolve(value))) return false;
        return uses(variable);
      }
      return false;
    }
    if (variable.value.is("argument_list")) {
      const std::vector<Node> arguments = code::named_children(variable.value);
      if (arguments.size() == 1 && !CFacts::is_integer(context_.facts.type_of(arguments[0]))) return false;
    }
    done_.push_back(variable);
    types_.push_back({path_of(context_, type), *name});
    return uses(variable);
  }

  void write(Proposal& proposal) const {
    std::set<std::string> paths;
    for (const auto& [path, range] : types_) {
      replace(proposal, path, range, change_.to);
      if (paths.insert(path).second) add_include(context_, proposal, path, change_.header);
    }
  }

 private:
  bool uses(const CVariable& variable) {
    if (variable.storage == CStorage::kParameter && !parameter(variable)) return false;
    // A public member could be used where no file of the workspace shows it; names are matched over all files.
    for (const CUseOf& use : context_.facts.uses(variable)) {
      if (!fits(use)) return false;
    }
    // A member used through an object whose type is not known would be missed: every field access of that name must be.
    if (variable.storage == CStorage::kMember) {
      for (const std::shared_ptr<const CFile>& file : context_.facts.files()) {
        const auto found = file->identifiers.find(variable.name);
        if (found == file->identifiers.end()) continue;
        for (const Node& node : found->second) {
          if (node.is("preproc_arg")) return false;
          if (node.is("field_identifier") && node.parent().is("field_expression") && !context_.facts.resolve(node))
            return false;
        }
      }
    }
    return true;
  }

  // All callers must pass variables that change too, or braces.
  bool parameter(const CVariable& variable) {
    const CFunction* function = context_.facts.enclosing_function(variable.name_node);
    if (function == nullptr || function->is_virtual || function->is_template || !only_called(context_.facts, *function))
      return false;
    std::size_t index = function->parameters.size();
    for (std::size_t i = 0; i < function->parameters.size(); ++i) {
      if (function->parameters[i].declaration == variable.declaration) index = i;
    }
    if (index == function->parameters.size() || context_.facts.functions(function->name).size() != 1) return false;
    for (const Node& declarator : declarators_of(context_.facts, *function)) {
      if (declarator == function->declarator) continue;
      std::vector<Node> list;
      for (const Node& child : code::named_children(declarator.field("parameters"))) {
        if (child.is("parameter_declaration") || child.is("optional_parameter_declaration")) list.push_back(child);
      }
      if (list.size() != function->parameters.size()) return false;
      const Node type = list[index].field("type");
      const std::optional<Range> name = type ? name_range(type, change_.from) : std::nullopt;
      if (!name) return false;
      types_.push_back({path_of(context_, type), *name});
    }
    for (const std::shared_ptr<const CFile>& file : context_.facts.files()) {
      const auto found = file->identifiers.find(function->name);
      if (found == file->identifiers.end()) continue;
      for (const Node& name : found->second) {
        Node call = name.parent();
        while (call && !call.is("call_expression") && !call.is("function_declarator") && !call.is("compound_statement"))
          call = call.parent();
        if (!call.is("call_expression") || code::callee_name(call) != function->name) continue;
        const std::vector<Node> arguments = code::call_arguments(call);
        if (index >= arguments.size()) return false;
        const Node argument = code::bare(arguments[index]);
        if (argument.is("initializer_list")) continue;
        if (!argument.is("identifier") || !add(context_.facts.resolve(argument))) return false;
      }
    }
    return true;
  }

  bool fits(const CUseOf& use) {
    if (use.node.is("preproc_arg")) return false;
    Node place = use.node;
    Node up = place.parent();
    if (place.is("field_identifier") && up.is("field_expression")) {
      place = up;
      up = up.parent();
    }
    if (up.is("field_initializer")) {
      const std::vector<Node> parts = code::named_children(up);
      return parts.size() == 2 && code::named_children(parts[1]).empty();
    }
    if (up.is("field_expression") && up.field("argument") == place) {
      const std::string method = spelled(up.field("field"));
      if (change_.methods.contains(method)) return true;
      return other_ && other_(use);
    }
    if (up.is("subscript_expression") && up.field("argument") == place) return change_.subscript;
    if (up.is("for_range_loop") && up.field("right") == place) return change_.iterate || (other_ && other_(use));
    if (up.is("argument_list") && up.parent().is("call_expression")) {
      const Node call = up.parent();
      const std::string name = code::callee_name(call);
      const std::vector<const CFunction*>& known = context_.facts.functions(name);
      if (known.size() == 1 && !code::call_receiver(call)) {
        const std::vector<Node> arguments = code::call_arguments(call);
        const std::size_t index =
            static_cast<std::size_t>(std::find(arguments.begin(), arguments.end(), place) - arguments.begin());
        return index < known[0]->parameters.size() && add(known[0]->parameters[index]);
      }
      if (name == "move" && call.parent().is("init_declarator")) return false;
      return other_ && other_(use);
    }
    if (up.is("init_declarator") && up.field("value") == place) {
      for (const CVariable& local : context_.info.locals) {
        if (local.declarator == up) return local.type.base == "auto" ? false : add(local);
      }
      return false;
    }
    if (up.is("assignment_expression")) {
      const Node other = code::bare(up.field("left") == place ? up.field("right") : up.field("left"));
      if (other.is("initializer_list")) return true;
      if (other.is("identifier")) return add(context_.facts.resolve(other));
      return false;
    }
    return other_ && other_(use);
  }

  const Context& context_;
  const ContainerChange& change_;
  const std::function<bool(const CUseOf&)>& other_;
  std::vector<CVariable> done_;
  std::vector<std::pair<std::string, Range>> types_;
};

}  // namespace

std::optional<Proposal> change_container(const Context& context, const CVariable& variable,
                                         const ContainerChange& change,
                                         const std::function<bool(const CUseOf&)>& other_use, std::string title,
                                         std::string note) {
  const std::optional<Range> site = context.site_of(variable);
  if (!site) return std::nullopt;
  Closure closure(context, change, other_use);
  if (!closure.add(variable)) return std::nullopt;
  Proposal proposal = context.draft(*site, std::move(title), std::move(note));
  closure.write(proposal);
  return proposal;
}

std::vector<CVariable> containers(const Context& context, const std::string& name) {
  std::vector<CVariable> result;
  const auto take = [&](const CVariable& variable) {
    if (variable.type.name() == name && variable.declaration && context.site_of(variable)) result.push_back(variable);
  };
  for (const CVariable& local : context.info.locals) take(local);
  for (const std::shared_ptr<const CFile>& file : context.facts.files()) {
    for (const CVariable& global : file->globals) take(global);
    for (const CRecord& record : file->records) {
      for (const CVariable& field : record.fields) take(field);
    }
  }
  return result;
}

}  // namespace jarvis2::edit::cpp
