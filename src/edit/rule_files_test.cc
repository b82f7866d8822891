// Every rule file: its examples give exactly the stated results, its counter-examples are left alone.
#include <gtest/gtest.h>

#include "base/files.h"
#include "base/hash.h"
#include "edit/rule.h"
#include "edit/text_rule.h"

namespace jarvis2::edit {
namespace {

std::vector<std::string> rule_files() {
  std::vector<std::string> files;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(JARVIS2_SOURCE_DIR "/rules")) {
    if (entry.path().extension() != ".yaml" || entry.path().parent_path().filename() == "text") continue;
    files.push_back(entry.path().string());
  }
  std::sort(files.begin(), files.end());
  return files;
}

struct Sample {
  code::Workspace workspace;
  const code::SourceFile* file = nullptr;
  Sample(code::Language language, const std::string& text) {
    const std::string path = language == code::Language::kPython ? "a.py"
                             : language == code::Language::kC    ? "a.c"
                                                                 : "a.cc";
    workspace.add({path, sha256_hex(text), true, code::Tree::parse(language, text)});
    file = workspace.find(path);
  }
};

class RuleFile : public testing::TestWithParam<std::string> {};

TEST_P(RuleFile, ExamplesGiveWhatTheySay) {
  const std::shared_ptr<const Rule> rule = load_rule(GetParam());
  for (const CompiledRule& compiled : rule->compiled) {
    const std::string in = std::string(" in ") + std::string(code::language_name(compiled.language));
    for (const Example& example : rule->examples) {
      const Sample sample(compiled.language, example.before);
      EXPECT_FALSE(sample.file->tree->root().has_error()) << rule->file << ":" << example.line << in;
      const std::vector<Finding> findings = find(*rule, sample.workspace, *sample.file);
      EXPECT_FALSE(findings.empty()) << rule->file << ":" << example.line << ": no match" << in;
      EXPECT_EQ(apply_findings(example.before, findings), example.after) << rule->file << ":" << example.line << in;
      const Sample after(compiled.language, example.after);
      EXPECT_FALSE(after.file->tree->root().has_error()) << rule->file << ":" << example.line << ": result" << in;
    }
    for (const Example& example : rule->no_match) {
      const Sample sample(compiled.language, example.before);
      EXPECT_FALSE(sample.file->tree->root().has_error()) << rule->file << ":" << example.line << in;
      for (const Finding& finding : find(*rule, sample.workspace, *sample.file)) {
        EXPECT_TRUE(finding.changes.empty() && rule->category.empty())
            << rule->file << ":" << example.line << in << ": " << finding.message;
      }
    }
  }
}

TEST(TextRules, ExamplesAreFoundAndCounterExamplesAreNot) {
  const std::vector<TextRule> rules = load_text_rules(JARVIS2_SOURCE_DIR "/rules");
  ASSERT_FALSE(rules.empty());
  for (const TextRule& rule : rules) {
    const std::vector<TextRule> alone = {rule};
    const TextRules matcher(alone);
    const auto count = [&](const TextExample& example) {
      code::Workspace workspace;
      workspace.add({example.path, "", true, code::Tree::parse(code::language_of(example.path), example.text)});
      return matcher.find(workspace, 1)[0].size();
    };
    for (const TextExample& example : rule.examples) {
      EXPECT_EQ(count(example), 1u) << rule.file << ":" << example.line;
    }
    for (const TextExample& example : rule.no_match) EXPECT_EQ(count(example), 0u) << rule.file << ":" << example.line;
  }
}

INSTANTIATE_TEST_SUITE_P(Rules, RuleFile, testing::ValuesIn(rule_files()), [](const auto& param) {
  const fs::path path = param.param;
  std::string name = path.parent_path().filename().string() + "_" + path.stem().string();
  for (char& c : name) c = std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
  return name;
});

}  // namespace
}  // namespace jarvis2::edit
