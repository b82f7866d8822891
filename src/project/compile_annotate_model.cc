// The first part of the program that annotates modules: what is known of them; see compile_python.cc.
#include "project/compile_python.h"

namespace jarvis2::project {

// clang-format off
const char* const kAnnotateModel = R"python("""Annotates modules with the types that were observed, as far as mypy agrees and mypyc compiles the result.

stdin: {"modules": [path], "observed": [what a traced run wrote], "script": setup_compiled.py's text, "scratch"}
stdout: {"edits": {path: [[begin, end, text]]}, "summary", "notes": [text], "refused": reason or ""}; run in the repository's root.
"""
import ast, io, json, os, re, subprocess, sys, time, tokenize

request = json.load(sys.stdin)
FLAGS = {"__name__": ""}
exec(request["script"], FLAGS)  # the flags that the modules will be built with
FLAGS = [flag for flag in FLAGS["FLAGS"] if not flag.startswith("--cache-dir")]
SIMPLE = {"int", "float", "str", "bool", "bytes", "complex"}
UNTYPED_BASES = {"object", "Exception", "BaseException", "ValueError", "RuntimeError", "KeyError", "LookupError", "IndexError", "TypeError"}


class Refused(Exception):
    pass


def merge(into, other):
    for atom, children in other.items():
        mine = into.setdefault(atom, [{} for _ in children])
        for a, b in zip(mine, children):
            merge(a, b)
    return into


class Module:
    def __init__(self, path, text):
        self.path, self.text = path, text
        self.bytes = text.encode()
        self.tree = ast.parse(text)
        self.starts = [0]
        for line in self.bytes.splitlines(keepends=True):
            self.starts.append(self.starts[-1] + len(line))
        self.newline = "\r\n" if b"\r\n" in self.bytes else "\n"
        self.functions = {}  # (line, name) -> Function
        self.classes = {}  # name -> Class
        self.imported = {}  # (module, name) -> expression
        self.bound = set()
        self.global_any, self.plain = {}, set()
        self.name, self.seen = "", {}
        self.parents = {}
        for node in ast.walk(self.tree):
            for child in ast.iter_child_nodes(node):
                self.parents[child] = node
        for node in ast.walk(self.tree):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                line = min([node.lineno] + [d.lineno for d in node.decorator_list])
                self.functions[(line, node.name)] = Function(self, node)
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                self.bound.add(node.id)
        for node in self.tree.body:
            if isinstance(node, ast.ClassDef):
                self.classes[node.name] = Class(self, node)
            elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
                for alias in node.names:
                    self.imported[(node.module, alias.name)] = alias.asname or alias.name
            elif isinstance(node, ast.ImportFrom) and node.level:
                base = module_name(path).split(".")[: -node.level]
                for alias in node.names:
                    self.imported[(".".join(base + ([node.module] if node.module else [])), alias.name)] = alias.asname or alias.name

    def offset(self, line, column):
        return self.starts[line - 1] + column

    def end(self, node):
        return self.offset(node.end_lineno, node.end_col_offset)


def module_name(path):
    folder, name = os.path.split(path)
    parts = [] if name == "__init__.py" else [name[:-3]]
    while folder and os.path.exists(os.path.join(folder, "__init__.py")):
        folder, package = os.path.split(folder)
        parts.insert(0, package)
    return ".".join(parts)


class Function:
    def __init__(self, module, node):
        self.module, self.node = module, node
        arguments = node.args
        self.parameters = arguments.posonlyargs + arguments.args + arguments.kwonlyargs
        defaults = dict(zip([a.arg for a in (arguments.posonlyargs + arguments.args)][::-1], arguments.defaults[::-1]))
        defaults.update({a.arg: d for a, d in zip(arguments.kwonlyargs, arguments.kw_defaults) if d is not None})
        self.defaults = defaults
        self.calls, self.arguments, self.returns, self.locals = 0, {}, {}, {}
        self.untyped, self.any, self.any_return, self.typed = False, set(), False, {}
        self.optional, self.optional_return = set(), False
        self.globals = {name for n in own_nodes(node) if isinstance(n, ast.Global) for name in n.names}
        self.owner = None
        self.generator = any(isinstance(n, (ast.Yield, ast.YieldFrom)) for n in own_nodes(node)) or isinstance(node, ast.AsyncFunctionDef)

    def first_binding(self, name):
        """The simple assignment that binds a local first, or None; and whether it is bound at all."""
        stores = [n for n in own_nodes(self.node) if isinstance(n, ast.Name) and n.id == name and isinstance(n.ctx, ast.Store)]
        if any(isinstance(n, (ast.Global, ast.Nonlocal)) and name in n.names for n in own_nodes(self.node)):
            return None, False
        if not stores:
            return None, False
        first = min(stores, key=lambda n: (n.lineno, n.col_offset))
        parent = self.module.parents[first]
        if isinstance(parent, ast.Assign) and len(parent.targets) == 1 and parent.targets[0] is first:
            return parent, True
        if isinstance(parent, (ast.AnnAssign, ast.NamedExpr)):
            return None, False
        scope = parent
        while scope is not self.node and not isinstance(scope, (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.Lambda)):
            scope = self.module.parents[scope]
        return None, scope is self.node


def own_nodes(function):
    """Nodes of a function that are in its own scope."""
    todo = list(function.body)
    while todo:
        node = todo.pop()
        yield node
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)):
            todo.extend(ast.iter_child_nodes(node))


class Class:
    def __init__(self, module, node):
        self.module, self.node, self.name = module, node, node.name
        self.bases = [b.id if isinstance(b, ast.Name) else ast.unparse(b) for b in node.bases]
        self.declared = set()  # names in the class body
        self.methods = {}
        for one in node.body:
            if isinstance(one, (ast.FunctionDef, ast.AsyncFunctionDef)):
                line = min([one.lineno] + [d.lineno for d in one.decorator_list])
                function = module.functions[(line, one.name)]
                function.owner = self
                self.methods[one.name] = function
                self.declared.add(one.name)
            elif isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name):
                self.declared.add(one.target.id)
            elif isinstance(one, ast.Assign):
                for target in one.targets:
                    for n in ast.walk(target):
                        if isinstance(n, ast.Name):
                            self.declared.add(n.id)
        self.special = bool(node.keywords) or bool(node.decorator_list) or any(
            b in ("NamedTuple", "typing.NamedTuple", "Protocol", "TypedDict", "Generic") or b.split(".")[0] in ("enum",) or b.split(".")[-1].endswith("Enum") or b.split(".")[-1].endswith("Flag") for b in self.bases)
        self.attributes = {}  # name -> observed
        self.assigned = set()
        for method in node.body:
            if isinstance(method, ast.FunctionDef) and method.args.args:
                me = method.args.args[0].arg
                for n in ast.walk(method):
                    if isinstance(n, ast.Attribute) and isinstance(n.ctx, ast.Store) and isinstance(n.value, ast.Name) and n.value.id == me:
                        self.assigned.add(n.attr)
        self.any, self.optional = set(), set()


)python";
// clang-format on

}  // namespace jarvis2::project
