// Games in the benchmark: one timed search, perft and playouts for the cross-check, a match, a soak.
#pragma once

#include <cstdint>
#include <string>

#include "base/json_fwd.h"

namespace jarvis2::bench {

struct GameRun {
  std::string game = "connect_four";  // othello, go
  int playouts = 0;                   // random games a state; 0: constant evaluator
  std::uint64_t simulations = 10'000;
  int threads = 1;
  int batch = 1;
  std::size_t limit_bytes = std::size_t{1} << 30;
  std::uint64_t seed = 1;
};

// A search from the start: seconds, and where they go (tree, game, evaluator), measured on its own thread.
Json time_game(const GameRun& run);
Json perft_game(const std::string& game, int depth);
// Random games: each move with the number and a hash of the legal actions, and the result for the first player.
Json playouts_of(const std::string& game, int count, std::uint64_t seed);
// `run.threads` threads against one at equal simulations, both sides alternating: score of the many.
Json match(const GameRun& run, int games);
// Simulations until `total` in one tree that stays within its limit; the process's memory along the way.
Json soak(const GameRun& run, std::uint64_t total);

}  // namespace jarvis2::bench
