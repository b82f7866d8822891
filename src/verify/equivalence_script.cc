// The Python side of the check with generated inputs; see equivalence.cc.
#include "verify/equivalence.h"

namespace jarvis2::verify {

// clang-format off
const char* const kPythonCheck = R"python("""Runs inside the sandbox, in one tree. Reads a request (JSON) from stdin, writes an answer (JSON) to stdout.

generate: which module-level functions of the changed files have types, and inputs for them, drawn by Hypothesis.
run: calls them and tells what each call returned, raised, printed and did to its arguments; then whether a later call
changed an earlier result, and whether changing a result changes the next one.
"""
import ast, base64, contextlib, copy, importlib, io, json, os, pickle, signal, sys

request = json.load(sys.stdin)
sys.path.extend(p for p in request["libraries"] if p not in sys.path)
sys.dont_write_bytecode = True
real_stdout = os.dup(1)
os.dup2(2, 1)  # what the code under test prints past sys.stdout is no answer of ours


class TooSlow(BaseException):
    pass


def on_alarm(*_):
    raise TooSlow()


signal.signal(signal.SIGPROF, on_alarm)


def module_of(path):
    """Imports a file by its place in the packages around it."""
    folder, name = os.path.split(os.path.abspath(path))
    parts = [] if name == "__init__.py" else [name[:-3]]
    while os.path.exists(os.path.join(folder, "__init__.py")):
        folder, package = os.path.split(folder)
        parts.insert(0, package)
    for place in (os.getcwd(), folder):
        if place in sys.path:
            sys.path.remove(place)
        sys.path.insert(0, place)
    sink = io.StringIO()
    signal.setitimer(signal.ITIMER_PROF, 20)
    try:
        with contextlib.redirect_stdout(sink):
            return importlib.import_module(".".join(parts))
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def functions(text):
    return {node.name: ast.dump(node) for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)}


def rest(text):
    tree = ast.parse(text)
    return [ast.dump(node) for node in tree.body if not isinstance(node, ast.FunctionDef)]


def wanted(before, after):
    """Functions to call, the changed ones first: a change beside them may reach them all."""
    old, new = functions(before), functions(after)
    both = [name for name in old if name in new]
    changed = [name for name in both if old[name] != new[name]]
    if rest(before) != rest(after) or not changed:
        changed_set = set(changed)
        return changed + [name for name in both if name not in changed_set]
    # A changed function may be called by others in its file.
    return changed + [name for name in both if name not in changed and any(f"'{c}'" in old[name] for c in changed)]



def strategies(function):
    import inspect
    import typing
    from hypothesis import strategies as st

    small = {
        int: st.one_of(st.integers(-20, 100), st.integers(-3, 12), st.integers()),
        float: st.one_of(st.floats(-100, 100), st.floats(allow_nan=False)),
        str: st.text(max_size=30),
        bytes: st.binary(max_size=30),
        bool: st.booleans(),
    }

    def of(hint):
        origin, args = typing.get_origin(hint), typing.get_args(hint)
        if hint in small:
            return small[hint]
        if origin in (list, typing.Sequence) or (origin and getattr(origin, "__name__", "") in ("Sequence", "Iterable", "Collection", "MutableSequence")):
            return st.lists(of(args[0]), max_size=12)
        if origin is tuple:
            if len(args) == 2 and args[1] is Ellipsis:
                return st.lists(of(args[0]), max_size=8).map(tuple)
            return st.tuples(*map(of, args))
        if origin in (set, frozenset):
            return st.lists(of(args[0]), max_size=10).map(origin)
        if origin is dict or getattr(origin, "__name__", "") in ("Mapping", "MutableMapping"):
            return st.dictionaries(of(args[0]), of(args[1]), max_size=8)
        if hint in (list, tuple, set, dict, object, typing.Any):
            raise TypeError(f"{hint} says too little")
        return st.from_type(hint)

    hints = typing.get_type_hints(function)
    parts = {}
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        if name not in hints:
            if parameter.default is not parameter.empty:
                continue
            raise TypeError(f"{name} has no type")
        parts[name] = of(hints[name])
    return st.fixed_dictionaries(parts)


def draw(function, count, seed):
    import hypothesis

    seen = []

    @hypothesis.seed(seed)
    @hypothesis.settings(max_examples=count, database=None, deadline=None, phases=[hypothesis.Phase.generate],
                         suppress_health_check=list(hypothesis.HealthCheck))
    @hypothesis.given(strategies(function))
    def collect(arguments):
        try:
            shown = ", ".join(f"{name}={value!r}" for name, value in arguments.items())
            seen.append([base64.b64encode(pickle.dumps(arguments)).decode(), shown[:200]])
        except Exception:
            pass

    collect()
    return seen


def canonical(value, depth=0):
    """A tree of JSON that is equal exactly when the values are; floats stay numbers."""
    if depth > 12:
        return "deep"
    if value is None or isinstance(value, bool):
        return {"c": repr(value)}
    kind = type(value).__name__
    if type(value) is int:
        return {"i": str(value)}
    if type(value) is float:
        return {"f": value if value == value and abs(value) != float("inf") else repr(value)}
    if isinstance(value, (str, bytes, bytearray)):
        return {"s": kind + repr(value)}
    if isinstance(value, (list, tuple)):
        return {kind: [canonical(one, depth + 1) for one in value]}
    if isinstance(value, (set, frozenset)):
        return {kind: sorted((canonical(one, depth + 1) for one in value), key=json.dumps)}
    if isinstance(value, dict):
        return {kind: [[canonical(k, depth + 1), canonical(v, depth + 1)] for k, v in value.items()]}
    if hasattr(value, "__next__"):
        items = []
        for _ in range(1000):
            try:
                items.append(canonical(next(value), depth + 1))
            except StopIteration:
                break
        return {"iterator": items}
    state = getattr(value, "__dict__", None)
    slots = [s for c in type(value).__mro__ for s in getattr(c, "__slots__", ()) if isinstance(s, str)]
    if state is None and slots:
        state = {s: getattr(value, s) for s in slots if hasattr(value, s)}
    compiled = getattr(type(value), "__mypyc_attrs__", None)
    if state is None and compiled is not None:
        state = {s: getattr(value, s) for s in compiled if s != "__dict__" and hasattr(value, s)}
    if state is not None and not callable(value):
        return {"object " + kind: [[str(k), canonical(v, depth + 1)] for k, v in sorted(state.items())]}
    text = repr(value)
    return {"r": kind} if " at 0x" in text else {"r": kind + text}


def call(function, arguments):
    printed = io.StringIO()
    signal.setitimer(signal.ITIMER_PROF, 1)
    result = None
    try:
        with contextlib.redirect_stdout(printed):
            result = function(**arguments)
            said = {"returned": canonical(result)}
    except TooSlow:
        said = {"slow": True}
    except RecursionError:
        said = {"raised": "RecursionError"}
    except Exception as error:
        said = {"raised": type(error).__name__}
    except SystemExit as error:
        said = {"exited": repr(error.code)}
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    if "returned" in said:
        said["arguments"] = {name: canonical(value) for name, value in arguments.items()}
    if "slow" not in said and printed.getvalue():
        said["printed"] = printed.getvalue()[:2000]
    return said, result


def spoil(value):
    """Changes what a caller may change of a result."""
    if isinstance(value, list):
        value.append("jarvis2")
    elif isinstance(value, dict):
        value["jarvis2"] = 1
    elif isinstance(value, set):
        value.add("jarvis2")
    elif isinstance(value, bytearray):
        value.append(0)


def run(path, name, inputs):
    module = module_of(path)
    function = getattr(module, name)
    outcomes, kept = [], []
    for text, _ in inputs:
        try:
            arguments = pickle.loads(base64.b64decode(text))
            again, third = copy.deepcopy(arguments), copy.deepcopy(arguments)
        except Exception:
            outcomes.append({"slow": True})
            continue
        said, result = call(function, arguments)
        if "returned" in said:
            said["again"], _ = call(function, again)
            if len(outcomes) % 2 == 0:
                kept.append((len(outcomes), result))
            else:
                spoil(result)
                said["after its result was changed"], _ = call(function, third)
        outcomes.append(said)
    for index, result in kept:
        outcomes[index]["later"] = canonical(result)
    return outcomes


def main():
    answer = {"functions": [], "notes": []}
    if request["mode"] == "generate":
        for path, texts in request["files"].items():
            try:
                names = wanted(texts["before"], texts["after"])
                module = module_of(path)
            except BaseException as error:
                answer["notes"].append(f"{path}: {type(error).__name__}: {error}"[:200])
                continue
            for name in names[: request["most_functions"]]:
                try:
                    inputs = draw(getattr(module, name), request["examples"], request["seed"])
                    if inputs:
                        answer["functions"].append({"path": path, "name": name, "inputs": inputs})
                except BaseException as error:
                    answer["notes"].append(f"{path}: {name}: {type(error).__name__}: {error}"[:200])
    else:
        for one in request["functions"]:
            try:
                answer["functions"].append(run(one["path"], one["name"], one["inputs"]))
            except BaseException as error:
                answer["functions"].append([{"raised": f"cannot be imported: {type(error).__name__}"}])
    os.write(real_stdout, json.dumps(answer).encode())


main()
sys.stdout.flush()
os._exit(0)
)python";
// clang-format on

}  // namespace jarvis2::verify
