#include "code/outline_parts.h"

#include <algorithm>

namespace jarvis2::code {
namespace {

std::string dotted(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text.substr(i, 2) == "::") {
      out += '.';
      ++i;
    } else if (text[i] == '<') {
      break;  // template arguments
    } else if (text[i] != ' ' && text[i] != '\n') {
      out += text[i];
    }
  }
  return out;
}

// The name in a C or C++ declarator, and whether it declares a function.
Node declared(Node at, bool& function) {
  for (int depth = 0; at && depth < 64; ++depth) {
    if (at.is("function_declarator")) function = true;
    if (at.is("identifier") || at.is("field_identifier") || at.is("destructor_name") || at.is("operator_name") ||
        at.is("qualified_identifier") || at.is("type_identifier") || at.is("operator_cast") ||
        at.is("template_function")) {
      return at;
    }
    const Node inner = at.field("declarator");
    at =
        !inner && (at.is("reference_declarator") || at.is("parenthesized_declarator") || at.is("attributed_declarator"))
            ? at.named(0)
            : inner;
  }
  return {};
}

void name_of_declarator(Node declarator, Definition& definition) {
  const Node at = declared(declarator, definition.function);
  if (!at || at.range().size() > 300) return;
  if (at.is("operator_name")) {
    definition.name = std::string(at.text());
    return;
  }
  std::string text = at.is("operator_cast") ? "operator" : dotted(at.text());
  // "A.B.f" and "A.operator<" both split at the last dot before an operator.
  const std::size_t op = text.find("operator");
  const std::size_t dot = text.rfind('.', op == std::string::npos ? std::string::npos : op);
  if (dot != std::string::npos) {
    definition.scope = text.substr(0, dot);
    text = text.substr(dot + 1);
  }
  definition.name = std::move(text);
}

bool is_function_value(Node value) {
  return value.is("arrow_function") || value.is("function_expression") || value.is("generator_function") ||
         value.is("function") || value.is("lambda") || value.is("func_literal") || value.is("lambda_expression");
}

Range docstring(Node body) {
  const Node first = body.named(0);
  if (!first.is("expression_statement")) return {};
  const Node text = first.named(0);
  return text.is("string") || text.is("concatenated_string") ? text.range() : Range{};
}

std::string plain(Node node) {
  std::string_view text = node.text();
  while (text.size() >= 2 &&
         (text.front() == '"' || text.front() == '\'' || text.front() == '<' || text.front() == '`')) {
    text.remove_prefix(1);
    text.remove_suffix(1);
  }
  return text.size() <= 300 ? std::string(text) : std::string();
}

void add_import(std::vector<Import>& imports, std::string module, std::string name, std::string alias, Node node) {
  if (module.empty() || module.size() > 300) return;
  imports.push_back({std::move(module), std::move(name), std::move(alias), node.line()});
}

void rust_use(Node node, const std::string& prefix, std::vector<Import>& imports) {
  const auto join = [&](std::string_view part) {
    return prefix.empty() ? std::string(part) : prefix + "::" + std::string(part);
  };
  if (node.is("use_list")) {
    for (const Node& child : node.children()) rust_use(child, prefix, imports);
  } else if (node.is("scoped_use_list")) {
    const Node path = node.field("path");
    rust_use(node.field("list"), path ? join(path.text()) : prefix, imports);
  } else if (node.is("use_as_clause")) {
    const std::size_t before = imports.size();
    rust_use(node.field("path"), prefix, imports);
    if (imports.size() > before) imports.back().alias = std::string(node.field("alias").text());
  } else if (node.is("use_wildcard")) {
    const Node path = node.named(0);
    add_import(imports, path ? join(path.text()) : prefix, "*", "", node);
  } else if (node.is("scoped_identifier")) {
    add_import(imports, join(node.field("path").text()), std::string(node.field("name").text()), "", node);
  } else if (node) {
    if (prefix.empty()) {
      add_import(imports, std::string(node.text()), "", "", node);
    } else {
      add_import(imports, prefix, std::string(node.text()), "", node);
    }
  }
}

void script_import(Node node, std::vector<Import>& imports) {
  const std::string module = plain(node.field("source"));
  const std::size_t before = imports.size();
  walk(node, [&](Node at) {
    if (at.is("import_specifier")) {
      add_import(imports, module, std::string(at.field("name").text()), std::string(at.field("alias").text()), at);
      return false;
    }
    if (at.is("namespace_import")) {
      add_import(imports, module, "*", std::string(at.named(0).text()), at);
      return false;
    }
    if (at.is("import_clause") && at.named(0).is("identifier")) {
      add_import(imports, module, "default", std::string(at.named(0).text()), at);
    }
    return true;
  });
  if (imports.size() == before) add_import(imports, module, "", "", node);
}

}  // namespace

