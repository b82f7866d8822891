// Two-player games for tests and benchmarks, with OpenSpiel's rules and numbering of actions (bench/mcts/crosscheck.py
// compares them move by move). Results are seen by the player to move: 1 won, 0 drawn, -1 lost.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <span>
#include <vector>

#include "mcts/environment.h"

namespace jarvis2::mcts {

inline std::uint64_t scrambled(std::uint64_t x) {
  x += 0x9E3779B97F4A7C15ULL;
  x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9ULL;
  x = (x ^ x >> 27) * 0x94D049BB133111EBULL;
  return x ^ x >> 31;
}

// Seven columns of six rows, a column in seven bits (the top one stays empty).
struct ConnectFour {
  static constexpr const char* kName = "connect_four";
  struct State {
    std::uint64_t mine = 0;  // of the player to move
    std::uint64_t all = 0;
    bool lost = false;  // the other has four in a row
  };
  static State root() { return {}; }
  static bool terminal(const State& state) { return state.lost || state.all == kFull; }
  static float result(const State& state) { return state.lost ? -1.0f : 0.0f; }
  static void legal(const State& state, std::vector<ActionId>& actions) {
    actions.clear();
    if (terminal(state)) return;
    for (ActionId column = 0; column < 7; ++column) {
      if ((state.all >> (column * 7 + 5) & 1) == 0) actions.push_back(column);
    }
  }
  static void apply(State& state, ActionId column) {
    const std::uint64_t stone =
        (state.all + (std::uint64_t{1} << (column * 7))) & (std::uint64_t{0x3F} << (column * 7));
    const std::uint64_t moved = state.mine | (stone & ~state.all);
    state.mine ^= state.all;
    state.all |= stone;
    state.lost = four(moved);
  }
  static std::uint64_t key(const State& state) { return scrambled(state.mine + state.all + kBottom); }

 private:
  static constexpr std::uint64_t kBottom = 0x40810204081ULL;
  static constexpr std::uint64_t kFull = kBottom * 0x3F;
  static bool four(std::uint64_t stones) {
    for (const int step : {1, 6, 7, 8}) {
      const std::uint64_t pairs = stones & stones >> step;
      if ((pairs & pairs >> (2 * step)) != 0) return true;
    }
    return false;
  }
};

// Squares row by row from a1; 64 passes. A player passes only when there is no move; the game ends when both can't.
struct Othello {
  static constexpr const char* kName = "othello";
  static constexpr ActionId kPass = 64;
  struct State {
    std::uint64_t mine = std::uint64_t{1} << 28 | std::uint64_t{1} << 35;  // black begins
    std::uint64_t theirs = std::uint64_t{1} << 27 | std::uint64_t{1} << 36;
    bool white = false;
  };
  static State root() { return {}; }
  static std::uint64_t moves(std::uint64_t mine, std::uint64_t theirs) {
    std::uint64_t found = 0;
    for (const Step& step : kSteps) {
      std::uint64_t line = shift(mine, step) & theirs;
      for (int i = 0; i < 5; ++i) line |= shift(line, step) & theirs;
      found |= shift(line, step) & ~(mine | theirs);
    }
    return found;
  }
  static bool terminal(const State& state) {
    return moves(state.mine, state.theirs) == 0 && moves(state.theirs, state.mine) == 0;
  }
  static float result(const State& state) {
    const int difference = std::popcount(state.mine) - std::popcount(state.theirs);
    return difference > 0 ? 1.0f : difference < 0 ? -1.0f : 0.0f;
  }
  static void legal(const State& state, std::vector<ActionId>& actions) {
    actions.clear();
    std::uint64_t open = moves(state.mine, state.theirs);
    if (open == 0 && moves(state.theirs, state.mine) != 0) actions.push_back(kPass);
    for (; open != 0; open &= open - 1) actions.push_back(static_cast<ActionId>(std::countr_zero(open)));
  }
  static void apply(State& state, ActionId action) {
    if (action != kPass) {
      const std::uint64_t stone = std::uint64_t{1} << action;
      std::uint64_t flipped = 0;
      for (const Step& step : kSteps) {
        std::uint64_t line = 0;
        std::uint64_t at = shift(stone, step);
        for (; (at & state.theirs) != 0; at = shift(at, step)) line |= at;
        if ((at & state.mine) != 0) flipped |= line;
      }
      state.mine |= stone | flipped;
      state.theirs &= ~flipped;
    }
    std::swap(state.mine, state.theirs);
    state.white = !state.white;
  }
  static std::uint64_t key(const State& state) {
    return scrambled(state.mine) ^ scrambled(~state.theirs) * 3 ^ (state.white ? 0x5851F42D4C957F2DULL : 0);
  }

