#include "code/graph_resolve.h"

#include <algorithm>

namespace jarvis2::code {
namespace {

bool c_like(Language language) {
  return language == Language::kC || language == Language::kCpp;
}
bool script(Language language) {
  return language == Language::kJavaScript || language == Language::kTypeScript || language == Language::kTsx;
}
bool same_family(Language a, Language b) {
  return a == b || (c_like(a) && c_like(b)) || (script(a) && script(b));
}

std::string folder_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? "" : std::string(path.substr(0, slash));
}

std::string bare_name(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  std::string_view name = slash == std::string_view::npos ? path : path.substr(slash + 1);
  return std::string(name.substr(0, name.find('.')));
}

std::string without_suffix(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  const std::size_t dot = path.find('.', slash == std::string_view::npos ? 0 : slash + 1);
  return std::string(path.substr(0, dot));
}

std::string slashed(std::string_view module, std::string_view separator) {
  std::string out;
  for (std::size_t i = 0; i < module.size();) {
    if (module.substr(i, separator.size()) == separator) {
      out += '/';
      i += separator.size();
    } else {
      out += module[i++];
    }
  }
  return out;
}

// "a/./b/../c" → "a/c".
std::string normal(const std::string& path) {
  std::vector<std::string> parts;
  for (std::size_t at = 0; at <= path.size();) {
    const std::size_t end = std::min(path.find('/', at), path.size());
    std::string part = path.substr(at, end - at);
    if (part == ".." && !parts.empty()) {
      parts.pop_back();
    } else if (!part.empty() && part != ".") {
      parts.push_back(std::move(part));
    }
    at = end + 1;
  }
  std::string out;
  for (const std::string& part : parts) out += (out.empty() ? "" : "/") + part;
  return out;
}

// `wanted` is the whole path or its end after a '/'.
bool ends_with_path(std::string_view path, std::string_view wanted) {
  return path == wanted ||
         (path.size() > wanted.size() && path.ends_with(wanted) && path[path.size() - wanted.size() - 1] == '/');
}

std::string_view last_of(std::string_view text, char separator) {
  const std::size_t at = text.rfind(separator);
  return at == std::string_view::npos ? text : text.substr(at + 1);
}

// Methods of these names belong to the language's own types far more often than to the code base's.
bool common_method(std::string_view name) {
  static const std::set<std::string_view> kNames = {
      "get",   "set",      "add",    "append", "pop",       "push",   "items",  "keys",      "values",   "update",
      "join",  "split",    "strip",  "format", "read",      "write",  "close",  "open",      "size",     "begin",
      "end",   "find",     "insert", "erase",  "clear",     "empty",  "remove", "copy",      "sort",     "index",
      "count", "extend",   "map",    "filter", "next",      "len",    "length", "to_string", "toString", "equals",
      "put",   "contains", "data",   "reset",  "push_back", "start",  "stop",   "run",       "unwrap",   "clone",
      "iter",  "into",     "new",    "String", "Error",     "encode", "decode", "replace",   "send",     "seek",
      "flush", "lower",    "upper",  "group",  "match",     "search"};
  return kNames.contains(name);
}

}  // namespace

Resolver::Resolver(const std::vector<GraphFile>& files, const std::vector<std::uint32_t>& first_node)
    : files_(files), first_(first_node), imported_(files.size()) {
  for (std::uint32_t f = 0; f < files.size(); ++f) {
    by_file_name_[bare_name(files[f].path)].push_back(f);
    // A package is named by its folder.
    const std::string folder = folder_of(files[f].path);
    if (!folder.empty()) by_file_name_["/" + std::string(last_of(folder, '/'))].push_back(f);
    for (std::uint32_t s = 0; s < files[f].outline.symbols.size(); ++s) {
      file_of_.push_back(f);
      const Symbol& one = files[f].outline.symbols[s];
      if (one.kind != SymbolKind::kVariable && one.kind != SymbolKind::kModule)
        by_name_[one.name].push_back(first_[f] + s);
    }
  }
  for (std::uint32_t f = 0; f < files.size(); ++f) {
    for (const Import& import : files[f].outline.imports) {
      for (const std::uint32_t to : module_files(f, import)) {
        imported_[f].insert(to);
        import_lines_.try_emplace({f, to}, import.line);
      }
    }
  }
  for (std::uint32_t f = 0; f < files.size(); ++f) {
    for (const Reference& one : files[f].outline.references) {
      if (one.kind != ReferenceKind::kInherit || one.symbol == kNoSymbol) continue;
      const Nodes found = types(f, one.name);
      if (found.size() == 1) bases_[{f, one.symbol}].push_back(found[0]);
    }
  }
}

