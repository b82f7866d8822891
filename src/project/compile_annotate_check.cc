// Its last part: what mypy and mypyc say, and what is given up for it.
#include "project/compile_python.h"

namespace jarvis2::project {

// clang-format off
const char* const kAnnotateCheck = R"python(    # --- what mypy says ---

    def write(self):
        self.agree()
        for module in self.modules.values():
            with open(module.path, "w", encoding="utf-8", newline="") as file:
                file.write(self.render(module))

    def restore(self):
        for module in self.modules.values():
            with open(module.path, "w", encoding="utf-8", newline="") as file:
                file.write(module.text)

    def mypy(self, more=()):
        command = [sys.executable, "-m", "mypy", "--show-column-numbers", "--no-error-summary", "--hide-error-context", "--no-pretty", "--no-color-output",
                   "--cache-dir", os.path.join(request["scratch"], "cache"), *FLAGS_CHECK, *more, *self.modules]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300)
        return self.errors(done.stdout + done.stderr)

    def errors(self, output):
        found = []
        for line in output.splitlines():
            match = re.match(r"(?P<path>[^:]+):(?P<line>\d+):(?:(?P<column>\d+):)? error: (?P<text>.*?)(?:  \[(?P<code>[\w-]+)\])?$", line)
            if match:
                path = os.path.normpath(match["path"])
                if path in self.modules:
                    found.append((path, int(match["line"]), int(match["column"] or 0), match["text"], match["code"] or ""))
            elif line.strip() and " note: " not in line and " warning: " not in line:
                found.append(("", 0, 0, line.strip(), ""))
        return found

    def at(self, path, line, trees):
        """The function around a line of the rendered text, and the statement there."""
        module = self.modules[path]
        if path not in trees:
            with open(path, encoding="utf-8") as file:
                trees[path] = ast.parse(file.read())
        best, statement, inside = None, None, None
        for node in ast.walk(trees[path]):
            if not hasattr(node, "lineno") or not node.lineno <= line <= (node.end_lineno or node.lineno):
                continue
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                if best is None or node.lineno >= best.lineno:
                    best = node
            elif isinstance(node, ast.ClassDef):
                if inside is None or node.lineno > inside.lineno:
                    inside = node
            elif isinstance(node, ast.stmt) and (statement is None or node.lineno >= statement.lineno):
                statement = node
        function = None
        if best is not None:
            same = [n for n in ast.walk(trees[path]) if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef)) and n.name == best.name]
            same.sort(key=lambda n: n.lineno)
            index = same.index(best)
            mine = sorted([f for f in module.functions.values() if f.node.name == best.name], key=lambda f: f.node.lineno)
            if index < len(mine):
                function = mine[index]
        return module, function, statement, inside

    def relax(self, errors, attempt):
        """Gives up what an error is about; the number of changes made."""
        changes, trees = 0, {}
        for path, line, _, text, code in errors:
            if not path:
                raise Refused("mypy: " + text)
            module, function, statement, inside = self.at(path, line, trees)
            if code == "syntax":
                raise Refused(f"{path}:{line}: {text}")
            if harmless(text, code):
                if only_none(text, code) and function is not None and not function.untyped and function.calls:
                    changes += self.widen(module, function, statement, text, code)
                continue
            if function is None:
                changes += self.relax_outside(module, statement, inside, text, code, line, attempt)
                continue
            if function.untyped or not function.calls:
                # What it is told of others is at odds with what it does: they give in.
                changes += self.relax_names(module, text, statement)
                continue
            done = 0
            if attempt < 4:
                if code == "return-value" or code == "return":
                    if not function.any_return:
                        function.any_return = True
                        done = 1
                elif code == "override":
                    function.untyped = True
                    done = 1
                else:
                    argument = re.match(r'Argument (?:"(\w+)"|(\d+)) to "(\w+)"(?: of "(\w+)")?', text)
                    if argument:
                        done = self.relax_argument(argument)
                    elif statement is not None:
                        done = self.relax_targets(module, function, statement)
            if not done:
                function.untyped = True
                done = 1
            changes += done
        return changes

    def widen(self, module, function, statement, text, code):
        """What was never seen to be None may be None for all mypy knows: so the annotation says."""
        argument = re.match(r'Argument (?:"(\w+)"|(\d+)) to "(\w+)"(?: of "(\w+)")?', text)
        if argument:
            return self.relax_argument(argument, "optional")
        if code == "return-value":
            before, function.optional_return = function.optional_return, True
            return 0 if before else 1
        done = 0
        for target in statement.targets if isinstance(statement, ast.Assign) else [statement.target] if isinstance(statement, ast.AnnAssign) else []:
            for n in ast.walk(target):
                if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store) and n.id not in function.optional | function.any:
                    function.optional.add(n.id)
                    done += 1
                elif isinstance(n, ast.Attribute) and isinstance(n.ctx, ast.Store):
                    for other in self.modules.values():
                        for one in other.classes.values():
                            if n.attr in one.attributes and n.attr not in one.optional | one.any:
                                one.optional.add(n.attr)
                                done += 1
        return done

    def relax_targets(self, module, function, statement):
        done = 0
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target] if isinstance(statement, (ast.AugAssign, ast.AnnAssign, ast.For)) else []
        for target in targets:
            for n in ast.walk(target):
                if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store) and n.id in function.globals:
                    done += module.global_any.get(n.id) != "Any"
                    module.global_any[n.id] = "Any"
                elif isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store) and n.id not in function.any:
                    function.any.add(n.id)
                    function.typed.pop(n.id, None)
                    done += 1
                elif isinstance(n, ast.Attribute) and isinstance(n.ctx, ast.Store):
                    for other in self.modules.values():
                        for one in other.classes.values():
                            if (n.attr in one.attributes or n.attr in one.declared) and n.attr not in one.any:
                                one.any.add(n.attr)
                                done += 1
        return done

    def relax_argument(self, match, how="any"):
        keyword, number, name, owner = match.groups()
        done = 0
        for module in self.modules.values():
            for function in module.functions.values():
                mine = function.owner.name if function.owner else None
                if function.node.name == name and mine == owner or name == mine and function.node.name == "__init__":
                    own = [p for p in function.parameters][1 if function.owner else 0:]
                    for i, p in enumerate(own):
                        if (p.arg == keyword or number and i == int(number) - 1) and p.arg not in getattr(function, how):
                            getattr(function, how).add(p.arg)
                            done += 1
        return done

    def relax_names(self, module, text, statement):
        return self.relax_argument(match) if (match := re.match(r'Argument (?:"(\w+)"|(\d+)) to "(\w+)"(?: of "(\w+)")?', text)) else 0

    def relax_outside(self, module, statement, inside, text, code, line, attempt):
        needs = re.match(r'Need type annotation for "(\w+)"', text)
        if needs and inside is None and needs[1] not in module.global_any:
            module.global_any[needs[1]] = "Any"
            return 1
        argument = re.match(r'Argument (?:"(\w+)"|(\d+)) to "(\w+)"(?: of "(\w+)")?', text)
        if argument:
            done = self.relax_argument(argument)
            if done:
                return done
        if isinstance(statement, (ast.Assign, ast.AugAssign)):
            done = 0
            for n in ast.walk(statement):
                if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store) and inside is None and n.id not in module.global_any:
                    module.global_any[n.id] = "Any"
                    done += 1
                elif (isinstance(n, ast.Attribute) and isinstance(n.ctx, ast.Store)) or (isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store) and inside is not None):
                    name = n.attr if isinstance(n, ast.Attribute) else n.id
                    for one in module.classes.values():
                        if name in one.declared and name not in one.any:
                            one.any.add(name)
                            done += 1
            if done:
                return done
        return 0

    def vague(self):
        """Locals that mypy knows nothing of, though the run did: they get what was seen."""
        changes, trees = 0, {}
        for path, line, column, text, code in self.mypy(["--disallow-any-expr"]):
            if not path or "Expression" not in text:
                continue
            module, function, statement, _ = self.at(path, line, trees)
            if function is None or function.untyped or not function.calls:
                continue
            # mypy says it once a line.
            parameters = {p.arg for p in function.parameters}
            for n in ast.walk(statement) if statement is not None else []:
                if not isinstance(n, ast.Name) or n.lineno != line or n.id in parameters:
                    continue
                seen = function.locals.get(n.id)
                if not seen or n.id in function.any or n.id in function.typed:
                    continue
                text = self.text(module, seen)
                if text != "Any" and function.first_binding(n.id)[1]:
                    function.typed[n.id] = text
                    changes += 1
        return changes

    def compile(self):
        """What mypyc's front end says to it."""
        code = "import sys, json; sys.argv = ['x']; from mypyc.build import mypycify; mypycify(json.loads(%r), target_dir=%r)" % (
            json.dumps(["--cache-dir", os.path.join(request["scratch"], "cache"), *FLAGS, *self.modules]), os.path.join(request["scratch"], "build"))
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=600)
        if done.returncode == 0:
            return []
        return self.errors(done.stdout) or [("", 0, 0, (done.stderr or done.stdout).strip().splitlines()[-1] if (done.stderr or done.stdout).strip() else "mypyc failed", "")]

    def run(self):
        for path, module in self.modules.items():
            if not module.name:
                raise Refused(f"{path}: the benchmark does not import it")
            if any(isinstance(n, ast.Name) and n.id in ("exec", "eval", "globals", "locals", "vars", "setattr", "delattr") for n in ast.walk(module.tree)):
                self.notes.append(f"{path} uses names at run time (exec, globals, setattr ...): compiled classes and modules are less pliable")
        for attempt in range(7):
            self.write()
            errors = self.mypy()
            if not self.relax(errors, attempt):
                break
            if attempt == 2 and self.vague() == 0:
                continue
        else:
            self.write()
        if self.vague():
            for attempt in range(3, 7):
                self.write()
                if not self.relax(self.mypy(), attempt):
                    break
        self.write()
        for attempt in range(4):
            errors = self.compile()
            if not errors:
                return
            if not self.refuse_or_relax(errors):
                path, line, _, text, _ = errors[0]
                raise Refused(f"mypyc: {path}:{line}: {text}" if path else "mypyc: " + text)
            self.write()
        raise Refused("mypyc does not accept it")

    def refuse_or_relax(self, errors):
        changes, trees = 0, {}
        for path, line, _, text, _ in errors:
            if not path:
                continue
            module, function, statement, inside = self.at(path, line, trees)
            if function is not None and not function.untyped and function.calls:
                function.untyped = True
                changes += 1
            elif inside is not None and inside.name in module.classes and inside.name not in module.plain:
                module.plain.add(inside.name)
                for other in module.classes.values():
                    if module.classes[inside.name] in self.ancestors(other):
                        module.plain.add(other.name)
                changes += 1
        return changes

    def summary(self):
        typed = sum(1 for m in self.modules.values() for f in m.functions.values() if f.calls and not f.untyped)
        every = sum(len(m.functions) for m in self.modules.values())
        plain = sorted(name for m in self.modules.values() for name in m.plain)
        return {"typed": typed, "functions": every, "plain": plain}


