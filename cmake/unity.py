#!/usr/bin/env python3
"""unity.py ROOT OUT NAME FILE...: writes OUT/NAME_N.cc, each including several of the files below ROOT; prints one path a line.

Built in one go, a room costs a fraction of what its files cost one by one: headers and templates are read once. Files whose
unnamed namespaces define the same name go into different units; a file that defines macros is left alone, and so is one
that the attack suite compiles anew with its own switches.
"""

import re
import sys
from pathlib import Path

LINES = 2500  # of one unit: more save little, and both cores want work
DEFINITIONS = [
    re.compile(r"(?:struct|class|union|enum|enum class) (\w+)[^;]*$"),
    re.compile(r"using (\w+) ="),
    re.compile(r"#define (\w+)"),
    re.compile(r"(?=[a-zA-Z])(?!using |struct |class |union |enum |template|TEST)[\w:<>,*& ()]*?[ *&](\w+)(?:\(| = |\{|;|\[)"),
]


def own_names(text):
    """Names that the file defines in unnamed namespaces; clang-format leaves such definitions in the first column."""
    names = set()
    around, inside = "", False
    for line in text.splitlines():
        if line == "namespace {":
            inside = True
        elif line == "}  // namespace":
            inside = False
        elif line.startswith("namespace "):
            around = line
        elif inside:
            names.update((around, match[1]) for match in (pattern.match(line) for pattern in DEFINITIONS) if match)
    return names


def main():
    root, out, name, *files = sys.argv[1:]
    units = []  # (files, names, lines)
    alone = []
    for file in files:
        text = Path(file).read_text(encoding="utf-8")
        if re.search(r"^#define |^using namespace |^extern \"C\" |^#include \"project/defence.h\"", text, re.M):
            alone.append(file)
            continue
        names = own_names(text)
        lines = text.count("\n")
        for unit in units:
            if not unit[1] & names and unit[2] + lines <= LINES:
                break
        else:
            unit = [[], set(), 0]
            units.append(unit)
        unit[0].append(file)
        unit[1] |= names
        unit[2] += lines
    for number, unit in enumerate(units):
        path = Path(out) / f"{name}_{number}.cc"
        text = "".join(f'#include "{Path(file).relative_to(root).as_posix()}"\n' for file in unit[0])
        if not path.exists() or path.read_text() != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        print(path)
    for file in alone:
        print(file)


if __name__ == "__main__":
    main()