const Symbol& Resolver::symbol(std::uint32_t node) const {
  const std::uint32_t file = file_of_[node];
  return files_[file].outline.symbols[node - first_[file]];
}

std::uint32_t Resolver::file_of(std::uint32_t node) const {
  return file_of_[node];
}

const Resolver::Nodes& Resolver::named(std::string_view name) const {
  static const Nodes none;
  const auto found = by_name_.find(std::string(name));
  return found == by_name_.end() ? none : found->second;
}

std::uint32_t Resolver::import_line(std::uint32_t from, std::uint32_t to) const {
  const auto found = import_lines_.find({from, to});
  return found == import_lines_.end() ? 0 : found->second;
}

std::uint32_t Resolver::parent(std::uint32_t node) const {
  const std::uint32_t up = symbol(node).parent;
  return up == kNoSymbol ? kNoSymbol : first_[file_of(node)] + up;
}

std::uint32_t Resolver::class_around(std::uint32_t file, std::uint32_t at) const {
  for (; at != kNoSymbol; at = files_[file].outline.symbols[at].parent) {
    const Symbol& one = files_[file].outline.symbols[at];
    if (is_container(one.kind) && one.kind != SymbolKind::kModule) return first_[file] + at;
    // Methods defined outside of their class name it: "Class.f" of Class::f, impl blocks, Go receivers.
    if (one.kind == SymbolKind::kMethod && one.parent == kNoSymbol) {
      const std::size_t dot = one.qualified.rfind('.');
      if (dot == std::string::npos) continue;
      const Nodes found = types(file, last_of(std::string_view(one.qualified).substr(0, dot), '.'));
      if (found.size() == 1) return found[0];
    }
    if (one.kind == SymbolKind::kMethod && one.parent != kNoSymbol &&
        files_[file].outline.symbols[one.parent].kind == SymbolKind::kModule) {
      const std::size_t dot = one.qualified.rfind('.');
      const Nodes found = types(file, last_of(std::string_view(one.qualified).substr(0, dot), '.'));
      if (found.size() == 1) return found[0];
    }
  }
  return kNoSymbol;
}

Resolver::Target Resolver::only(const Nodes& nodes, Evidence evidence) const {
  if (nodes.empty()) return {};
  Nodes defined;
  for (const std::uint32_t node : nodes) {
    if (!symbol(node).declaration) defined.push_back(node);
  }
  const Nodes& chosen = defined.empty() ? nodes : defined;
  // Conditional definitions of one name in one scope are alternatives of one thing: the last stands for them.
  for (const std::uint32_t node : chosen) {
    if (file_of(node) != file_of(chosen[0]) || symbol(node).qualified != symbol(chosen[0]).qualified) return {};
  }
  return {chosen.back(), evidence};
}

bool Resolver::visible(std::uint32_t from, std::uint32_t node) const {
  return same_family(files_[from].language, files_[file_of(node)].language);
}

// Classes of this name that the file can mean: its own, imported ones, else the only one there is.
Resolver::Nodes Resolver::types(std::uint32_t file, std::string_view name) const {
  Nodes here, brought, anywhere;
  for (const std::uint32_t node : named(name)) {
    const Symbol& one = symbol(node);
    const bool type = (is_container(one.kind) || one.kind == SymbolKind::kType) && visible(file, node);
    if (!type) continue;
    if (file_of(node) == file) here.push_back(node);
    if (imported_[file].contains(file_of(node))) brought.push_back(node);
    anywhere.push_back(node);
  }
  if (!here.empty()) return {here.back()};
  return brought.empty() ? anywhere : brought;
}

Resolver::Target Resolver::member(std::uint32_t class_node, std::string_view name, int depth) const {
  const std::string_view class_name = symbol(class_node).name;
  Nodes found;
  for (const std::uint32_t node : named(name)) {
    const Symbol& one = symbol(node);
    if (!is_callable(one.kind) || !visible(file_of(class_node), node)) continue;
    const std::size_t dot = one.qualified.rfind('.');
    const bool of_class =
        parent(node) == class_node || (dot != std::string::npos && parent(node) != class_node &&
                                       last_of(std::string_view(one.qualified).substr(0, dot), '.') == class_name &&
                                       files_[file_of(node)].language != Language::kPython);
    if (of_class) found.push_back(node);
  }
  if (!found.empty()) return only(found, Evidence::kClass);
  if (depth == 0) return {};
  const auto bases = bases_.find({file_of(class_node), class_node - first_[file_of(class_node)]});
  if (bases == bases_.end()) return {};
  for (const std::uint32_t base : bases->second) {
    if (base == class_node) continue;
    const Target target = member(base, name, depth - 1);
    if (target.node != kNoSymbol) return target;
  }
  return {};
}

