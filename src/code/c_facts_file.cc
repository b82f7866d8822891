#include "code/c_facts_file.h"

#include <algorithm>
#include <cctype>
#include <mutex>

namespace jarvis2::code {
namespace {

std::string squeeze(std::string_view text) {
  std::string result;
  for (const char c : text) {
    const bool space = c == ' ' || c == '\t' || c == '\n' || c == '\r';
    if (!space) {
      result += c;
    } else if (!result.empty() && result.back() != ' ') {
      result += ' ';
    }
  }
  while (!result.empty() && result.back() == ' ') result.pop_back();
  return result;
}

bool is_name(Node node) {
  return node.is("identifier") || node.is("field_identifier");
}

struct Declared {
  Node name;
  Node array_size;
  bool function_form = false;  // f(...) without a pointer in between
  Node function;               // the function_declarator
};

// Peels a declarator down to its name, adding pointers, references and arrays to `type`.
Declared peel(Node declarator, CType& type) {
  Declared result;
  Node node = declarator;
  bool pointer_inside = false;
  while (node) {
    const std::string_view kind = node.kind();
    if (kind == "identifier" || kind == "field_identifier" || kind == "qualified_identifier" ||
        kind == "operator_name" || kind == "destructor_name" || kind == "template_function" ||
        kind == "type_identifier" || kind == "operator_cast" || kind == "template_method") {
      result.name = node;
      return result;
    }
    if (kind == "pointer_declarator" || kind == "abstract_pointer_declarator") {
      ++type.pointers;
      pointer_inside = true;
    } else if (kind == "reference_declarator" || kind == "abstract_reference_declarator") {
      type.reference = true;
      if (node.text().starts_with("&&")) type.rvalue = true;
      node = node.named_count() > 0 ? node.named(node.named_count() - 1) : Node();
      continue;
    } else if (kind == "array_declarator" || kind == "abstract_array_declarator") {
      ++type.arrays;
      result.array_size = node.field("size");
    } else if (kind == "function_declarator" || kind == "abstract_function_declarator") {
      Node inner = node.field("declarator");
      if (inner.is("parenthesized_declarator") && inner.text().find('*') != std::string_view::npos) {
        type.function = true;
      } else {
        result.function_form = true;
        result.function = node;
      }
    } else if (kind == "parenthesized_declarator" || kind == "attributed_declarator") {
      node = node.named_count() > 0 ? node.named(0) : Node();
      continue;
    } else if (kind == "init_declarator") {
      // fall through to its declarator
    } else {
      return result;
    }
    node = node.field("declarator");
  }
  (void)pointer_inside;
  return result;
}

class Collector {
 public:
  explicit Collector(const SourceFile& source) {
    file_ = std::make_shared<CFile>();
    file_->path = source.path;
    file_->tree = source.tree;
  }

  std::shared_ptr<const CFile> run() {
    const Node root = file_->tree->root();
    visit(root, {root.range(), "", "", false, nullptr});
    for (std::uint32_t i = 0; i < file_->locals.size(); ++i) file_->locals_by_name[file_->locals[i].name].push_back(i);
    return file_;
  }

 private:
  struct Where {
    Range scope;         // innermost block
    std::string prefix;  // "ns::Class::"
    std::string owner;   // "Class"
    bool in_function;
    CRecord* record;  // direct member level only
    bool in_template = false;
  };

  struct Specifiers {
    CType type;
    bool is_static = false;
    bool is_constexpr = false;
    bool is_extern = false;
    bool is_inline = false;
    bool is_virtual = false;
    bool is_typedef = false;
  };

