"""nqueens: queens SIZE LOOPS, or permute N R; prints counts and a digest of everything found."""

import hashlib
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

import nqueens  # noqa: E402


def main(kind, first, second):
    digest = hashlib.sha256()
    count = 0
    if kind == "queens":
        for _ in range(int(second)):
            for solution in nqueens.n_queens(int(first)):
                digest.update(bytes(solution))
                count += 1
    else:
        for arrangement in nqueens.permutations(range(int(first)), int(second)):
            digest.update(bytes(arrangement))
            count += 1
    print(count, digest.hexdigest())


main(*sys.argv[1:])