std::vector<std::uint32_t> Resolver::module_files(std::uint32_t file, const Import& import) const {
  const Language language = files_[file].language;
  const std::string folder = folder_of(files_[file].path);
  std::vector<std::uint32_t> out;
  const auto matches = [&](const std::string& name, auto&& accept) {
    const auto found = by_file_name_.find(name);
    if (found == by_file_name_.end()) return;
    for (const std::uint32_t f : found->second) {
      if (same_family(language, files_[f].language) && accept(files_[f].path)) out.push_back(f);
    }
  };
  // The candidate that shares the longest folder with the importer.
  const auto nearest = [&] {
    if (out.size() < 2) return;
    const auto shared = [&](std::uint32_t f) {
      const std::string& path = files_[f].path;
      std::size_t i = 0;
      while (i < path.size() && i < files_[file].path.size() && path[i] == files_[file].path[i]) ++i;
      return i;
    };
    std::stable_sort(out.begin(), out.end(), [&](std::uint32_t a, std::uint32_t b) {
      const std::size_t sa = shared(a), sb = shared(b);
      return sa != sb ? sa > sb : files_[a].path.size() < files_[b].path.size();
    });
    out.resize(1);
  };
  if (language == Language::kPython) {
    std::string module = import.module;
    std::size_t dots = 0;
    while (dots < module.size() && module[dots] == '.') ++dots;
    std::string base = slashed(module.substr(dots), ".");
    if (dots > 0) {
      std::string up = folder;
      for (std::size_t i = 1; i < dots; ++i) up = folder_of(up);
      base = up.empty() ? base : base.empty() ? up : up + "/" + base;
    }
    // `from package import module` means the module first.
    for (const std::string& path : {base + "/" + import.name, base}) {
      if (path.empty() || path.ends_with('/') || path.starts_with('/')) continue;
      const std::string name(last_of(path, '/'));
      matches(name, [&](const std::string& at) {
        const std::string bare = without_suffix(at);
        return dots > 0 ? bare == path : ends_with_path(bare, path);
      });
      matches("__init__", [&](const std::string& at) {
        const std::string package = folder_of(at);
        return dots > 0 ? package == path : ends_with_path(package, path);
      });
      nearest();
      if (!out.empty()) return out;
    }
  } else if (c_like(language)) {
    const std::string beside = normal(folder + "/" + import.module);
    matches(bare_name(import.module), [&](const std::string& at) { return at == beside; });
    if (out.empty()) {
      const std::string wanted = normal(import.module);
      matches(bare_name(import.module), [&](const std::string& at) { return ends_with_path(at, wanted); });
      nearest();
    }
  } else if (script(language)) {
    if (!import.module.starts_with('.')) return out;
    const std::string wanted = normal(folder + "/" + import.module);
    const std::string bare = without_suffix(wanted);
    matches(bare_name(wanted), [&](const std::string& at) { return at == wanted || without_suffix(at) == bare; });
    if (out.empty()) matches("index", [&](const std::string& at) { return folder_of(at) == wanted; });
    nearest();
  } else if (language == Language::kJava) {
    const std::string wanted = slashed(import.module, ".") + "/" + import.name;
    if (!import.name.empty() && import.name != "*") {
      matches(import.name, [&](const std::string& at) { return ends_with_path(without_suffix(at), wanted); });
      nearest();
    }
  } else if (language == Language::kGo) {
    const std::string last(last_of(import.module, '/'));
    matches("/" + last, [&](const std::string& at) {
      const std::string package = folder_of(at);
      return ends_with_path(import.module, package) || ends_with_path(package, import.module);
    });
  } else if (language == Language::kRust) {
    std::string module = import.module;
    for (const std::string_view start : {"crate::", "self::", "super::"}) {
      if (module.starts_with(start)) module = module.substr(start.size());
    }
    for (const std::string& path : {slashed(module, "::") + "/" + import.name, slashed(module, "::")}) {
      if (path.ends_with('/')) continue;
      matches(std::string(last_of(path, '/')),
              [&](const std::string& at) { return ends_with_path(without_suffix(at), path); });
      matches("mod", [&](const std::string& at) { return ends_with_path(folder_of(at), path); });
      nearest();
      if (!out.empty()) return out;
    }
  }
  return out;
}