Definition definition_of(Node node, Language language) {
  Definition result;
  result.line = node.line();
  result.body = node.field("body").range();
  const bool c_like = language == Language::kC || language == Language::kCpp;
  const Node name = node.field("name");
  if (language == Language::kPython && node.is("assignment")) {
    const Node left = node.field("left");
    if (left.is("identifier")) result.name = std::string(left.text());
    result.function = node.field("right").is("lambda");
  } else if (c_like && (node.is("function_definition") || node.is("declaration") || node.is("field_declaration") ||
                        node.is("type_definition"))) {
    name_of_declarator(node.field("declarator"), result);
    if (node.is("function_definition") && !result.function && node.field("body")) result.function = true;
  } else if (node.is("variable_declarator") || node.is("public_field_definition") || node.is("field_definition")) {
    const Node target = name ? name : node.field("property");
    if (target.is("identifier") || target.is("property_identifier") || target.is("private_property_identifier"))
      result.name = std::string(target.text());
    const Node value = node.field("value");
    result.function = is_function_value(value);
    if (result.function) result.body = value.field("body").range();
  } else if (node.is("field_declaration")) {  // Java
    result.name = std::string(node.field("declarator").field("name").text());
  } else if (node.is("method_declaration") && language == Language::kGo) {
    result.name = std::string(name.text());
    const Node receiver = node.field("receiver").named(0);
    result.scope = type_name(receiver.field("type"));
    result.function = true;
  } else if (node.is("type_spec")) {
    result.name = std::string(name.text());
    const Node type = node.field("type");
    if (type.is("struct_type")) result.kind = SymbolKind::kStruct;
    if (type.is("interface_type")) result.kind = SymbolKind::kInterface;
  } else if (node.is("concept_definition")) {
    result.name = std::string(node.field("name").text());
  } else {
    result.name = dotted(name.text());
    if (c_like && name.is("qualified_identifier")) {
      const std::size_t dot = result.name.rfind('.');
      if (dot != std::string::npos) {
        result.scope = result.name.substr(0, dot);
        result.name = result.name.substr(dot + 1);
      }
    }
    result.function = node.is("function_signature_item") || node.is("function_signature") ||
                      node.is("method_signature") || node.is("abstract_method_signature");
  }
  if (c_like && (node.is("class_specifier") || node.is("struct_specifier") || node.is("union_specifier") ||
                 node.is("enum_specifier") || node.is("namespace_definition"))) {
    result.complete = static_cast<bool>(node.field("body"));
  }
  if (node.is("mod_item")) result.complete = static_cast<bool>(node.field("body"));
  if (language == Language::kPython && result.body.size() > 0) {
    result.doc = docstring(node.field("body"));
    if (const Node bases = node.field("superclasses")) result.bases = base_names(bases);
  }
  if (result.name.size() > 200) result.name.clear();
  return result;
}

std::string type_name(Node node) {
  for (int depth = 0; node && depth < 16; ++depth) {
    if (node.is("pointer_type") || node.is("reference_type") || node.is("parenthesized_type")) {
      const Node inner = node.field("type");
      node = inner ? inner : node.named(node.named_count() > 0 ? node.named_count() - 1 : 0);
      continue;
    }
    if (node.is("generic_type") || node.is("template_type")) {
      const Node inner = node.field("type") ? node.field("type") : node.field("name");
      node = inner ? inner : node.named(0);
      continue;
    }
    if (node.is("scoped_type_identifier") || node.is("qualified_identifier") || node.is("scoped_identifier") ||
        node.is("qualified_type") || node.is("nested_type_identifier")) {
      const Node inner = node.field("name");
      if (!inner) break;
      node = inner;
      continue;
    }
    if (node.is("attribute")) {
      node = node.field("attribute");
      continue;
    }
    if (node.is("member_expression")) {
      node = node.field("property");
      continue;
    }
    break;
  }
  const std::string_view text = node.text();
  const std::size_t end = text.find_first_of("<([ \n");
  return std::string(text.substr(0, std::min<std::size_t>(end, 120)));
}

std::vector<std::string> base_names(Node node) {
  std::vector<std::string> names;
  const auto add = [&](Node type) {
    std::string name = type_name(type);
    if (!name.empty()) names.push_back(std::move(name));
  };
  for (const Node& child : node.children()) {
    if (child.is("extends_clause") || child.is("implements_clause") || child.is("type_list") ||
        child.is("interface_type_list")) {
      for (std::string& name : base_names(child)) names.push_back(std::move(name));
    } else if (child.is("identifier") || child.is("attribute") || child.is("type_identifier") ||
               child.is("qualified_identifier") || child.is("template_type") || child.is("generic_type") ||
               child.is("scoped_type_identifier") || child.is("member_expression") ||
               child.is("nested_type_identifier") || child.is("subscript")) {
      add(child.is("subscript") ? child.field("value") : child);
    }
  }
  return names;
}

