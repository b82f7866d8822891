"""deltablue: blue SIZE LOOPS, or graph VARIABLES CHANGES; prints what the planner did and every variable's state."""

import hashlib
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

import deltablue as d  # noqa: E402


def state(variables):
    lines = ["%s %r %d %s %s" % (v.name, v.value, v.mark, v.walk_strength.name, v.stay) for v in variables]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def graph(count, changes):
    """A chain of equal and of scaled variables, then changes of single variables."""
    d.planner = d.Planner()
    scale, offset = d.Variable("scale", 1), d.Variable("offset", 3)
    chain = [d.Variable("c%d" % i, i) for i in range(count)]
    for i in range(1, count):
        if i % 3 == 0:
            d.ScaleConstraint(chain[i - 1], scale, offset, chain[i], d.Strength.REQUIRED)
        else:
            d.EqualityConstraint(chain[i - 1], chain[i], d.Strength.REQUIRED)
    d.StayConstraint(chain[-1], d.Strength.WEAK_DEFAULT)
    place = 1
    for i in range(changes):
        place = (place * 137 + 11) % count
        d.change(chain[place], 1000 + 8 * i)
        print(d.planner.current_mark, state([scale, offset] + chain))


def main(kind, size, loops):
    if kind == "graph":
        graph(int(size), int(loops))
        return
    for _ in range(int(loops)):
        d.delta_blue(int(size))
        print(d.planner.current_mark)
    d.chain_test(int(size))
    print(d.planner.current_mark)


main(*sys.argv[1:])