// By an import that brings the name itself, or the module or class written before it.
Resolver::Target Resolver::imported(std::uint32_t file, const Reference& reference) const {
  for (const Import& import : files_[file].outline.imports) {
    const std::string_view local = !import.alias.empty() ? std::string_view(import.alias)
                                   : !import.name.empty() && import.name != "*"
                                       ? std::string_view(import.name)
                                       : last_of(import.module, files_[file].language == Language::kGo ? '/' : '.');
    const bool name_itself = reference.qualifier.empty() && local == reference.name && !import.name.empty();
    const bool module_before = !reference.qualifier.empty() &&
                               (reference.qualifier == local ||
                                (import.alias.empty() && import.name.empty() && reference.qualifier == import.module));
    const bool everything = reference.qualifier.empty() && import.name == "*";
    if (!name_itself && !module_before && !everything) continue;
    const std::string& wanted = name_itself && import.name != "default" ? import.name : reference.name;
    for (const std::uint32_t target : module_files(file, import)) {
      Nodes found;
      for (const std::uint32_t node : named(wanted)) {
        if (file_of(node) == target && (symbol(node).parent == kNoSymbol || name_itself) &&
            symbol(node).kind != SymbolKind::kMethod)
          found.push_back(node);
      }
      const Target one = only(found, Evidence::kImport);
      if (one.node != kNoSymbol) return one;
      if (module_before && !import.name.empty()) {  // the thing imported is a class
        for (const std::uint32_t node : named(import.name)) {
          if (file_of(node) != target || !is_container(symbol(node).kind)) continue;
          const Target method = member(node, reference.name, 4);
          if (method.node != kNoSymbol) return method;
        }
      }
    }
  }
  return {};
}

Resolver::Target Resolver::resolve(std::uint32_t file, const Reference& reference) const {
  const Language language = files_[file].language;
  if (reference.kind == ReferenceKind::kInherit) {
    const Nodes found = types(file, reference.name);
    return found.size() == 1 ? Target{found[0], Evidence::kScope} : Target{};
  }
  const Nodes& candidates = named(reference.name);
  if (candidates.empty()) return {};
  const std::string& before = reference.qualifier;
  const std::uint32_t around = class_around(file, reference.symbol);
  const bool own = before == "self" || before == "this" || before == "cls" || before == "Self" || before == "super()" ||
                   before == "super";
  if (own) {
    if (around == kNoSymbol) return {};
    if (before.starts_with("super")) {
      const auto bases = bases_.find({file_of(around), around - first_[file_of(around)]});
      if (bases == bases_.end()) return {};
      for (const std::uint32_t base : bases->second) {
        const Target target = member(base, reference.name, 8);
        if (target.node != kNoSymbol) return target;
      }
      return {};
    }
    return member(around, reference.name, 8);
  }
  if (before.empty()) {
    // Nested definitions of the functions around, innermost first, then the file's own.
    for (std::uint32_t at = reference.symbol; at != kNoSymbol; at = files_[file].outline.symbols[at].parent) {
      if (language == Language::kPython && is_container(files_[file].outline.symbols[at].kind)) continue;
      Nodes inner;
      for (const std::uint32_t node : candidates) {
        if (file_of(node) == file && symbol(node).parent == at && symbol(node).qualified != "") inner.push_back(node);
      }
      const Target target = only(inner, Evidence::kScope);
      if (target.node != kNoSymbol) return target;
    }
    const bool implicit_this = language == Language::kCpp || language == Language::kJava;
    if (implicit_this && around != kNoSymbol) {
      const Target target = member(around, reference.name, 8);
      if (target.node != kNoSymbol) return target;
    }
    Nodes here;
    for (const std::uint32_t node : candidates) {
      if (file_of(node) == file && symbol(node).kind != SymbolKind::kMethod && symbol(node).parent == kNoSymbol)
        here.push_back(node);
    }
    if (const Target target = only(here, Evidence::kScope);
        target.node != kNoSymbol && !symbol(target.node).declaration) {
      return target;
    }
  }
  if (const Target target = imported(file, reference); target.node != kNoSymbol) return target;
  if (!before.empty()) {
    // The class written before the name: Type.method, Type::method.
    const Nodes classes = types(file, last_of(before, '.'));
    if (classes.size() == 1) {
      const Target target = member(classes[0], reference.name, 4);
      if (target.node != kNoSymbol) return target;
    }
  }
  // C and C++ see what headers declare, Go and Java their own package: the only free function of the name there is.
  Nodes rest;
  for (const std::uint32_t node : candidates) {
    if (!visible(file, node)) continue;
    const bool method = symbol(node).kind == SymbolKind::kMethod;
    if (before.empty()) {
      const bool near = language == Language::kGo || language == Language::kJava
                            ? folder_of(files_[file_of(node)].path) == folder_of(files_[file].path)
                            : c_like(language) || language == Language::kRust;
      if (!method && near) rest.push_back(node);
    } else if (method || c_like(language)) {
      rest.push_back(node);
    }
  }
  if (!before.empty()) {
    // A method on a value of unknown type: only a name that no other class has, and that no library's type is likely
    // to have.
    if (common_method(reference.name) || reference.name.starts_with("__")) return {};
  }
  return only(rest, Evidence::kUniqueName);
}

}  // namespace jarvis2::code
