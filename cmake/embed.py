"""embed.py OUT NAME FILE...: writes a header with the text of kernels, which the GPU's own compiler reads at run time.

The files follow each other in one text; lines that include one another, and `#pragma once`, are left out.
"""

import sys
from pathlib import Path


def main(out, name, *files):
    lines = []
    for file in files:
        lines += [line for line in Path(file).read_text().splitlines() if not line.startswith(("#pragma once", '#include "'))]
    pieces = []
    for start in range(0, len(lines), 200):  # compilers bound the length of a literal
        pieces.append('R"J2KERNEL(%s\n)J2KERNEL"' % "\n".join(lines[start : start + 200]))
    text = "#pragma once\n\nnamespace jarvis2::gpu {\n\ninline constexpr const char* %s =\n%s;\n\n}  // namespace jarvis2::gpu\n" % (name, "\n".join(pieces))
    path = Path(out)
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_text() != text:
        path.write_text(text)


main(*sys.argv[1:])