# The codes that the build leaves aside; here they still count, unless the only difference is None.
FLAGS_CHECK = [f for f in FLAGS if not f.startswith("--disable-error-code")] + ["--disable-error-code=union-attr", "--disable-error-code=var-annotated", "--disable-error-code=import-untyped"]


def harmless(text, code):
    """The generated code checks at run time what mypy only fears: that an optional value is there."""
    if code in ("index", "operator", "call-overload", "attr-defined", "misc", "import-not-found", "name-defined", "no-redef", "has-type", "list-item", "dict-item", "type-var", "call-arg", "valid-type", "comparison-overlap", "truthy-function", "str-bytes-safe", "no-any-return", "method-assign"):
        return True
    return only_none(text, code)


def only_none(text, code):
    kinds = re.findall(r'"([^"]*)"', text)
    if code not in ("assignment", "arg-type", "return-value") or len(kinds) < 2:
        return False
    given, wanted = kinds[-2], kinds[-1]
    return given in (wanted + " | None", "None") and "None" not in wanted


def is_docstring(node):
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def is_empty(value):
    if isinstance(value, ast.Constant):
        return value.value is None
    if isinstance(value, (ast.List, ast.Set, ast.Tuple)):
        return not value.elts
    if isinstance(value, ast.Dict):
        return not value.keys
    if isinstance(value, ast.BinOp) and isinstance(value.op, ast.Mult) and isinstance(value.left, ast.List):
        return all(isinstance(e, ast.Constant) and e.value is None for e in value.left.elts)
    return isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id in ("list", "dict", "set") and not value.args and not value.keywords


