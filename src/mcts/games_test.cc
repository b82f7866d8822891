// The games of the benchmark: counts of positions that OpenSpiel and the literature agree on, and play.
#include <gtest/gtest.h>

#include <algorithm>

#include "mcts/root_parallel.h"
#include "mcts/search.h"
#include "mcts/test_environments.h"
#include "mcts/test_games.h"

namespace jarvis2::mcts {
namespace {

template <typename G>
std::vector<std::uint64_t> counts(int depth) {
  std::vector<std::uint64_t> result;
  for (int d = 1; d <= depth; ++d) result.push_back(perft<G>(G::root(), d));
  return result;
}

TEST(Games, CountPositionsAsOpenSpielDoes) {
  EXPECT_EQ(counts<ConnectFour>(7), (std::vector<std::uint64_t>{7, 49, 343, 2401, 16807, 117649, 823536}));
  EXPECT_EQ(counts<Othello>(6), (std::vector<std::uint64_t>{4, 12, 56, 244, 1396, 8200}));
  EXPECT_EQ(counts<Go>(2), (std::vector<std::uint64_t>{82, 6643}));
}

TEST(Games, FourInARowEndsTheGame) {
  for (const std::vector<ActionId>& moves :
       {std::vector<ActionId>{0, 1, 0, 1, 0, 1, 0}, {0, 0, 1, 1, 2, 2, 3}, {0, 1, 1, 2, 2, 3, 2, 3, 3, 6, 3}}) {
    ConnectFour::State state;
    for (const ActionId move : moves) {
      ASSERT_FALSE(ConnectFour::terminal(state));
      ConnectFour::apply(state, move);
    }
    EXPECT_TRUE(ConnectFour::terminal(state));
    EXPECT_EQ(ConnectFour::result(state), -1);
  }
}

TEST(Games, GoTakesKoAndForbidsSuicide) {
  Go::State state;
  std::vector<ActionId> legal;
  const auto at = [](int row, int column) { return static_cast<ActionId>(row * 9 + column); };
  // A ko: black surrounds (1,1) from three sides, white (1,2); black takes, white may not take back at once.
  for (const ActionId move :
       {at(0, 1), at(0, 2), at(1, 0), at(1, 3), at(2, 1), at(2, 2), at(8, 8), at(1, 1), at(1, 2)}) {
    Go::apply(state, move);
  }
  EXPECT_EQ(state.stones[at(1, 1)], 0);
  Go::legal(state, legal);
  EXPECT_EQ(std::count(legal.begin(), legal.end(), at(1, 1)), 0);
  Go::apply(state, at(7, 7));
  Go::apply(state, at(6, 6));
  Go::legal(state, legal);
  EXPECT_EQ(std::count(legal.begin(), legal.end(), at(1, 1)), 1);
  // A corner between two black stones is suicide for white.
  Go::State corner;
  for (const ActionId move : {at(0, 1), at(5, 5), at(1, 0)}) Go::apply(corner, move);
  Go::legal(corner, legal);
  EXPECT_EQ(std::count(legal.begin(), legal.end(), at(0, 0)), 0);
  EXPECT_EQ(Go::score(corner), 2 - 1 + 1 - 7.5f);
}

TEST(Games, SearchTakesTheWinAndParriesTheThreat) {
  ConnectFour::State win;
  for (const ActionId move : {3, 0, 3, 0, 3, 1}) ConnectFour::apply(win, static_cast<ActionId>(move));
  const GameEnvironment<ConnectFour> winning(0, win);
  Options options;
  options.normalise = false;
  Search<GameEnvironment<ConnectFour>> search(winning, options);
  const Report report = search.run({2000, 0});
  EXPECT_EQ(best_move(report.edges)->action, 3U);
  EXPECT_EQ(report.ending, Ending::kSolved);  // one way to win is enough
  ConnectFour::State threat;
  for (const ActionId move : {3, 0, 3, 0, 3}) ConnectFour::apply(threat, static_cast<ActionId>(move));
  const GameEnvironment<ConnectFour> parrying(0, threat);
  Search<GameEnvironment<ConnectFour>> defence(parrying, options);
  EXPECT_EQ(best_move(defence.run({3000, 0}).edges)->action, 3U);
  const RootParallelReport many = run_root_parallel(parrying, options, {6000, 0}, 3);
  EXPECT_EQ(best_move(many.edges)->action, 3U);
  EXPECT_EQ(many.simulations, 6000U);
}

TEST(Games, GumbelRootHalvesWhatItConsiders) {
  ConnectFour::State threat;
  for (const ActionId move : {3, 0, 3, 0, 3}) ConnectFour::apply(threat, static_cast<ActionId>(move));
  const GameEnvironment<ConnectFour> environment(0, threat);
  Options options;
  options.normalise = false;
  options.batch = 1;
  Search<GameEnvironment<ConnectFour>> search(environment, options);
  const GumbelReport report = search.run_gumbel({.considered = 8}, {96, 0});
  EXPECT_EQ(report.action, 3U);  // each other move loses at once
  EXPECT_EQ(report.report.simulations, 96U);
  ASSERT_EQ(report.considered.size(), 7U);
  // 7, 4 and 2 actions in three rounds of the same length.
  std::vector<std::uint32_t> rounds;
  for (const auto& [action, stayed] : report.considered) rounds.push_back(stayed);
  std::sort(rounds.rbegin(), rounds.rend());
  EXPECT_EQ(rounds, (std::vector<std::uint32_t>{3, 3, 2, 2, 1, 1, 1}));
  Search<GameEnvironment<ConnectFour>> again(environment, options);
  EXPECT_EQ(again.run_gumbel({.considered = 8}, {96, 0}).considered, report.considered);
}

TEST(Games, GumbelRootFindsInFewVisitsWhatPriorsHide) {
  SetGame game(24, 5, 0, 0);
  Options options;
  options.batch = 1;
  Search<SetGame> search(game, options);
  const GumbelReport report = search.run_gumbel({.considered = 24}, {96, 0});
  double best = -1;
  double found = 0;
  for (ActionId action = 0; action < 24; ++action) {
    const double gain = game.truth(std::uint64_t{1} << action);
    best = std::max(best, gain);
    if (action == report.action) found = gain;
  }
  EXPECT_GT(found, 0.5 * best);
}

TEST(Games, TreeIsReusedAfterAMove) {
  const GameEnvironment<ConnectFour> environment;
  Options options;
  options.normalise = false;
  Search<GameEnvironment<ConnectFour>> search(environment, options);
  const Report before = search.run({500, 0});
  search.advance(before.edges.at(0).action);
  const Report after = search.report();
  std::uint64_t visits = 0;
  for (const EdgeReport& edge : after.edges) visits += edge.visits;
  EXPECT_GT(visits, 10U);
  EXPECT_GT(search.run({100, 0}).edges.size(), 0U);
}

}  // namespace
}  // namespace jarvis2::mcts
