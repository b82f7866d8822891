#!/usr/bin/env python3
"""Compares the games of our tests with OpenSpiel's rules: counts of positions, and random games move by move.

crosscheck.py BENCH_MCTS [GAMES]; needs open_spiel (bench/mcts/requirements.txt). Ends with 1 where they differ.
"""

import json
import subprocess
import sys

import pyspiel


def ours(program, *arguments):
    return json.loads(subprocess.run([program, *map(str, arguments)], check=True, stdout=subprocess.PIPE).stdout)


def perft(state, depth):
    if depth == 1:
        return len(state.legal_actions())
    return sum(perft(state.child(action), depth - 1) for action in state.legal_actions())


def main(program, games="150"):
    wrong = 0
    for name, depth in (("connect_four", 6), ("othello", 6), ("go", 2)):
        counted = ours(program, "perft", "--game", name, "--count", depth)
        game = pyspiel.load_game(counted["game"])
        theirs = [perft(game.new_initial_state(), d + 1) for d in range(depth)]
        print("%s perft %s %s" % (name, counted["perft"], "equal" if theirs == counted["perft"] else theirs))
        wrong += theirs != counted["perft"]
        moves = 0
        for number, played in enumerate(ours(program, "playouts", "--game", name, "--count", games)["playouts"]):
            state = game.new_initial_state()
            for i, known in enumerate(played["legal"]):
                legal = [] if state.is_terminal() else sorted(state.legal_actions())
                total = len(legal)
                for action in legal:
                    total = (total * 31 + action) % 2**64
                if total % 1_000_000_007 != known:
                    print("%s game %d move %d: other legal moves after %s" % (name, number, i, played["moves"][:i]))
                    wrong += 1
                    break
                if i < len(played["moves"]):
                    state.apply_action(played["moves"][i])
                    moves += 1
            else:
                if not state.is_terminal() or state.returns()[0] != played["first_player"]:
                    print("%s game %d: result %s, ours %s" % (name, number, state.returns(), played["first_player"]))
                    wrong += 1
        print("%s: %s games, %d moves compared" % (name, games, moves))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
