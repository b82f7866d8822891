#include "games.h"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <fstream>
#include <random>

#include "base/error.h"
#include "base/json.h"
#include "mcts/search.h"
#include "mcts/test_games.h"

namespace jarvis2::bench {
namespace {

using mcts::ActionId;
using mcts::ConnectFour;
using mcts::GameEnvironment;
using mcts::Go;
using mcts::Othello;

template <typename F>
Json with_game(const std::string& name, F&& work) {
  if (name == "connect_four") return work(ConnectFour());
  if (name == "othello") return work(Othello());
  if (name == "go") return work(Go());
  throw Error("bench::games", "no game is called " + name + "; there are connect_four, othello, go");
}

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

mcts::Options options_of(const GameRun& run) {
  mcts::Options options;
  options.normalise = false;
  options.c_puct = 2;
  options.threads = run.threads;
  options.batch = run.batch;
  options.limit_bytes = run.limit_bytes;
  options.seed = run.seed;
  return options;
}

// Counts what a search asks of its environment, so that the same calls can be timed alone.
template <typename G>
class Counting {
 public:
  static constexpr int kPlayers = 2;
  static constexpr bool kStop = false;
  using State = typename G::State;
  State root() const { return G::root(); }
  void legal(const State& state, std::vector<ActionId>& actions) const {
    ++legal_calls;
    if (states.size() < 4096 && legal_calls % 7 == 0) states.push_back(state);
    G::legal(state, actions);
  }
  void apply(State& state, ActionId action) const {
    ++applied;
    G::apply(state, action);
  }
  std::uint64_t key(const State& state) const { return G::key(state); }
  std::uint64_t version() const { return 1; }
  void evaluate(std::span<const mcts::Leaf<State>> leaves, std::span<mcts::Evaluation> results) const {
    GameEnvironment<G>().evaluate(leaves, results);
  }
  mutable std::uint64_t legal_calls = 0;
  mutable std::uint64_t applied = 0;
  mutable std::vector<State> states;
};

std::uint64_t resident_bytes() {
  std::ifstream file("/proc/self/status");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("VmRSS:")) return std::stoull(line.substr(6)) * 1024;
  }
  return 0;
}

}  // namespace

Json time_game(const GameRun& run) {
  return with_game(run.game, [&](auto game) -> Json {
    using G = decltype(game);
    const GameEnvironment<G> environment(run.playouts);
    mcts::Search<GameEnvironment<G>> search(environment, options_of(run));
    const std::clock_t before = std::clock();
    const mcts::Report report = search.run({run.simulations, 0});
    const double cpu_seconds = static_cast<double>(std::clock() - before) / CLOCKS_PER_SEC;
    Json json = {{"simulations", report.simulations},
                 {"seconds", report.seconds},
                 {"cpu_seconds", cpu_seconds},
                 {"nodes", report.nodes},
                 {"bytes", report.bytes},
                 {"evaluations", report.evaluations},
                 {"evaluate_seconds", report.evaluate_seconds}};
    if (run.threads > 1) return json;
    // The game's part: as many legal(), apply() and key() calls as that search made, on states it met.
    const Counting<G> counting;
    mcts::Search<Counting<G>>(counting, options_of(run)).run({run.simulations, 0});
    std::vector<ActionId> actions;
    std::uint64_t sink = 0;
    std::size_t legal = 0;
    std::size_t apply = 0;
    const double start = now();
    for (std::uint64_t i = 0; i < counting.legal_calls; ++i) {
      G::legal(counting.states[i % counting.states.size()], actions);
      sink += actions.size();
      ++legal;
    }
    const double middle = now();
    typename G::State state;
    for (std::uint64_t i = 0; i < counting.applied; ++i) {
      if (i % 8 == 0) state = counting.states[i / 8 % counting.states.size()];
      G::legal(state, actions);
      if (actions.empty()) {
        state = G::root();
        G::legal(state, actions);
      }
      G::apply(state, actions[i % actions.size()]);
      sink += G::key(state);
      ++apply;
    }
    // The second loop asks for legal moves too, in order to have one: taken off again.
    const double each_legal = (middle - start) / static_cast<double>(legal);
    json["game_seconds"] = (middle - start) + std::max(0.0, now() - middle - each_legal * static_cast<double>(apply));
    json["sink"] = sink % 2;
    return json;
  });
}

