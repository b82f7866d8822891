"""fannkuch: SIZE...; prints the most flips for each size."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

import fannkuch  # noqa: E402

for size in sys.argv[1:]:
    print(size, fannkuch.fannkuch(int(size)))