  static Specifiers specifiers(Node declaration) {
    Specifiers result;
    each_child(declaration, [&](Node child, std::string_view field) {
      const std::string_view kind = child.kind();
      if (field == "type") {
        result.type.base = squeeze(child.text());
        if (child.is("struct_specifier") || child.is("class_specifier") || child.is("union_specifier") ||
            child.is("enum_specifier")) {
          const Node name = child.field("name");
          result.type.base = name ? squeeze(name.text()) : std::string();
        }
        if (child.is("placeholder_type_specifier")) result.type.base = "auto";
        if (child.is("dependent_type")) result.type.base = squeeze(child.text());
      } else if (kind == "type_qualifier") {
        const std::string_view word = child.text();
        if (word == "const" || word == "constexpr") result.type.is_const = true;
        if (word == "constexpr") result.is_constexpr = true;
        if (word == "volatile" || word == "_Atomic") result.type.is_volatile = true;
      } else if (kind == "storage_class_specifier") {
        const std::string_view word = child.text();
        if (word == "static") result.is_static = true;
        if (word == "extern") result.is_extern = true;
        if (word == "inline" || word == "__inline" || word == "__inline__") result.is_inline = true;
        if (word == "constexpr") result.is_constexpr = result.type.is_const = true;
      } else if (kind == "virtual" || child.text() == "virtual") {
        result.is_virtual = true;
      }
    });
    return result;
  }

  void add_variable(CVariable variable, const Where& where, bool parameter) {
    if (!variable.name_node || variable.name.empty()) return;
    if (where.record != nullptr && !parameter) {
      variable.storage = CStorage::kMember;
      where.record->fields.push_back(std::move(variable));
      return;
    }
    if (where.in_function) {
      variable.storage = parameter            ? CStorage::kParameter
                         : variable.is_static ? CStorage::kStaticLocal
                                              : CStorage::kLocal;
      variable.scope = where.scope;
      file_->locals.push_back(std::move(variable));
      return;
    }
    if (parameter) return;
    variable.storage = CStorage::kGlobal;
    file_->globals.push_back(std::move(variable));
  }

  void declare(Node declaration, const Where& where) {
    const Specifiers words = specifiers(declaration);
    each_child(declaration, [&](Node child, std::string_view field) {
      if (field != "declarator") return;
      CVariable variable;
      variable.type = words.type;
      variable.is_static = words.is_static;
      variable.is_constexpr = words.is_constexpr;
      variable.declaration = declaration;
      variable.declarator = child;
      Node inner = child;
      if (child.is("init_declarator")) {
        variable.value = child.field("value");
        inner = child.field("declarator");
      }
      if (declaration.is("field_declaration") && !variable.value) variable.value = declaration.field("default_value");
      if (inner.is("structured_binding_declarator") || (inner.is("reference_declarator") && inner.named_count() > 0 &&
                                                        inner.named(0).is("structured_binding_declarator"))) {
        bind(inner, variable, where);
        return;
      }
      const Declared declared = peel(inner, variable.type);
      if (declared.function_form && where.in_function && where.record == nullptr &&
          is_construction(declared.function)) {
        // `T x(a, b);` in a function parses as a function's declaration.
        variable.name_node = declared.name;
        variable.name = std::string(declared.name.text());
        variable.value = declared.function.field("parameters");
        add_variable(std::move(variable), where, false);
        return;
      }
      if (declared.function_form) {
        const Node name = declared.name;
        if (name) {
          std::string text(name.text());
          if (const std::size_t colon = text.rfind("::"); colon != std::string::npos) text = text.substr(colon + 2);
          file_->prototypes[text].push_back(declared.function);
          if (where.record != nullptr) method(*where.record, text, declared.function, words.is_virtual);
        }
        return;
      }
      variable.name_node = declared.name;
      variable.name = std::string(declared.name.text());
      variable.array_size = declared.array_size;
      add_variable(std::move(variable), where, false);
    });
  }

  static bool is_construction(Node function) {
    if (function.tree().language() != Language::kCpp) return false;
    int parts = 0;
    bool plain = true;
    each_child(function.field("parameters"), [&](Node child, std::string_view) {
      if (!child.is_named()) return;
      ++parts;
      plain = plain && child.is("parameter_declaration") && !child.field("declarator") &&
              child.field("type").is("type_identifier");
    });
    return plain && parts > 0;
  }