Name called_name(Node node) {
  Name result;
  Node function = node.field("function");
  if (node.is("method_invocation")) {
    result.last = std::string(node.field("name").text());
    const std::string_view object = node.field("object").text();
    if (object.size() <= 80) result.before = std::string(object);
    return result;
  }
  if (node.is("object_creation_expression") || (node.is("new_expression") && node.field("type"))) {
    result.last = type_name(node.field("type"));
    return result;
  }
  if (node.is("new_expression")) function = node.field("constructor");
  if (node.is("macro_invocation")) function = node.field("macro");
  for (int depth = 0; function && depth < 8; ++depth) {
    Node last, before;
    if (function.is("attribute")) {
      last = function.field("attribute");
      before = function.field("object");
    } else if (function.is("field_expression")) {
      last = function.field("field");
      before = function.field("argument") ? function.field("argument") : function.field("value");
    } else if (function.is("selector_expression")) {
      last = function.field("field");
      before = function.field("operand");
    } else if (function.is("member_expression")) {
      last = function.field("property");
      before = function.field("object");
    } else if (function.is("qualified_identifier")) {
      last = function.field("name");
      before = function.field("scope");
    } else if (function.is("scoped_identifier")) {
      last = function.field("name");
      before = function.field("path");
    } else if (function.is("template_function") || function.is("template_method")) {
      function = function.field("name");
      continue;
    } else if (function.is("generic_function")) {
      function = function.field("function");
      continue;
    } else if (function.is("parenthesized_expression")) {
      function = function.named(0);
      continue;
    } else {
      break;
    }
    std::string_view text = before.text();
    if (text.size() <= 80) {
      result.before = result.before.empty() ? dotted(text) : result.before + "." + dotted(text);
    }
    function = last;
  }
  const bool named = function.is("identifier") || function.is("field_identifier") ||
                     function.is("property_identifier") || function.is("type_identifier") ||
                     function.is("private_property_identifier") || function.is("destructor_name") ||
                     function.is("dependent_name") || function.is("operator_name");
  if (named && function.range().size() <= 120) result.last = std::string(function.text());
  return result;
}

void take_imports(Node node, std::vector<Import>& imports) {
  if (node.is("preproc_include")) {
    add_import(imports, plain(node.field("path")), "", "", node);
  } else if (node.is("use_declaration")) {
    rust_use(node.field("argument"), "", imports);
  } else if (node.is("import_spec")) {
    add_import(imports, plain(node.field("path")), "", std::string(node.field("name").text()), node);
  } else if (node.is("import_declaration")) {
    std::string path;
    bool all = false;
    for (const Node& child : node.children()) {
      if (child.is("asterisk")) all = true;
      if (child.is("scoped_identifier") || child.is("identifier")) path = std::string(child.text());
    }
    const std::size_t dot = path.rfind('.');
    if (all || dot == std::string::npos) {
      add_import(imports, path, all ? "*" : "", "", node);
    } else {
      add_import(imports, path.substr(0, dot), path.substr(dot + 1), "", node);
    }
  } else if (node.is("import_statement") && node.field("source")) {
    script_import(node, imports);
  } else if (node.is("import_from_statement")) {
    const Node module = node.field("module_name");
    const std::string text(module.text());
    for (std::uint32_t i = 0; i < node.named_count(); ++i) {
      const Node child = node.named(i);
      if (child == module) continue;
      if (child.is("wildcard_import")) add_import(imports, text, "*", "", node);
      if (child.is("dotted_name")) add_import(imports, text, std::string(child.text()), "", node);
      if (child.is("aliased_import")) {
        add_import(imports, text, std::string(child.field("name").text()), std::string(child.field("alias").text()),
                   node);
      }
    }
  } else if (node.is("import_statement")) {
    for (const Node& child : node.children()) {
      if (child.is("dotted_name")) add_import(imports, std::string(child.text()), "", "", node);
      if (child.is("aliased_import")) {
        add_import(imports, std::string(child.field("name").text()), "", std::string(child.field("alias").text()),
                   node);
      }
    }
  }
}

std::string one_line(const std::string& text, Range range) {
  std::string out;
  for (std::uint32_t i = range.begin; i < range.end && i < text.size() && out.size() < 200; ++i) {
    const char c = text[i];
    if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
      if (!out.empty() && out.back() != ' ') out += ' ';
    } else {
      out += c;
    }
  }
  while (!out.empty() && (out.back() == ' ' || (static_cast<unsigned char>(out.back()) & 0x80) != 0)) {
    if (out.back() == ' ' || out.size() >= 190) {
      out.pop_back();
    } else {
      break;
    }
  }
  return out;
}

}  // namespace jarvis2::code
