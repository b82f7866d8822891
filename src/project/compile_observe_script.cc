// What a traced run of Python loads first; see compile_python.cc.
#include "project/compile_python.h"

namespace jarvis2::project {

// clang-format off
const char* const kObserveTypes = R"python("""sitecustomize of a traced run: which types arguments, results, locals and attributes of the repository's functions have.

JARVIS2_TYPES: folder for the answers (one JSON file a process); JARVIS2_ROOT: the repository, as this process sees it.
A type is a tree: {"int": []}, {"list": [{"float": []}]}, {"NoneType": [], "tuple/2": [{...}, {...}]}: the kinds seen.
"""
import atexit, itertools, json, os, random, sys, time

FOLDER, ROOT = os.environ.get("JARVIS2_TYPES"), os.environ.get("JARVIS2_ROOT", "") + "/"
SCALARS = {int: "int", float: "float", str: "str", bool: "bool", bytes: "bytes", complex: "complex", type(None): "NoneType"}
codes, classes = {}, {}
draws = random.Random(1)
draw = draws.random
ELEMENTS, DEPTH, LOCALS = 24, 4, 60


def merge(into, value, depth=DEPTH):
    kind = type(value)
    name = SCALARS.get(kind)
    if name is not None:
        into.setdefault(name, [])
        return
    if depth == 0:
        into.setdefault("any", [])
        return
    if kind is list or kind is set or kind is frozenset:
        elements(into.setdefault(kind.__name__, [{}])[0], value, depth)
    elif kind is dict:
        children = into.setdefault("dict", [{}, {}])
        elements(children[0], value, depth)
        elements(children[1], value.values(), depth)
    elif kind is tuple:
        if len(value) > 8:
            into.setdefault("any", [])
            return
        children = into.setdefault("tuple/%d" % len(value), [{} for _ in value])
        for child, one in zip(children, value):
            merge(child, one, depth - 1)
    else:
        where = getattr(kind, "__module__", "")
        name = "%s:%s" % (where, getattr(kind, "__qualname__", "?"))
        into.setdefault("class " + name, [])
        if name in classes or getattr(sys.modules.get(where), "__file__", "").startswith(ROOT):
            attributes(name, kind, value, depth - 1)


def elements(child, values, depth):
    """All kinds there are, and some of the elements of each that is no scalar."""
    values = list(itertools.islice(values, 20000))
    kinds = set(map(type, values))
    others = [kind for kind in kinds if kind not in SCALARS]
    for kind in kinds:
        if kind in SCALARS:
            child.setdefault(SCALARS[kind], [])
    if not others:
        return
    if len(others) > 1 or len(kinds) > 1:
        seen = dict.fromkeys(others, 0)
        some = []
        for one in values:
            kind = type(one)
            if kind in seen and seen[kind] < ELEMENTS:
                seen[kind] += 1
                some.append(one)
    else:
        some = values if len(values) <= ELEMENTS else values[: ELEMENTS // 2] + values[-2:] + draws.choices(values, k=ELEMENTS // 2)
    for one in some:
        merge(child, one, depth - 1)


def attributes(name, kind, value, depth):
    seen = classes.get(name)
    if seen is None:
        seen = classes[name] = {"count": 0, "attributes": {}, "bases": ["%s:%s" % (b.__module__, b.__qualname__) for b in kind.__mro__[1:-1]]}
    seen["count"] += 1
    count = seen["count"]
    if count > 300 and draw() * count > 600:
        return
    state = getattr(value, "__dict__", None)
    items = list(state.items()) if state is not None else []
    for base in kind.__mro__:
        slots = base.__dict__.get("__slots__", ())
        for slot in (slots,) if isinstance(slots, str) else slots:
            if slot not in ("__dict__", "__weakref__"):
                try:
                    items.append((slot, getattr(value, slot)))
                except AttributeError:
                    pass
    for key, one in items:
        merge(seen["attributes"].setdefault(key, {}), one, max(depth, 1) if not hasattr(one, "__dict__") else 1)


def watch(frame, event, argument):
    if event != "call" and event != "return":
        return
    code = frame.f_code
    seen = codes.get(code)
    if seen is None:
        if not code.co_filename.startswith(ROOT) or code.co_name.startswith("<"):
            codes[code] = False
            return
        names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
        seen = codes[code] = {
            "path": code.co_filename[len(ROOT):], "line": code.co_firstlineno, "name": code.co_name,
            "main": frame.f_globals.get("__name__") == "__main__", "module": frame.f_globals.get("__name__"), "calls": 0,
            "arguments": {name: {} for name in names}, "returns": {}, "locals": {},
        }
    if seen is False:
        return
    if event == "call":
        seen["calls"] += 1
    count = seen["calls"]
    if count > 400 and draw() * count > 1000:
        return
    sys.setprofile(None)
    try:
        local = frame.f_locals
        arguments = seen["arguments"]
        for name in arguments:
            if name in local:
                merge(arguments[name], local[name])
        if event == "return":
            merge(seen["returns"], argument)
            others = seen["locals"]
            for i, (name, value) in enumerate(local.items()):
                if name not in arguments and i < LOCALS:
                    merge(others.setdefault(name, {}), value)
    except Exception:
        seen["failed"] = True
    finally:
        sys.setprofile(watch)


def finish():
    sys.setprofile(None)
    modules = {}
    for name, module in list(sys.modules.items()):
        path = getattr(module, "__file__", None) or ""
        if path.startswith(ROOT) and name != "__main__":
            modules[path[len(ROOT):]] = name
    state = {}
    for path, name in modules.items():
        variables = state[path] = {}
        for key, value in list(vars(sys.modules[name]).items())[:300]:
            if not key.startswith("__"):
                merge(variables.setdefault(key, {}), value)
    answer = {"functions": [one for one in codes.values() if one], "classes": classes, "modules": modules, "globals": state}
    path = os.path.join(FOLDER, "%d-%d.json" % (os.getpid(), time.monotonic_ns()))
    with open(path + ".new", "w") as file:
        json.dump(answer, file)
    os.rename(path + ".new", path)


if FOLDER and ROOT != "/":
    import threading

    atexit.register(finish)
    threading.setprofile(watch)
    sys.setprofile(watch)
)python";
// clang-format on

}  // namespace jarvis2::project
