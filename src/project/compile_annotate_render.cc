// Its second part: observations become annotations.
#include "project/compile_python.h"

namespace jarvis2::project {

// clang-format off
const char* const kAnnotateRender = R"python(class Annotator:
    def __init__(self):
        self.modules = {}
        for path in request["modules"]:
            with open(path, encoding="utf-8", newline="") as file:
                self.modules[path] = Module(path, file.read())
        self.notes = []
        self.observe()

    def observe(self):
        names, classes = {}, {}
        for answer in request["observed"]:
            for path, name in answer["modules"].items():
                names[path] = name
            for path, variables in answer["globals"].items():
                if path in self.modules:
                    for name, seen in variables.items():
                        merge(self.modules[path].seen.setdefault(name, {}), seen)
        for path, module in self.modules.items():
            module.name = names.get(path, "")
        for answer in request["observed"]:
            for one in answer["functions"]:
                module = self.modules.get(one["path"])
                if module is None:
                    continue
                if one["main"]:
                    raise Refused(f"{one['path']} is run as a script: only an imported module can be replaced by a compiled one")
                function = module.functions.get((one["line"], one["name"]))
                if function is None:
                    continue
                function.calls += one["calls"]
                for name, seen in one["arguments"].items():
                    merge(function.arguments.setdefault(name, {}), seen)
                for name, seen in one["locals"].items():
                    merge(function.locals.setdefault(name, {}), seen)
                merge(function.returns, one["returns"])
            for name, one in answer["classes"].items():
                merged = classes.setdefault(name, {"bases": one["bases"], "attributes": {}})
                for key, seen in one["attributes"].items():
                    merge(merged["attributes"].setdefault(key, {}), seen)
        self.by_name = {m.name: m for m in self.modules.values() if m.name}
        self.seen_classes = classes
        self.outside_subclasses()
        for path, module in self.modules.items():
            for name, one in module.classes.items():
                key = f"{module.name}:{name}"
                for other, seen in classes.items():
                    if other == key or key in seen["bases"]:
                        for attribute, kinds in seen["attributes"].items():
                            merge(one.attributes.setdefault(attribute, {}), kinds)
                if self.not_native(one):
                    module.plain.add(name)
        self.harmonise()

    def not_native(self, one):
        """Must stay an ordinary class: what it inherits, or holds, a native class can't."""
        if one.special:
            return False  # mypyc knows these, or keeps them ordinary by itself
        bases = [b for b in one.bases]
        if len(bases) > 1:
            return True
        for base in bases:
            if base in one.module.classes:
                if base in one.module.plain or one.module.classes[base].special:
                    return True
            elif base not in UNTYPED_BASES:
                return True
        if any(isinstance(n, ast.ClassDef) for n in one.node.body):
            raise Refused(f"{one.module.path}:{one.node.lineno}: a class within a class cannot be compiled")
        if one.name in self.subclassed_outside:
            return True
        for n in one.node.body:
            if isinstance(n, ast.FunctionDef) and n.name in ("__getattr__", "__getattribute__", "__setattr__", "__delattr__", "__new__", "__init_subclass__", "__class_getitem__", "__del__", "__getstate__", "__setstate__", "__reduce__"):
                return True
        return "__slots__" in one.declared and False

    def outside_subclasses(self):
        """Names of classes that modules which stay interpreted inherit from."""
        self.subclassed_outside = set()
        names = {name for m in self.modules.values() for name in m.classes}
        for folder, folders, files in os.walk("."):
            folders[:] = [f for f in folders if not f.startswith(".")]
            for file in files:
                path = os.path.relpath(os.path.join(folder, file), ".")
                if not file.endswith(".py") or path in self.modules:
                    continue
                try:
                    with open(path, encoding="utf-8") as opened:
                        tree = ast.parse(opened.read())
                except (OSError, SyntaxError, ValueError):
                    continue
                for node in ast.walk(tree):
                    if isinstance(node, ast.ClassDef):
                        for base in node.bases:
                            last = base.id if isinstance(base, ast.Name) else base.attr if isinstance(base, ast.Attribute) else ""
                            if last in names:
                                self.subclassed_outside.add(last)

    def ancestors(self, one):
        found = []
        for base in one.bases:
            parent = one.module.classes.get(base)
            if parent is not None and parent not in found:
                found += [parent] + self.ancestors(parent)
        return found