  void bind(Node binding, const CVariable& like, const Where& where) {
    CVariable variable = like;
    variable.type = {};
    variable.type.base = "auto";
    variable.type.is_const = like.type.is_const;
    variable.structured = true;
    Node names = binding;
    if (binding.is("reference_declarator")) {
      variable.type.reference = true;
      names = binding.named(0);
    }
    for (const Node& name : named_children(names)) {
      if (!name.is("identifier")) continue;
      variable.name = std::string(name.text());
      variable.name_node = name;
      add_variable(variable, where, false);
    }
  }

  static void method(CRecord& record, const std::string& name, Node function, bool is_virtual) {
    bool is_const = false;
    const bool special = name == record.name || name.starts_with("~") || name == "operator=";
    each_child(function, [&](Node child, std::string_view) {
      if (child.is("type_qualifier") && child.text() == "const") is_const = true;
      if (child.is("virtual_specifier")) is_virtual = true;
    });
    if (is_virtual) record.virtual_methods.insert(name);
    if (special) {
      const std::string_view parameters = function.field("parameters").text();
      if (name != record.name || parameters.find(record.name) != std::string_view::npos) record.has_special = true;
      return;
    }
    if (is_const) {
      if (!record.mutating_methods.contains(name)) record.const_methods.insert(name);
    } else {
      record.mutating_methods.insert(name);
      record.const_methods.erase(name);
    }
  }

  void parameters(Node list, std::vector<CVariable>* out, const Where& where) {
    for (const Node& parameter : named_children(list)) {
      if (!parameter.is("parameter_declaration") && !parameter.is("optional_parameter_declaration") &&
          !parameter.is("variadic_parameter_declaration")) {
        continue;
      }
      CVariable variable;
      const Specifiers words = specifiers(parameter);
      variable.type = words.type;
      variable.declaration = parameter;
      variable.declarator = parameter.field("declarator");
      if (variable.declarator) {
        const Declared declared = peel(variable.declarator, variable.type);
        if (declared.function_form) variable.type.function = true;
        variable.name_node = declared.name;
        variable.name = std::string(declared.name.text());
        variable.array_size = declared.array_size;
      }
      if (variable.type.arrays > 0) {  // decays
        --variable.type.arrays;
        ++variable.type.pointers;
      }
      variable.value = parameter.field("default_value");
      variable.storage = CStorage::kParameter;
      variable.scope = where.scope;
      if (out != nullptr) out->push_back(variable);
      add_variable(std::move(variable), where, true);
    }
  }

  void define(Node node, const Where& where) {
    const Specifiers words = specifiers(node);
    CFunction function;
    function.node = node;
    function.path = file_->path;
    function.body = node.field("body");
    function.returns = words.type;
    const Declared declared = peel(node.field("declarator"), function.returns);
    function.declarator = declared.function;
    function.is_static = words.is_static;
    function.is_inline = words.is_inline;
    function.is_virtual = words.is_virtual;
    function.is_template = where.in_template;
    if (declared.name) {
      std::string text = squeeze(declared.name.text());
      if (const std::size_t angle = text.find('<'); angle != std::string::npos && !text.starts_with("operator")) {
        text = text.substr(0, angle);
      }
      const std::size_t colon = text.rfind("::");
      function.name = colon == std::string::npos ? text : text.substr(colon + 2);
      function.qualified = where.prefix + text;
      function.owner = where.owner;
      if (colon != std::string::npos) {
        const std::string scope = text.substr(0, colon);
        const std::size_t inner = scope.rfind("::");
        function.owner = inner == std::string::npos ? scope : scope.substr(inner + 2);
      }
    }
    Where inside = where;
    inside.record = nullptr;
    inside.in_function = true;
    inside.scope = node.range();
    if (function.declarator) {
      each_child(function.declarator, [&](Node child, std::string_view) {
        if (child.is("type_qualifier") && child.text() == "const") function.is_const = true;
        if (child.is("virtual_specifier")) function.is_virtual = true;
        if (child.is("noexcept")) function.is_noexcept = true;
      });
      parameters(function.declarator.field("parameters"), &function.parameters, inside);
      if (where.record != nullptr) method(*where.record, function.name, function.declarator, function.is_virtual);
    }
    file_->functions.push_back(function);
    each_child(node, [&](Node child, std::string_view field) {
      if (field == "declarator" || field == "type") {
        names_only(child);
      } else {
        visit(child, inside);
      }
    });
  }

