#include "mcts/search.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <memory_resource>
#include <new>

#include "base/error.h"
#include "base/json.h"
#include "mcts/test_environments.h"

namespace jarvis2::mcts {
namespace {

std::string action_name(ActionId action) {
  return "a" + std::to_string(action);
}

std::uint64_t set_of(const std::vector<ActionId>& actions) {
  std::uint64_t set = 0;
  for (ActionId action : actions) set |= std::uint64_t{1} << action;
  return set;
}

Options options_for(int threads, std::uint64_t seed = 1) {
  Options options;
  options.threads = threads;
  options.seed = seed;
  return options;
}

TEST(Priors, SurviveQuantisation) {
  EXPECT_EQ(prior_of(quantise_prior(0)), 0);
  EXPECT_EQ(prior_of(quantise_prior(1)), 1);
  for (float prior = 1; prior > 1e-7f; prior *= 0.83f) {
    EXPECT_NEAR(prior_of(quantise_prior(prior)), prior, prior / 2000);
  }
  EXPECT_GT(quantise_prior(0.5f), quantise_prior(0.4999f));
}

// On small graphs the search ends by itself, having seen every state exactly once, with the enumerated optimum.
TEST(Search, EqualsEnumeration) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    const std::size_t actions = 1 + seed % 12;
    const SetGame game(actions, seed);
    const int threads = seed % 3 == 0 ? 3 : 1;
    Options options = options_for(threads, seed);
    options.max_mix = static_cast<float>(seed % 4) / 3;
    options.widening = seed % 5 == 0 ? 1.0f : 0;
    Search<SetGame> search(game, options);
    const Report report = search.run({1'000'000, 0});
    EXPECT_EQ(report.ending, Ending::kSolved) << "seed " << seed;
    EXPECT_TRUE(report.closed);
    const std::set<std::uint64_t> states = game.reachable(0);
    EXPECT_EQ(report.nodes, states.size()) << "seed " << seed;
    EXPECT_EQ(game.evaluations(), states.size()) << "seed " << seed;
    EXPECT_NEAR(report.best, game.best(0), 1e-5) << "seed " << seed;
    EXPECT_NEAR(game.truth(set_of(report.champion.actions)), game.best(0), 1e-5);
    EXPECT_EQ(game.key(set_of(report.champion.actions)), report.champion.key);
    for (const EdgeReport& edge : report.edges) {
      if (edge.action == kStopAction) continue;
      EXPECT_NEAR(edge.best, game.best(std::uint64_t{1} << edge.action), 1e-5) << "seed " << seed;
      EXPECT_TRUE(edge.closed);
    }
  }
}

TEST(Search, VisitsAddUp) {
  const SetGame game(40, 4, 0.3, 0.05);
  Search<SetGame> search(game, options_for(1));
  const Report report = search.run({3000, 0});
  EXPECT_EQ(report.ending, Ending::kSimulations);
  EXPECT_EQ(report.simulations, 3000U);
  std::uint64_t visits = 0;
  for (const EdgeReport& edge : report.edges) visits += edge.visits;
  EXPECT_EQ(visits, 3000U);
  EXPECT_GT(report.transpositions, 0U);
}

TEST(Search, OneThreadIsDeterministic) {
  const SetGame game(40, 7);
  std::string first;
  for (int round = 0; round < 2; ++round) {
    Options options = options_for(1, 99);
    options.dirichlet_alpha = 0.3f;
    Search<SetGame> search(game, options);
    search.run({2000, 0});
    search.run({500, 0});
    const std::string tree = search.to_json(5, 3, action_name).dump();
    if (round == 0) first = tree;
    EXPECT_EQ(tree, first);
  }
  Options other = options_for(1, 100);
  other.dirichlet_alpha = 0.3f;
  Search<SetGame> search(game, other);
  search.run({2500, 0});
  EXPECT_NE(search.to_json(5, 3, action_name).dump(), first);
}

// Interactions that adding up single gains can't see: the search must beat taking every action that helps alone.
TEST(Search, BeatsGreedyWhereActionsInteract) {
  double lost = 0;
  double lost_by_greedy = 0;
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    const SetGame game(20, seed, 0.5, 0.08);
    std::uint64_t greedy = 0;
    std::vector<ActionId> legal;
    for (;;) {
      game.legal(greedy, legal);
      double gain = 1e-9;
      ActionId choice = kStopAction;
      for (ActionId action : legal) {
        const double better = game.truth(greedy | std::uint64_t{1} << action) - game.truth(greedy);
        if (better > gain) {
          gain = better;
          choice = action;
        }
      }
      if (choice == kStopAction) break;
      game.apply(greedy, choice);
    }
    const double best = game.best(0);
    Search<SetGame> search(game, options_for(1, seed));
    lost += best - search.run({2000, 0}).best;
    lost_by_greedy += best - game.truth(greedy);
  }
  EXPECT_LT(lost, lost_by_greedy / 3) << lost << " of " << lost_by_greedy;
}

