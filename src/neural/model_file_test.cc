#include "neural/model_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "base/error.h"
#include "base/json.h"
#include "neural/networks.h"

namespace jarvis2::neural {
namespace {

Model small_model() {
  Model model;
  model.card.role = "value";
  model.card.layers = {kInputs, 3, 1};
  model.card.parameters = parameter_count(model.card.layers);
  model.card.members = 2;
  model.card.trained_on = {"nbody", "richards"};
  model.card.examples = 120;
  model.card.seeds = {7, 8};
  model.card.train_losses = {0.1, 0.2};
  model.card.holdout_losses = {0.3, 0.4};
  model.card.embedder = "abc";
  model.card.created = "2026-11-22T00:00:00Z";
  for (std::uint64_t seed : model.card.seeds) model.members.push_back(initial_weights(model.card.layers, seed));
  return model;
}

std::string with_header(const std::string& bytes, const std::function<void(Json&)>& change) {
  std::uint64_t length = 0;
  std::memcpy(&length, bytes.data(), 8);
  Json header = Json::parse(bytes.substr(8, length));
  change(header);
  const std::string text = header.dump();
  length = text.size();
  return std::string(reinterpret_cast<const char*>(&length), 8) + text +
         bytes.substr(bytes.size() - 2 * (512 * 3 + 3 + 3 + 1) * 4);
}

TEST(ModelFile, ComesBackAsItWas) {
  const TempDir folder;
  const Model model = small_model();
  save_model(folder.path() / "m", model);
  const Model back = load_model(folder.path() / "m");
  EXPECT_EQ(card_json(back.card), card_json(model.card));
  EXPECT_EQ(card_json(load_card(folder.path() / "m")), card_json(model.card));
  ASSERT_EQ(back.members.size(), 2U);
  EXPECT_EQ(back.members[1].weights, model.members[1].weights);
}

TEST(ModelFile, HalfPrecisionGivesBackWhatWasRounded) {
  const TempDir folder;
  Model model = small_model();
  model.members[0].weights[0][0] = 1e-7f;  // below the smallest normal number
  model.members[0].weights[0][1] = -70000;
  model.members[0].weights[0][2] = 0.1f;
  for (Weights& weights : model.members) round_to_half(weights);
  EXPECT_NEAR(model.members[0].weights[0][0], 1e-7f, 3e-8f);
  EXPECT_EQ(model.members[0].weights[0][1], -65504);
  EXPECT_NEAR(model.members[0].weights[0][2], 0.1f, 1e-4f);
  save_model(folder.path() / "m", model, true);
  const Model back = load_model(folder.path() / "m");
  EXPECT_EQ(back.members[0].weights, model.members[0].weights);
  EXPECT_EQ(back.members[1].biases, model.members[1].biases);
  EXPECT_LT(fs::file_size(folder.path() / "m"), 2 * 2 * (512 * 3 + 3 + 3 + 1) + 3000U);
}

TEST(ModelFile, NamesTheTensorThatIsWrong) {
  const TempDir folder;
  save_model(folder.path() / "m", small_model());
  const std::string bytes = read_file(folder.path() / "m");
  const auto message = [&](const std::function<void(Json&)>& change) {
    try {
      parse_model(with_header(bytes, change), "m");
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string("accepted");
  };
  EXPECT_EQ(message([](Json&) {}), "accepted");
  EXPECT_THAT(message([](Json& header) {
                header["1.0.weight"]["shape"] = {512, 3};
              }),
              testing::HasSubstr("tensor 1.0.weight has shape [512, 3], not [3, 512]"));
  EXPECT_THAT(message([](Json& header) {
                header["0.1.bias"]["data_offsets"] = {0, 1ULL << 40};
              }),
              testing::HasSubstr("tensor 0.1.bias of shape [1] needs 4 bytes"));
  EXPECT_THAT(message([](Json& header) {
                header["0.1.bias"]["shape"] = {1ULL << 62, 4};
              }),
              testing::HasSubstr("does not fit"));
  EXPECT_THAT(message([](Json& header) { header["0.0.bias"]["dtype"] = "I32"; }),
              testing::HasSubstr("I32, neither F32 nor F16"));
  EXPECT_THAT(message([](Json& header) { header.erase("1.1.weight"); }), testing::HasSubstr("1.1.weight is missing"));
  EXPECT_THAT(message([](Json& header) { header.erase("__metadata__"); }), testing::HasSubstr("no card"));
}

// Whatever the bytes: an Error or a model, never a crash.
TEST(ModelFile, SurvivesDamage) {
  const TempDir folder;
  save_model(folder.path() / "m", small_model());
  const std::string bytes = read_file(folder.path() / "m");
  std::mt19937_64 random(1);
  int refused = 0;
  for (int round = 0; round < 400; ++round) {
    std::string damaged = bytes;
    if (round % 2 == 0) damaged.resize(random() % bytes.size());
    for (int change = 0; change < round % 5; ++change) {
      if (!damaged.empty())
        damaged[random() % std::min<std::size_t>(damaged.size(), 2000)] = static_cast<char>(random());
    }
    try {
      parse_model(damaged, "damaged");
    } catch (const Error&) {
      ++refused;
    }
  }
  EXPECT_GT(refused, 200);
}

TEST(Networks, NothingIsReadBeforeUse) {
  const TempDir folder;
  save_model(folder.path() / "value.safetensors", small_model());
  const FileNetworks networks(folder.path());
  EXPECT_EQ(networks.info().at("value").at("trained_on").size(), 2U);
  EXPECT_FALSE(networks.loaded());
  EXPECT_EQ(networks.policy(), nullptr);
  EXPECT_EQ(networks.value().size(), 2U);
  EXPECT_TRUE(networks.loaded());
}

TEST(Networks, AbsentOrForeignWeightsAreSaidSo) {
  const TempDir folder;
  EXPECT_TRUE(open_networks({folder.path()})->value().empty());
  EXPECT_THAT(open_networks({folder.path()})->info().dump(), testing::HasSubstr("no trained weights"));
  save_model(folder.path() / "value.safetensors", small_model());
  EXPECT_EQ(open_networks({folder.path() / "none", folder.path()}, "abc")->value().size(), 2U);
  const std::shared_ptr<const Networks> foreign = open_networks({folder.path()}, "another");
  EXPECT_TRUE(foreign->value().empty());
  EXPECT_THAT(foreign->info().dump(), testing::HasSubstr("another embedding model"));
}

}  // namespace
}  // namespace jarvis2::neural