Json perft_game(const std::string& game, int depth) {
  return with_game(game, [&](auto one) -> Json {
    using G = decltype(one);
    Json counts = Json::array();
    for (int d = 1; d <= depth; ++d) counts.push_back(mcts::perft<G>(G::root(), d));
    return {{"game", G::kName}, {"perft", counts}};
  });
}

Json playouts_of(const std::string& game, int count, std::uint64_t seed) {
  return with_game(game, [&](auto one) -> Json {
    using G = decltype(one);
    std::mt19937_64 random(seed);
    Json games = Json::array();
    for (int i = 0; i < count; ++i) {
      typename G::State state = G::root();
      std::vector<ActionId> legal;
      Json moves = Json::array();
      Json sums = Json::array();
      float sign = 1;
      for (;;) {
        G::legal(state, legal);
        std::uint64_t sum = legal.size();
        for (const ActionId action : legal) sum = sum * 31 + action;
        sums.push_back(sum % 1'000'000'007);
        if (legal.empty()) break;
        const ActionId move = legal[random() % legal.size()];
        moves.push_back(move);
        G::apply(state, move);
        sign = -sign;
      }
      games.push_back({{"moves", moves}, {"legal", sums}, {"first_player", sign * G::result(state)}});
    }
    return {{"game", G::kName}, {"playouts", games}};
  });
}

Json match(const GameRun& run, int games) {
  return with_game(run.game, [&](auto one) -> Json {
    using G = decltype(one);
    double score = 0;
    double squares = 0;
    for (int game = 0; game < games; ++game) {
      // Pairs of games share an opening of two random moves, each side once first.
      std::mt19937_64 random(run.seed + static_cast<std::uint64_t>(game / 2));
      typename G::State state = G::root();
      std::vector<ActionId> legal;
      for (int i = 0; i < 2; ++i) {
        G::legal(state, legal);
        G::apply(state, legal[random() % legal.size()]);
      }
      bool many = game % 2 == 0;
      float sign = 1;  // of the player to move: the many's side
      if (!many) sign = -1;
      for (;;) {
        G::legal(state, legal);
        if (legal.empty()) break;
        GameRun mine = run;
        mine.seed = run.seed * 1000 + static_cast<std::uint64_t>(game);
        if (!many) mine.threads = 1;
        const GameEnvironment<G> environment(std::max(1, run.playouts), state);
        mcts::Search<GameEnvironment<G>> search(environment, options_of(mine));
        const mcts::Report report = search.run({run.simulations, 0});
        G::apply(state, mcts::best_move(report.edges)->action);
        many = !many;
        sign = -sign;
      }
      const double points = 0.5 + 0.5 * static_cast<double>(sign * G::result(state));
      score += points;
      squares += points * points;
    }
    const double mean = score / games;
    const double error = std::sqrt(std::max(0.0, squares / games - mean * mean) / games);
    return {{"score", mean}, {"standard_error", error}, {"games", games}, {"threads", run.threads}};
  });
}

Json soak(const GameRun& run, std::uint64_t total) {
  return with_game(run.game, [&](auto one) -> Json {
    using G = decltype(one);
    const GameEnvironment<G> environment(0);
    mcts::Search<GameEnvironment<G>> search(environment, options_of(run));
    Json json = {{"limit_bytes", run.limit_bytes}, {"resident", Json::array()}};
    std::uint64_t done = 0;
    std::uint64_t prunes = 0;
    std::size_t most = 0;
    double seconds = 0;
    const std::uint64_t part = std::max<std::uint64_t>(1, total / 20);
    while (done < total) {
      const mcts::Report report = search.run({part, 0});
      done += report.simulations;
      prunes += report.prunes;
      most = std::max(most, report.bytes);
      seconds += report.seconds;
      json["resident"].push_back(resident_bytes());
      if (report.ending != mcts::Ending::kSimulations) break;
    }
    json["simulations"] = done;
    json["prunes"] = prunes;
    json["most_bytes"] = most;
    json["seconds"] = seconds;
    return json;
  });
}

}  // namespace jarvis2::bench