TEST(Search, VerifiedValuesFlowUp) {
  SetGame game(10, 3, 0.6);
  game.set_additive(true);
  Search<SetGame> search(game, options_for(1));
  search.run({100'000, 0});
  for (int verifications = 0; verifications < 2000; ++verifications) {
    const std::vector<Candidate> next = search.candidates(1);
    if (next.empty()) break;
    EXPECT_FALSE(next[0].exact);
    search.pause([&] { game.verify(set_of(next[0].actions), game.truth(set_of(next[0].actions))); });
  }
  const Report report = search.report();
  EXPECT_TRUE(search.candidates(1).empty());
  EXPECT_TRUE(report.champion.exact);
  EXPECT_NEAR(report.best, game.best(0), 1e-5);
}

TEST(Search, CatalogueGrowsDuringARun) {
  SetGame game(12, 5, 0.3, 0.1);
  game.set_available(6);
  Search<SetGame> search(game, options_for(2));
  const Report before = search.run({1'000'000, 0});
  EXPECT_EQ(before.ending, Ending::kSolved);
  search.pause([&] { game.set_available(9); });
  std::jthread grower([&] { search.pause([&] { game.set_available(12); }); });
  Report report = search.run({1'000'000, 0});
  grower.join();
  report = search.run({1'000'000, 0});
  EXPECT_TRUE(report.closed);
  EXPECT_EQ(report.nodes, game.reachable(0).size());
  EXPECT_NEAR(report.best, game.best(0), 1e-5);
}

TEST(Search, StaysWithinItsLimit) {
  const SetGame game(60, 11, 0.1, 0.02);
  Options options = options_for(2);
  options.limit_bytes = 1 << 20;
  Search<SetGame> search(game, options);
  float best = -1;
  for (int round = 0; round < 5; ++round) {
    const Report report = search.run({6000, 0});
    EXPECT_LE(report.bytes, options.limit_bytes);
    EXPECT_GT(report.simulations, 0U);
    EXPECT_GE(report.best, best);
    best = report.best;
  }
  EXPECT_GT(search.report().nodes, 10U);
}

// One refusal, wherever it comes, costs no more than what was asked for: the search lives on and its counts add up.
TEST(Search, SurvivesTheNthRefusal) {
  class Once final : public std::pmr::memory_resource {
   public:
    explicit Once(int at) : left_(at) {}
    bool refused() const { return left_ < 0; }
    std::size_t out = 0;

   private:
    void* do_allocate(std::size_t bytes, std::size_t alignment) override {
      if (left_-- == 0) throw std::bad_alloc();
      void* const made = std::pmr::new_delete_resource()->allocate(bytes, alignment);
      out += bytes;
      return made;
    }
    void do_deallocate(void* pointer, std::size_t bytes, std::size_t alignment) override {
      out -= bytes;
      std::pmr::new_delete_resource()->deallocate(pointer, bytes, alignment);
    }
    bool do_is_equal(const memory_resource& other) const noexcept override { return this == &other; }
    int left_;
  };
  const SetGame game(60, 12, 0.1, 0.02);
  bool refused = true;
  for (int n = 0; refused; ++n) {
    ASSERT_LT(n, 500);
    Once memory(n);
    {
      Options options = options_for(1);
      options.memory = &memory;
      Search<SetGame> search(game, options);
      search.run({1500, 0});
      refused = memory.refused();
      const Report report = search.run({300, 0});  // whatever befell the first, there is memory now
      EXPECT_GT(report.simulations, 0U) << n;
      EXPECT_GT(report.nodes, 10U) << n;
    }
    EXPECT_EQ(memory.out, 0U) << n;
  }
}

// A zone that runs dry behaves like the limit, wherever it happens.
TEST(Search, SurvivesAnEmptyZone) {
  class Dry final : public std::pmr::memory_resource {
   public:
    explicit Dry(int left) : left_(left) {}

   private:
    void* do_allocate(std::size_t bytes, std::size_t alignment) override {
      if (left_-- <= 0) throw std::bad_alloc();
      return std::pmr::new_delete_resource()->allocate(bytes, alignment);
    }
    void do_deallocate(void* pointer, std::size_t bytes, std::size_t alignment) override {
      std::pmr::new_delete_resource()->deallocate(pointer, bytes, alignment);
    }
    bool do_is_equal(const memory_resource& other) const noexcept override { return this == &other; }
    int left_;
  };
  const SetGame game(60, 12, 0.1, 0.02);
  for (int allocations = 0; allocations < 8; ++allocations) {
    Dry zone(allocations);
    Options options = options_for(1);
    options.memory = &zone;
    Search<SetGame> search(game, options);
    const Report report = search.run({4000, 0});
    if (allocations < 2) {
      EXPECT_EQ(report.ending, Ending::kFull);
    } else {
      EXPECT_GT(report.simulations, 100U) << allocations;
    }
  }
}

TEST(Search, ThreadsFindWhatOneFinds) {
  const SetGame game(28, 21, 0.4, 0.1);
  Search<SetGame> one(game, options_for(1));
  Search<SetGame> four(game, options_for(4));
  const Report a = one.run({8000, 0});
  const Report b = four.run({8000, 0});
  EXPECT_EQ(b.simulations, 8000U);
  EXPECT_NEAR(a.best, b.best, 0.03);
}

TEST(Search, StopsWhenAsked) {
  const SetGame game(60, 1, 0.1, 0.02);
  Search<SetGame> search(game, options_for(2));
  std::stop_source stop;
  std::jthread other([&] {
    while (game.evaluations() < 500) std::this_thread::yield();
    stop.request_stop();
  });
  const Report report = search.run({1'000'000'000, 0}, stop.get_token());
  EXPECT_EQ(report.ending, Ending::kStopped);
  EXPECT_EQ(search.run({1'000'000'000, 0.02}).ending, Ending::kTime);
}

TEST(Search, LivesOnAfterTheEvaluatorFailed) {
  SetGame game(10, 8);
  game.throw_at(20);
  Search<SetGame> search(game, options_for(2));
  EXPECT_THROW(search.run({1'000'000, 0}), std::runtime_error);
  const Report report = search.run({1'000'000, 0});
  EXPECT_TRUE(report.closed);
  EXPECT_NEAR(report.best, game.best(0), 1e-5);
}

TEST(Search, SolvesATwoPlayerGame) {
  const TicTacToe game;
  Options options = options_for(1);
  options.normalise = false;
  Search<TicTacToe> search(game, options);
  Report report = search.run({200'000, 0});
  EXPECT_TRUE(report.closed);
  EXPECT_LE(report.nodes, 5478U);  // positions of the game; a proven win saves some
  EXPECT_FLOAT_EQ(report.best, 0);
  for (const EdgeReport& edge : report.edges) EXPECT_FLOAT_EQ(edge.best, 0);
  // After a corner, an edge beside it loses: 0 to move again wins.
  search.advance(0);
  search.advance(1);
  report = search.run({10, 0});
  float best = -1;
  for (const EdgeReport& edge : report.edges) best = std::max(best, edge.best);
  EXPECT_FLOAT_EQ(best, 1);
}

TEST(Search, WideningOpensTheLikelyFirst) {
  const SetGame game(50, 2, 0.1, 0);
  Options options = options_for(1);
  options.widening = 1;
  options.widening_power = 0.5f;
  options.batch = 1;
  Search<SetGame> search(game, options);
  const Report report = search.run({100, 0});
  std::size_t open = 0;
  float least = 1;
  float most_closed = 0;
  for (const EdgeReport& edge : report.edges) {
    if (edge.visits > 0) {
      ++open;
      least = std::min(least, edge.prior);
    } else {
      most_closed = std::max(most_closed, edge.prior);
    }
  }
  EXPECT_LE(open, 11U);
  EXPECT_GE(least, most_closed);
}

TEST(Search, ExportsTheTree) {
  const SetGame game(8, 2);
  Search<SetGame> search(game, options_for(1));
  search.run({200, 0});
  const Json json = search.to_json(3, 2, action_name);
  EXPECT_EQ(json.at("edges").size(), 3U);
  EXPECT_GT(json.at("edges")[0].at("visits").get<int>(), 0);
  const std::string dot = search.to_graphviz(3, 2, [](ActionId) { return std::string("say \"hi\"\n"); });
  EXPECT_THAT(dot, testing::StartsWith("digraph"));
  EXPECT_THAT(dot, testing::HasSubstr("say \\\"hi\\\""));
}

TEST(Search, RefusesNonsense) {
  class Bad : public SetGame {
   public:
    using SetGame::SetGame;
    void evaluate(std::span<const Leaf<State>> leaves, std::span<Evaluation> results) const {
      SetGame::evaluate(leaves, results);
      results[0].value = std::nanf("");
    }
  };
  const Bad game(5, 1);
  Search<Bad> search(game, options_for(1));
  EXPECT_THROW(search.run({10, 0}), Error);
  Options options;
  options.limit_bytes = 1000;
  EXPECT_THROW(Search<SetGame>(game, options), Error);
}

}  // namespace
}  // namespace jarvis2::mcts