    def harmonise(self):
        """A method that overrides another takes and gives what both do."""
        for module in self.modules.values():
            for one in module.classes.values():
                for name, method in one.methods.items():
                    if name == "__init__":
                        continue
                    for parent in self.ancestors(one):
                        other = parent.methods.get(name)
                        if other is None:
                            continue
                        mine, theirs = method.parameters[1:], other.parameters[1:]
                        if [p.arg for p in mine] != [p.arg for p in theirs]:
                            method.untyped = other.untyped = True
                            continue
                        if method.calls or other.calls:
                            for p in mine:
                                both = merge(dict(method.arguments.get(p.arg, {})), other.arguments.get(p.arg, {}))
                                method.arguments[p.arg] = other.arguments[p.arg] = both
                            both = merge(dict(method.returns), other.returns)
                            method.returns = other.returns = both
                            method.calls = other.calls = method.calls + other.calls

    def agree(self):
        """What is given up for a method is given up for those it overrides and those that override it."""
        while True:
            changed = False
            for module in self.modules.values():
                for one in module.classes.values():
                    for name, method in one.methods.items():
                        for parent in self.ancestors(one) if name != "__init__" else []:
                            other = parent.methods.get(name)
                            if other is None:
                                continue
                            parameters = {p.arg for p in method.parameters}
                            for mark in ("untyped", "any_return", "optional_return"):
                                if getattr(method, mark) != getattr(other, mark):
                                    setattr(method, mark, True)
                                    setattr(other, mark, True)
                                    changed = True
                            for mark in ("any", "optional"):
                                mine, theirs = getattr(method, mark), getattr(other, mark)
                                both = (mine | theirs) & parameters
                                if not both <= mine or not both <= theirs:
                                    mine |= both
                                    theirs |= both
                                    changed = True
            if not changed:
                return

    # --- types as text ---

    def class_text(self, module, names):
        """One expression for instances of all these classes, or None."""
        chains = []
        for name in names:
            seen = self.seen_classes.get(name)
            chains.append([name] + (seen["bases"] if seen else []))
        for candidate in chains[0]:
            if all(candidate in chain for chain in chains):
                where, _, qualified = candidate.partition(":")
                if where == "builtins" or "." in qualified or "<" in qualified:
                    return None
                if where == module.name and qualified in module.classes:
                    return self.widened(module, qualified)
                if (where, qualified) in module.imported and (where in self.by_name or os.path.exists(where.replace(".", "/") + ".py")):
                    return module.imported[(where, qualified)]
                return None
        return None

    def widened(self, module, name):
        """The class that what was seen shares with its siblings: the next run may bring one of them."""
        while True:
            parents = [b for b in module.classes[name].bases if b in module.classes]
            if len(parents) != 1 or sum(parents[0] in c.bases for c in module.classes.values()) < 2:
                return name
            name = parents[0]

    def text(self, module, seen, top=True):
        """The annotation; "Any" where kinds vary or nothing is known."""
        atoms = {a: c for a, c in seen.items() if a != "NoneType"}
        optional = "NoneType" in seen
        if not atoms:
            return "None" if optional and top == "return" else "Any"
        kinds = list(atoms)
        if all(k.startswith("class ") for k in kinds):
            result = self.class_text(module, [k[6:] for k in kinds]) or "Any"
        elif all(k.startswith("tuple/") for k in kinds):
            if len(kinds) == 1 and atoms[kinds[0]]:
                result = "tuple[%s]" % ", ".join(self.text(module, c, False) for c in atoms[kinds[0]])
            else:
                every = {}
                for children in atoms.values():
                    for child in children:
                        merge(every, child)
                result = "tuple[%s, ...]" % self.text(module, every, False)
        elif len(kinds) > 1:
            return "Any"
        elif kinds[0] in SIMPLE:
            result = kinds[0]
        elif kinds[0] in ("list", "set", "frozenset", "dict"):
            result = "%s[%s]" % (kinds[0], ", ".join(self.text(module, c, False) for c in atoms[kinds[0]]))
        else:
            return "Any"
        if result == "Any":
            return "Any"
        return result + " | None" if optional else result

    # --- the annotated text ---

    def parameter(self, function, argument):
        if argument.arg in function.any:
            return "Any"
        seen = merge({}, function.arguments.get(argument.arg, {}))
        default = function.defaults.get(argument.arg)
        if isinstance(default, ast.Constant):
            merge(seen, {type(default.value).__name__: []})
        if argument.arg in function.optional:
            merge(seen, {"NoneType": []})
        return self.text(function.module, seen)

    def render(self, module):
        edits, uses = [], set()

        def add(at, end, text):
            edits.append((at, end, text))
            for name in ("Any", "ClassVar"):
                if re.search(r"\b%s\b" % name, text):
                    uses.add(name)

        tokens = list(tokenize.generate_tokens(io.StringIO(module.text).readline))
        lines = module.text.splitlines(keepends=True)