def may_return_none(node):
    """False when every way out returns a value."""
    for n in own_nodes(node):
        if isinstance(n, ast.Return) and (n.value is None or not isinstance(n.value, (ast.BinOp, ast.List, ast.Tuple, ast.Dict, ast.ListComp, ast.Compare, ast.JoinedStr)) and not (isinstance(n.value, ast.Constant) and n.value.value is not None)):
            return True
    return not ends(node.body)


def ends(body):
    last = body[-1]
    if isinstance(last, (ast.Return, ast.Raise)):
        return True
    if isinstance(last, ast.If):
        return bool(last.orelse) and ends(last.body) and ends(last.orelse)
    if isinstance(last, ast.With):
        return ends(last.body)
    return isinstance(last, ast.While) and isinstance(last.test, ast.Constant) and bool(last.test.value)


def instance_writes(module):
    names = {c for c in module.classes}
    return {n.attr for n in ast.walk(module.tree) if isinstance(n, ast.Attribute) and isinstance(n.ctx, (ast.Store, ast.Del)) and not (isinstance(n.value, ast.Name) and n.value.id in names | {"cls"})}


def class_reads(module, one):
    return {n.attr for n in ast.walk(module.tree) if isinstance(n, ast.Attribute) and isinstance(n.value, ast.Name) and n.value.id in (one.name, "cls")}


def main():
    answer = {"edits": {}, "notes": [], "refused": ""}
    annotator = None
    try:
        annotator = Annotator()
        annotator.run()
        for module in annotator.modules.values():
            annotator.render(module)
            answer["edits"][module.path] = module.edits
        answer["summary"] = annotator.summary()
    except Refused as reason:
        answer["refused"] = str(reason)
    except SyntaxError as error:
        answer["refused"] = f"{error.filename}: {error.msg}"
    if annotator is not None:
        answer["notes"] = annotator.notes
        annotator.restore()
    print(json.dumps(answer))


main()
)python";
// clang-format on

}  // namespace jarvis2::project