 private:
  struct Step {
    int by;
    std::uint64_t inside;  // where a stone may arrive
  };
  static constexpr std::uint64_t kNotFirst = 0xFEFEFEFEFEFEFEFEULL;
  static constexpr std::uint64_t kNotLast = 0x7F7F7F7F7F7F7F7FULL;
  static constexpr std::uint64_t kAny = ~std::uint64_t{0};
  static constexpr std::array<Step, 8> kSteps = {{{1, kNotFirst},
                                                  {-1, kNotLast},
                                                  {8, kAny},
                                                  {-8, kAny},
                                                  {9, kNotFirst},
                                                  {7, kNotLast},
                                                  {-7, kNotFirst},
                                                  {-9, kNotLast}}};
  static std::uint64_t shift(std::uint64_t stones, const Step& step) {
    return (step.by > 0 ? stones << step.by : stones >> -step.by) & step.inside;
  }
};

// 9×9, Tromp-Taylor score with komi 7.5, no suicide, simple ko. As in OpenSpiel a position that was there before ends
// the game without a winner, and so do 162 moves with the score. 81 passes.
struct Go {
  static constexpr const char* kName = "go(board_size=9,komi=7.5)";
  static constexpr int kSize = 9;
  static constexpr int kPoints = kSize * kSize;
  static constexpr ActionId kPass = kPoints;
  static constexpr int kMostMoves = 2 * kPoints;
  struct State {
    std::array<std::uint8_t, kPoints> stones{};  // 0 empty, 1 black, 2 white
    std::uint8_t to_move = 1;
    std::uint8_t passes = 0;
    std::uint8_t ko = kPoints;  // may not be taken back now
    bool repeated = false;
    std::uint64_t board = 0;            // hash of the stones
    std::vector<std::uint64_t> before;  // boards before this one
    int moves = 0;
  };
  static State root() { return {}; }
  static bool terminal(const State& state) { return state.passes >= 2 || state.moves >= kMostMoves || state.repeated; }
  static float result(const State& state) {
    if (state.repeated) return 0;
    const float black = score(state);
    return (black > 0) == (state.to_move == 1) ? 1.0f : -1.0f;
  }
  static void legal(const State& state, std::vector<ActionId>& actions) {
    actions.clear();
    if (terminal(state)) return;
    const Groups groups(state);
    for (ActionId point = 0; point < kPoints; ++point) {
      if (state.stones[point] == 0 && point != state.ko && groups.bears(state, point)) actions.push_back(point);
    }
    actions.push_back(kPass);
  }
  static void apply(State& state, ActionId action) {
    state.before.push_back(state.board);
    ++state.moves;
    const std::uint8_t other = static_cast<std::uint8_t>(3 - state.to_move);
    state.ko = kPoints;
    if (action == kPass) {
      ++state.passes;
      state.to_move = other;
      return;
    }
    state.passes = 0;
    put(state, action, state.to_move);
    int taken = 0;
    std::uint8_t last = kPoints;
    bool alone = true;
    for (const std::uint8_t next : around(action)) {
      if (next == kPoints) break;
      if (state.stones[next] == state.to_move || state.stones[next] == 0) alone = false;
      if (state.stones[next] == other) taken += take_if_dead(state, next, last);
    }
    // What was taken alone by a stone that stands alone: taking it back would restore the board.
    if (taken == 1 && alone) state.ko = last;
    state.to_move = other;
    for (std::size_t i = state.before.size(); i-- > 0 && !state.repeated;)
      state.repeated = state.before[i] == state.board;
  }
  static std::uint64_t key(const State& state) {
    // With the number of moves: no cycles.
    return state.board ^ scrambled(1000 + static_cast<std::uint64_t>(state.moves) * 1024 + state.ko * 4 + state.passes +
                                   (state.repeated ? 512 : 0));
  }
  // Black's points less white's and komi.
  static float score(const State& state) {
    float total = -7.5f;
    std::array<bool, kPoints> seen{};
    std::array<std::uint8_t, kPoints> stack{};
    for (int start = 0; start < kPoints; ++start) {
      const std::uint8_t stone = state.stones[static_cast<std::size_t>(start)];
      if (stone != 0) {
        total += stone == 1 ? 1.0f : -1.0f;
        continue;
      }
      if (seen[static_cast<std::size_t>(start)]) continue;
      int top = 0;
      int size = 0;
      unsigned borders = 0;
      stack[static_cast<std::size_t>(top++)] = static_cast<std::uint8_t>(start);
      seen[static_cast<std::size_t>(start)] = true;
      while (top > 0) {
        const std::uint8_t at = stack[static_cast<std::size_t>(--top)];
        ++size;
        for (const std::uint8_t next : around(at)) {
          if (next == kPoints) break;
          if (state.stones[next] != 0) {
            borders |= state.stones[next];
          } else if (!seen[next]) {
            seen[next] = true;
            stack[static_cast<std::size_t>(top++)] = next;
          }
        }
      }
      if (borders == 1) total += static_cast<float>(size);
      if (borders == 2) total -= static_cast<float>(size);
    }
    return total;
  }