        def byte(position):
            line, column = position
            return module.starts[line - 1] + len(lines[line - 1][:column].encode())

        defs = {}
        for i, token in enumerate(tokens):
            if token.type == tokenize.NAME and token.string == "def":
                defs[(token.start[0], tokens[i + 1].string)] = i
        for function in module.functions.values():
            node = function.node
            if function.untyped or not function.calls:
                continue
            own = [p for p in function.parameters]
            if function.owner is not None and own and not any(isinstance(d, ast.Name) and d.id == "staticmethod" for d in node.decorator_list):
                own = own[1:]
            if any(p.annotation is not None for p in own) or node.returns is not None:
                continue
            for p in own:
                text = self.parameter(function, p)
                default = function.defaults.get(p.arg)
                if default is not None:
                    at = module.end(p)
                    start = module.offset(default.lineno, default.col_offset)
                    between = module.bytes[at:start].decode()
                    if between == "=":
                        add(at, start, f": {text} = ")
                        continue
                add(module.end(p), module.end(p), f": {text}")
            if function.any_return or function.generator:
                returns = "Any"
            else:
                seen = dict(function.returns)
                if "NoneType" in seen and len(seen) > 1 and not may_return_none(node):
                    del seen["NoneType"]
                if function.optional_return:
                    merge(seen, {"NoneType": []})
                returns = self.text(module, seen, "return")
                if node.name == "__init__":
                    returns = "None"
            i = defs.get((node.lineno, node.name))
            if i is None:
                i = next((k for (line, name), k in defs.items() if name == node.name and node.lineno <= line <= node.body[0].lineno), None)
            if i is None:
                continue
            depth = 0
            for token in tokens[i:]:
                if token.type == tokenize.OP and token.string in "([{":
                    depth += 1
                elif token.type == tokenize.OP and token.string in ")]}":
                    depth -= 1
                    if depth == 0:
                        add(byte(token.end), byte(token.end), f" -> {returns}")
                        break
            self.render_locals(module, function, add)
        for one in module.classes.values():
            self.render_class(module, one, add)
        for node in module.tree.body:
            if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name) and is_empty(node.value):
                seen = merge(merge({}, module.seen.get(node.targets[0].id, {})), {"NoneType": []} if isinstance(node.value, ast.Constant) else {})
                text = self.text(module, seen)
                module.global_any.setdefault(node.targets[0].id, text if set(seen) != {"NoneType"} else "Any")
        for name, text in module.global_any.items():
            for node in module.tree.body:
                if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name) and node.targets[0].id == name:
                    add(module.end(node.targets[0]), module.end(node.targets[0]), f": {text}")
                    break
        self.render_head(module, edits, uses)
        together = []
        for at, end, text in sorted(edits, key=lambda e: (e[0], e[1])):
            if together and together[-1][0] == at and together[-1][1] == at:
                together[-1] = [at, end, together[-1][2] + text]
            else:
                together.append([at, end, text])
        module.edits = together
        result = module.bytes
        for at, end, text in reversed(together):
            result = result[:at] + text.encode() + result[end:]
        return result.decode()

    def render_locals(self, module, function, add):
        node = function.node
        wanted = dict(function.typed)
        for name in function.locals:
            if name in wanted or name in function.any:
                continue
            binding, _ = function.first_binding(name)
            if binding is not None and is_empty(binding.value):
                wanted[name] = self.text(module, function.locals[name])
                if wanted[name] == "Any" and isinstance(binding.value, ast.List):
                    wanted[name] = "list[Any]" if set(function.locals[name]) <= {"list"} else "Any"
        for name in function.optional:
            if name in function.locals:
                wanted[name] = self.text(module, merge({"NoneType": []}, function.locals[name]))
        for name in function.any:
            wanted[name] = "Any"
        parameters = {p.arg for p in function.parameters}
        declared = []
        for name, text in sorted(wanted.items()):
            if name in parameters:
                continue
            binding, bound = function.first_binding(name)
            if binding is not None:
                target = binding.targets[0]
                add(module.end(target), module.end(target), f": {text}")
            elif bound:
                declared.append(f"{name}: {text}")
        body = node.body
        first = body[1] if len(body) > 1 and is_docstring(body[0]) else body[0]
        if declared and first.lineno > node.lineno and not is_docstring(first):
            line = min([first.lineno] + [d.lineno for d in getattr(first, "decorator_list", [])])
            start = module.starts[line - 1]
            indent = module.bytes[start:][: first.col_offset].decode()
            if not indent.strip():
                add(start, start, "".join(indent + one + module.newline for one in declared))

    def render_class(self, module, one, add):
        node = one.node
        indent_line = node.body[0].lineno
        start = module.starts[indent_line - 1]
        indent = module.bytes[start:][: node.body[0].col_offset].decode()
        if one.name in module.plain:
            line = min([node.lineno] + [d.lineno for d in node.decorator_list])
            at = module.starts[line - 1]
            add(at, at, "@_interpreted" + module.newline)
            return
        if one.special or indent.strip() or node.body[0].lineno == node.lineno:
            return
        inherited = {name for parent in self.ancestors(one) for name in set(parent.attributes) & parent.assigned | parent.declared}
        lines = []
        for name, seen in one.attributes.items():
            if name in one.declared or name in inherited or not name.isidentifier() or name.startswith("__"):
                continue
            if name not in one.assigned and any(name in c.assigned for c in self.ancestors(one)):
                continue
            if name not in one.assigned and any(name in c.assigned for c in module.classes.values() if one in self.ancestors(c)):
                continue
            text = "Any" if name in one.any else self.text(module, merge(merge({}, seen), {"NoneType": []}) if name in one.optional else seen)
            lines.append(f"{indent}{name}: {text}{module.newline}")
        written = instance_writes(module)
        for statement in node.body:
            if isinstance(statement, ast.Assign) and len(statement.targets) == 1 and isinstance(statement.targets[0], ast.Name):
                name = statement.targets[0].id
                if name == "__slots__" or name.startswith("__"):
                    continue
                target = statement.targets[0]
                if name not in written:
                    add(module.end(target), module.end(target), ": ClassVar[Any]" if name in one.any or isinstance(statement.value, ast.Constant) and statement.value.value is None else ": ClassVar")
                elif name in class_reads(module, one):
                    raise Refused(f"{module.path}:{statement.lineno}: {one.name}.{name} is used both of the class and of its instances")
                elif name in one.any or name in one.attributes and isinstance(statement.value, ast.Constant):
                    add(module.end(target), module.end(target), ": " + ("Any" if name in one.any else self.text(module, merge(dict(one.attributes[name]), {type(statement.value.value).__name__: []} if isinstance(statement.value, ast.Constant) else {}))))
        if lines:
            position = node.body[1] if is_docstring(node.body[0]) and len(node.body) > 1 else node.body[0]
            if is_docstring(position):
                return
            line = min([position.lineno] + [d.lineno for d in getattr(position, "decorator_list", [])])
            at = module.starts[line - 1]
            blank = module.newline if isinstance(position, (ast.FunctionDef, ast.AsyncFunctionDef)) else ""
            add(at, at, "".join(lines) + blank)

    def render_head(self, module, edits, uses):
        if not edits:
            return
        lines = []
        body = module.tree.body
        index = 1 if body and is_docstring(body[0]) else 0
        future = None
        while index < len(body) and isinstance(body[index], ast.ImportFrom) and body[index].module == "__future__":
            future = body[index]
            index += 1
        if future is None or not any(a.name == "annotations" for n in body[:index] if isinstance(n, ast.ImportFrom) for a in n.names):
            lines.append("from __future__ import annotations")
        taken = {a.asname or a.name for n in body if isinstance(n, ast.ImportFrom) and n.module == "typing" for a in n.names}
        missing = sorted(uses - taken)
        if any(name in module.bound or name in module.classes for name in missing):
            raise Refused(f"{module.path}: it has a name of its own for typing.{missing[0]}")
        if missing:
            lines.append("from typing import " + ", ".join(missing))
        after = ""
        if module.plain:
            after = module.newline.join(["", "", "def _interpreted(cls):  # type: ignore", "    return cls  # mypyc leaves decorated classes as they are", "", ""])
        last = max([n.end_lineno for n in body[:index]], default=0)
        if last == 0:
            for i, line in enumerate(module.text.splitlines(), 1):
                if not line.startswith("#"):
                    break
                last = i
        at = module.starts[last] if last < len(module.starts) else len(module.bytes)
        prefix = module.newline if index == 1 and future is None and is_docstring(body[0]) else ""
        if lines:
            edits.append((at, at, prefix + module.newline.join(lines) + module.newline))
        if after:
            first = next((n for n in body if isinstance(n, ast.ClassDef) and n.name in module.plain), None)
            line = min([first.lineno] + [d.lineno for d in first.decorator_list])
            place = module.starts[line - 1]
            edits[:] = [e if not (e[0] == place and e[2].startswith("@_interpreted")) else (e[0], e[1], after.lstrip("\r\n") + e[2]) for e in edits]

)python";
// clang-format on

}  // namespace jarvis2::project
