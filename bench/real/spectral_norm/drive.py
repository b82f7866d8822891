"""spectral_norm: SIZE ROUNDS [ramp]; prints the norm after each round and the final vector's sum."""

import math
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

import spectral_norm  # noqa: E402


def main(size, rounds, start="ones"):
    u = [1] * int(size) if start == "ones" else [1.0 + i / 7 for i in range(int(size))]
    for _ in range(int(rounds)):
        v = spectral_norm.eval_AtA_times_u(u)
        u = spectral_norm.eval_AtA_times_u(v)
        print(repr(math.sqrt(sum(a * b for a, b in zip(u, v)) / sum(b * b for b in v))))
    print(repr(math.fsum(u)))


main(*sys.argv[1:])
