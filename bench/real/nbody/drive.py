"""nbody: STEPS [REFERENCE [DT [DIGITS]]]; prints the energy on the way and where every body ended."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

import nbody  # noqa: E402


def main(steps, reference="sun", dt="0.01", digits="17"):
    def text(*numbers):
        return " ".join("%.*g" % (int(digits), number) for number in numbers)

    nbody.offset_momentum(nbody.BODIES[reference])
    print(text(nbody.report_energy()))
    for _ in range(4):
        nbody.advance(float(dt), int(steps) // 4)
        print(text(nbody.report_energy()))
    for name, (position, velocity, _) in sorted(nbody.BODIES.items()):
        print(name, text(*position), text(*velocity))


main(*sys.argv[1:])