  // Identifiers are counted everywhere, also where nothing is declared.
  void note(Node node) {
    if (is_name(node) || node.is("type_identifier") || node.is("namespace_identifier")) {
      file_->identifiers[std::string(node.text())].push_back(node);
    } else if (node.is("preproc_arg")) {  // a macro's text: its words are uses that nobody can classify
      const std::string_view text = node.text();
      for (std::size_t i = 0; i < text.size();) {
        std::size_t end = i;
        while (end < text.size() && (std::isalnum(static_cast<unsigned char>(text[end])) || text[end] == '_')) ++end;
        if (end > i) file_->identifiers[std::string(text.substr(i, end - i))].push_back(node);
        i = end > i ? end : i + 1;
      }
    }
  }

  void names_only(Node node) {
    note(node);
    each_child(node, [&](Node child, std::string_view) {
      if (child.is_named()) names_only(child);
    });
  }

  void visit_children(Node node, const Where& where) {
    each_child(node, [&](Node child, std::string_view) {
      if (child.is_named()) visit(child, where);
    });
  }

  void record(Node node, const Where& where) {
    const Node body = node.field("body");
    const Node name = node.field("name");
    if (!body) {
      visit_children(node, where);
      return;
    }
    CRecord record;
    record.path = file_->path;
    record.node = node;
    record.is_union = node.is("union_specifier");
    record.name = name ? squeeze(name.text()) : std::string();
    if (const std::size_t angle = record.name.find('<'); angle != std::string::npos) record.name.resize(angle);
    if (const std::size_t colon = record.name.rfind("::"); colon != std::string::npos) {
      record.name = record.name.substr(colon + 2);
    }
    if (record.name.empty() && node.parent().is("type_definition")) {
      record.name = std::string(node.parent().field("declarator").text());
    }
    each_child(node, [&](Node child, std::string_view) {
      if (child.is("virtual_specifier")) record.is_final = true;
      if (child.is("base_class_clause")) {
        for (const Node& base : named_children(child)) {
          if (base.is("type_identifier") || base.is("qualified_identifier") || base.is("template_type")) {
            CType type;
            type.base = squeeze(base.text());
            record.bases.push_back(type.name());
          }
        }
      }
    });
    if (name) names_only(name);
    Where inside = where;
    inside.record = &record;
    inside.owner = record.name;
    inside.prefix = where.prefix + (record.name.empty() ? "" : record.name + "::");
    inside.in_function = false;
    visit_children(body, inside);
    file_->records.push_back(std::move(record));
  }