 private:
  using Around = std::array<std::uint8_t, 4>;  // kPoints ends the list
  static const Around& around(ActionId point) {
    static const std::array<Around, kPoints> table = [] {
      std::array<Around, kPoints> made{};
      for (int point_at = 0; point_at < kPoints; ++point_at) {
        Around& list = made[static_cast<std::size_t>(point_at)];
        list.fill(kPoints);
        std::size_t count = 0;
        if (point_at % kSize > 0) list[count++] = static_cast<std::uint8_t>(point_at - 1);
        if (point_at % kSize < kSize - 1) list[count++] = static_cast<std::uint8_t>(point_at + 1);
        if (point_at >= kSize) list[count++] = static_cast<std::uint8_t>(point_at - kSize);
        if (point_at < kPoints - kSize) list[count++] = static_cast<std::uint8_t>(point_at + kSize);
      }
      return made;
    }();
    return table[point];
  }
  static std::uint64_t stone_key(ActionId point, std::uint8_t colour) {
    static const std::array<std::uint64_t, 3 * kPoints> table = [] {
      std::array<std::uint64_t, 3 * kPoints> made{};
      for (std::size_t i = 0; i < made.size(); ++i) made[i] = scrambled(i + 77);
      return made;
    }();
    return table[colour * kPoints + point];
  }
  static void put(State& state, ActionId point, std::uint8_t colour) {
    state.stones[point] = colour;
    state.board ^= stone_key(point, colour);
  }
  // Takes the chain at `start` off the board when it has no liberty; how many stones.
  static int take_if_dead(State& state, std::uint8_t start, std::uint8_t& last) {
    const std::uint8_t colour = state.stones[start];
    std::array<std::uint8_t, kPoints> chain{};
    std::array<bool, kPoints> seen{};
    int size = 0;
    chain[static_cast<std::size_t>(size++)] = start;
    seen[start] = true;
    for (int i = 0; i < size; ++i) {
      for (const std::uint8_t next : around(chain[static_cast<std::size_t>(i)])) {
        if (next == kPoints) break;
        if (state.stones[next] == 0) return 0;
        if (state.stones[next] == colour && !seen[next]) {
          seen[next] = true;
          chain[static_cast<std::size_t>(size++)] = next;
        }
      }
    }
    for (int i = 0; i < size; ++i) {
      const std::uint8_t point = chain[static_cast<std::size_t>(i)];
      state.board ^= stone_key(point, colour);
      state.stones[point] = 0;
    }
    last = start;
    return size;
  }
  // Chains with their liberties counted as far as two: enough to tell which points a player may take.
  struct Groups {
    std::array<std::uint8_t, kPoints> chain{};
    std::array<std::uint8_t, kPoints> first{};  // a liberty of the chain
    std::array<std::uint8_t, kPoints> count{};  // 0, 1, or 2 for more
    explicit Groups(const State& state) {
      chain.fill(kPoints);
      std::array<std::uint8_t, kPoints> stack{};
      for (std::uint8_t start = 0; start < kPoints; ++start) {
        if (state.stones[start] == 0 || chain[start] != kPoints) continue;
        int top = 0;
        std::uint8_t seen = 0;
        std::uint8_t liberty = kPoints;
        stack[static_cast<std::size_t>(top++)] = start;
        chain[start] = start;
        while (top > 0) {
          const std::uint8_t at = stack[static_cast<std::size_t>(--top)];
          for (const std::uint8_t next : around(at)) {
            if (next == kPoints) break;
            if (state.stones[next] == 0) {
              if (seen == 0 || (seen == 1 && next != liberty)) ++seen;
              if (liberty == kPoints) liberty = next;
            } else if (state.stones[next] == state.stones[start] && chain[next] == kPoints) {
              chain[next] = start;
              stack[static_cast<std::size_t>(top++)] = next;
            }
          }
        }
        first[start] = liberty;
        count[start] = seen;
      }
    }
    // The player to move may play here: something is free, joined or taken.
    bool bears(const State& state, ActionId point) const {
      for (const std::uint8_t next : around(point)) {
        if (next == kPoints) break;
        const std::uint8_t stone = state.stones[next];
        if (stone == 0) return true;
        const std::uint8_t liberties = count[chain[next]];
        if (stone == state.to_move ? liberties >= 2 : liberties == 1) return true;
      }
      return false;
    }
  };
};

// A game as an environment: all priors equal; a state is worth nothing until the game ends, or what a random game from
// it comes to.
template <typename G>
class GameEnvironment {
 public:
  static constexpr int kPlayers = 2;
  static constexpr bool kStop = false;
  using State = typename G::State;
  // `playouts` random games a state; 0: the constant evaluator.
  explicit GameEnvironment(int playouts = 0, State start = G::root()) : playouts_(playouts), root_(std::move(start)) {}
  State root() const { return root_; }
  void legal(const State& state, std::vector<ActionId>& actions) const { G::legal(state, actions); }
  void apply(State& state, ActionId action) const { G::apply(state, action); }
  std::uint64_t key(const State& state) const { return G::key(state); }
  std::uint64_t version() const { return 1; }
  void evaluate(std::span<const Leaf<State>> leaves, std::span<Evaluation> results) const {
    for (std::size_t i = 0; i < leaves.size(); ++i) {
      if (leaves[i].actions.empty()) {
        results[i].value = G::result(*leaves[i].state);
        results[i].exact = true;
      } else if (playouts_ > 0) {
        float sum = 0;
        for (int game = 0; game < playouts_; ++game) sum += playout(*leaves[i].state);
        results[i].value = sum / static_cast<float>(playouts_);
      }
    }
  }
  static float playout(State state) {
    thread_local std::vector<ActionId> actions;
    thread_local std::uint64_t random = 1;
    for (float sign = 1;; sign = -sign) {
      G::legal(state, actions);
      if (actions.empty()) return sign * G::result(state);
      random = random * 6364136223846793005ULL + 1442695040888963407ULL;
      G::apply(state, actions[(random >> 33) % actions.size()]);
    }
  }

 private:
  int playouts_;
  State root_;
};

template <typename G>
std::uint64_t perft(const typename G::State& state, int depth) {
  if (depth == 0) return 1;
  std::vector<ActionId> actions;
  G::legal(state, actions);
  std::uint64_t count = 0;
  for (const ActionId action : actions) {
    typename G::State next = state;
    G::apply(next, action);
    count += perft<G>(next, depth - 1);
  }
  return count;
}

}  // namespace jarvis2::mcts
