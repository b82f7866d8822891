"""A peer's search, once: spiel_search.py spiel GAME PLAYOUTS SIMULATIONS SEED | mctx SIMULATIONS BATCH; prints lines of JSON.

OpenSpiel's MCTS is its C++ one. mctx searches Connect Four, written for jax here, on the CPU. With a line on stdin each
search runs once more, so that runs can be interleaved.
"""

import json
import sys
import time


def spiel(name, playouts, simulations, seed):
    import pyspiel

    game = pyspiel.load_game({"go": "go(board_size=9,komi=7.5)"}.get(name, name))
    yield None
    while True:
        bot = pyspiel.MCTSBot(game, pyspiel.RandomRolloutEvaluator(playouts, seed), 2.0, simulations, 1024, False, seed, False)
        state = game.new_initial_state()
        start = time.process_time(), time.perf_counter()
        bot.mcts_search(state)
        yield {"seconds": time.perf_counter() - start[1], "cpu_seconds": time.process_time() - start[0]}


def mctx(simulations, batch):
    import functools

    import jax
    import jax.numpy as jnp
    import mctx as library

    rows, columns = 6, 7

    def won(mine):
        found = False
        for dy, dx in ((0, 1), (1, 0), (1, 1), (1, -1)):
            line = mine
            for i in range(1, 4):
                moved = jnp.roll(mine, (-dy * i, -dx * i), (0, 1))
                y, x = jnp.arange(rows)[:, None] + dy * i, jnp.arange(columns)[None, :] + dx * i
                line = line & moved & (y < rows) & (x >= 0) & (x < columns)
            found = found | line.any()
        return found

    def step(state, action):
        mine, theirs, over = state
        height = (mine | theirs)[:, action].sum()
        placed = mine.at[jnp.minimum(height, rows - 1), action].set(True)
        win = won(placed)
        full = (placed | theirs).all()
        reward = jnp.where(over, 0.0, jnp.where(win, 1.0, 0.0))
        discount = jnp.where(over | win | full, 0.0, -1.0)
        return (theirs, placed, over | win | full), reward, discount

    def legal_logits(state):
        return jnp.where((state[0] | state[1])[rows - 1], -1e9, 0.0)

    def recurrent(parameters, random, action, state):
        state, reward, discount = jax.vmap(step)(state, action)
        output = library.RecurrentFnOutput(reward=reward, discount=discount, prior_logits=jax.vmap(legal_logits)(state), value=jnp.zeros(batch))
        return output, state

    @functools.partial(jax.jit, static_argnums=())
    def search(key):
        empty = jnp.zeros((batch, rows, columns), bool)
        state = (empty, empty, jnp.zeros(batch, bool))
        root = library.RootFnOutput(prior_logits=jax.vmap(legal_logits)(state), value=jnp.zeros(batch), embedding=state)
        return library.muzero_policy((), key, root, recurrent, num_simulations=simulations, dirichlet_fraction=0.0).action_weights

    key = jax.random.PRNGKey(0)
    search(key).block_until_ready()  # compiled
    yield None
    while True:
        start = time.process_time(), time.perf_counter()
        search(key).block_until_ready()
        yield {"seconds": time.perf_counter() - start[1], "cpu_seconds": time.process_time() - start[0]}


def main():
    kind = sys.argv[1]
    runs = spiel(sys.argv[2], *map(int, sys.argv[3:6])) if kind == "spiel" else mctx(*map(int, sys.argv[2:4]))
    next(runs)
    print(json.dumps({"ready": True}), flush=True)
    for _ in sys.stdin:
        print(json.dumps(next(runs)), flush=True)


main()