  void visit(Node node, Where where) {
    const std::string_view kind = node.kind();
    note(node);
    if (kind == "function_definition") return define(node, where);
    if (kind == "struct_specifier" || kind == "class_specifier" || kind == "union_specifier") {
      return record(node, where);
    }
    if (kind == "preproc_include") {
      const Node path = node.field("path");
      file_->includes.push_back({std::string(path.text()), node});
      return;
    }
    if (kind == "preproc_def" || kind == "preproc_function_def") {
      file_->macros.emplace(node.field("name").text(), node.field("value").text());
      note(node.field("value"));
      return;
    }
    if (kind == "type_definition") {
      const Specifiers words = specifiers(node);
      each_child(node, [&](Node child, std::string_view field) {
        if (field != "declarator") return;
        CType type = words.type;
        const Declared declared = peel(child, type);
        if (declared.name && !declared.function_form && !type.function && type.base != declared.name.text()) {
          file_->typedefs[std::string(declared.name.text())] = type.text();
        }
      });
      visit_children(node, where);
      return;
    }
    if (kind == "alias_declaration") {
      file_->typedefs[std::string(node.field("name").text())] = squeeze(node.field("type").text());
      return names_only(node);
    }
    if (kind == "namespace_definition") {
      where.prefix += std::string(node.field("name").text()) + "::";
    } else if (kind == "template_declaration") {
      where.in_template = true;
    } else if (kind == "compound_statement" || kind == "for_statement" || kind == "if_statement" ||
               kind == "while_statement" || kind == "switch_statement" || kind == "catch_clause") {
      where.scope = node.range();
      where.record = nullptr;
    } else if (kind == "declaration" || kind == "field_declaration") {
      declare(node, where);
    } else if (kind == "for_range_loop") {
      where.scope = node.range();
      declare_range(node, where);
    } else if (kind == "condition_declaration") {
      declare(node, where);
    } else if (kind == "lambda_expression") {
      where.in_function = true;
      where.record = nullptr;
      where.scope = node.range();
      parameters(node.field("declarator").field("parameters"), nullptr, where);
      const Node captures = node.field("captures");
      for (const Node& capture : named_children(captures)) {
        if (!capture.is("lambda_capture_initializer")) continue;
        CVariable variable;
        variable.type.base = "auto";
        variable.declaration = variable.declarator = capture;
        variable.name_node = capture.field("left");
        variable.value = capture.field("right");
        variable.name = std::string(variable.name_node.text());
        add_variable(std::move(variable), where, false);
      }
    } else if (kind == "parameter_list" && node.parent().is("catch_clause")) {
      parameters(node, nullptr, where);
    }
    visit_children(node, where);
  }

  void declare_range(Node node, const Where& where) {
    const Specifiers words = specifiers(node);
    CVariable variable;
    variable.type = words.type;
    variable.declaration = node;
    variable.declarator = node.field("declarator");
    Node inner = variable.declarator;
    if (inner.is("structured_binding_declarator") || (inner.is("reference_declarator") && inner.named_count() > 0 &&
                                                      inner.named(0).is("structured_binding_declarator"))) {
      bind(inner, variable, where);
      return;
    }
    const Declared declared = peel(inner, variable.type);
    variable.name_node = declared.name;
    variable.name = std::string(declared.name.text());
    add_variable(std::move(variable), where, false);
  }

  std::shared_ptr<CFile> file_;
};

}  // namespace

void each_child(Node node, const std::function<void(Node, std::string_view)>& visit) {
  if (!node) return;
  TSTreeCursor cursor = ts_tree_cursor_new(node.raw());
  if (ts_tree_cursor_goto_first_child(&cursor)) {
    do {
      const char* field = ts_tree_cursor_current_field_name(&cursor);
      visit(Node(ts_tree_cursor_current_node(&cursor), &node.tree()), field != nullptr ? field : "");
    } while (ts_tree_cursor_goto_next_sibling(&cursor));
  }
  ts_tree_cursor_delete(&cursor);
}

std::shared_ptr<const CFile> collect_c_file(const SourceFile& source) {
  static std::mutex mutex;
  static std::map<const Tree*, std::shared_ptr<const CFile>> known;  // entries keep their trees alive
  {
    const std::lock_guard<std::mutex> lock(mutex);
    const auto found = known.find(source.tree.get());
    if (found != known.end() && found->second->path == source.path) return found->second;
  }
  std::shared_ptr<const CFile> file = Collector(source).run();
  const std::lock_guard<std::mutex> lock(mutex);
  if (known.size() >= 512) {
    std::erase_if(known, [](const auto& entry) { return entry.second.use_count() <= 1; });
    if (known.size() >= 4096) known.clear();
  }
  known[source.tree.get()] = file;
  return file;
}

bool CFile::includes_header(std::string_view name) const {
  return std::any_of(includes.begin(), includes.end(), [&](const CInclude& include) {
    return include.name.size() == name.size() + 2 && std::string_view(include.name).substr(1, name.size()) == name;
  });
}

}  // namespace jarvis2::code
