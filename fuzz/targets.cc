#include "targets.h"

#include <algorithm>
#include <memory>

#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "base/process.h"
#include "base/safetensors.h"
#include "code/c_facts.h"
#include "code/model.h"
#include "code/multi_pattern.h"
#include "code/python_facts.h"
#include "edit/journal.h"
#include "edit/propose.h"
#include "edit/rule.h"
#include "engine/providers.h"
#include "engine/run_store.h"
#include "index/wordpiece.h"
#include "neural/model_file.h"
#include "project/repository.h"
#include "project/settings.h"

namespace jarvis2::fuzz {
namespace {

std::vector<std::string> texts_below(const fs::path& folder, const std::string& suffix, std::size_t most) {
  std::vector<fs::path> paths;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file() && entry.path().extension() == suffix) paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  std::vector<std::string> texts;
  const std::size_t step = std::max<std::size_t>(1, paths.size() / most);
  for (std::size_t i = 0; i < paths.size() && texts.size() < most; i += step) texts.push_back(read_file(paths[i]));
  return texts;
}

// A file in a folder that goes with the target.
struct Scratch {
  TempDir folder{"jarvis2-fuzz-"};
  fs::path file(const std::string& name, const std::string& bytes) const {
    write_file_atomic(folder.path() / name, bytes);
    return folder.path() / name;
  }
};

// A rule's file has the name of its id.
std::string rule_name(const std::string& bytes) {
  std::string name;
  for (std::size_t at = bytes.starts_with("id: ") ? 4 : bytes.size(); at < bytes.size(); ++at) {
    const char c = bytes[at];
    if (c != '-' && (c < 'a' || c > 'z') && (c < '0' || c > '9')) break;
    name += c;
  }
  return (name.empty() || name.size() > 100 ? "rule" : name) + ".yaml";
}

Target rules(const fs::path& source) {
  const auto scratch = std::make_shared<Scratch>();
  return {"rule", texts_below(source / "rules", ".yaml", 60),
          [scratch](const std::string& bytes) { edit::load_rule(scratch->file(rule_name(bytes), bytes).string()); }};
}

Target settings(const fs::path& source) {
  std::vector<std::string> corpus = texts_below(source / "examples", ".toml", 10);
  corpus.push_back(
      "[project]\nbuild = \"make\"\ntest = \"make test\"\nbench = [\"./a 1\", \"./a 2\"]\nedit = [\"src/**\"]\n"
      "[tune]\n\"src/a.c:BLOCK\" = [16, 0x20, 1.5, \"x\"]\n[objective]\n"
      "metric = { pattern = \"ops: ([0-9.]+)\", better = \"higher\" }\nmin_effect = \"2%\"\n"
      "[verify]\nignore_output = false\ntimeout = \"10x\"\n");
  return {"settings", std::move(corpus),
          [](const std::string& bytes) { project::to_toml(project::parse_settings(bytes, "jarvis2.toml")); }};
}

std::string small_model() {
  neural::Model model;
  neural::Weights weights;
  weights.layers = {4, 3, 1};
  weights.weights = {std::vector<float>(12, 0.5F), std::vector<float>(3, 0.25F)};
  weights.biases = {std::vector<float>(3, 0.0F), std::vector<float>(1, 0.0F)};
  model.members = {weights, weights};
  model.card.role = "value";
  model.card.layers = weights.layers;
  model.card.members = 2;
  const Scratch scratch;
  neural::save_model(scratch.folder.path() / "model", model);
  return read_file(scratch.folder.path() / "model");
}

Target models() {
  return {"model", {small_model()}, [](const std::string& bytes) { neural::parse_model(bytes, "model"); }};
}

Target tensors() {
  const auto scratch = std::make_shared<Scratch>();
  return {"safetensors", {small_model()}, [scratch](const std::string& bytes) {
            const Safetensors file(scratch->file("tensors", bytes));
            float sum = 0;
            for (const auto& [name, tensor] : file.tensors()) {
              if (tensor.dtype != "F32") continue;
              for (const float value : file.floats(name, tensor.shape)) sum += value;
            }
          }};
}

Target patches() {
  const auto scratch = std::make_shared<Scratch>();
  scratch->file("a.c", "int a(int x) {\n  return x * 2;\n}\n\nint b(void) {\n  return 1;\n}\n");
  scratch->file("b.py", "def f(x):\n    return x + 1\n");
  const auto git = [&](const std::vector<std::string>& arguments) {
    SpawnOptions options;
    options.argv = {"git", "-c", "user.name=fuzz", "-c", "user.email=fuzz@localhost", "-c", "commit.gpgsign=false"};
    options.argv.insert(options.argv.end(), arguments.begin(), arguments.end());
    options.cwd = scratch->folder.path();
    if (!run_process(options).ok()) throw Error("fuzz::patches", "git " + arguments[0] + " failed");
  };
  git({"init", "-q"});
  git({"add", "-A"});
  git({"commit", "-q", "-m", "first"});
  const auto repository =
      std::make_shared<project::Repository>(project::Repository::open(scratch->folder.path().string()));
  const std::string head = repository->head();
  return {"patch",
          {"diff --git a/a.c b/a.c\n--- a/a.c\n+++ b/a.c\n@@ -1,3 +1,3 @@\n int a(int x) {\n-  return x * 2;\n"
           "+  return x << 1;\n }\n",
           "diff --git a/b.py b/b.py\ndeleted file mode 100644\n--- a/b.py\n+++ /dev/null\n@@ -1,2 +0,0 @@\n"
           "-def f(x):\n-    return x + 1\n",
           "diff --git a/c.txt b/c.txt\nnew file mode 100755\n--- /dev/null\n+++ b/c.txt\n@@ -0,0 +1 @@\n+new\n"
           "diff --git a/b.py b/d.py\nsimilarity index 100%\nrename from b.py\nrename to d.py\n"},
          [scratch, repository, head](const std::string& bytes) { repository->apply_patch(head, bytes); }};
}

Target journals() {
  const auto scratch = std::make_shared<Scratch>();
  const fs::path state = scratch->folder.path() / "state";
  const fs::path root = scratch->folder.path() / "root";
  fs::create_directories(root);
  write_file_atomic(root / "a.c", "before");
  edit::ApplyLog(root, state).apply("run", {{"a.c", "before"}}, {{"a.c", "after"}});
  std::string journal;
  fs::path file;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(state)) {
    if (entry.path().filename() == "journal.json") file = entry.path();
  }
  journal = read_file(file);
  return {"journal", {journal}, [scratch, state, root, file](const std::string& bytes) {
            write_file_atomic(file, bytes);
            edit::ApplyLog(root, state).journals();
          }};
}

Target results() {
  const auto scratch = std::make_shared<Scratch>();
  const engine::RunStore store(scratch->folder.path());
  const fs::path folder = store.create("20260101-000000-abcd");
  return {"result",
          {R"({"id": "x", "verdict": "faster", "speedup": {"estimate": 1.5}, "actions": [{"kind": "rewrite"}]})"},
          [scratch, store, folder](const std::string& bytes) {
            write_file_atomic(folder / "result.json", bytes);
            store.list();
            store.result("20260101-000000-abcd");
          }};
}

Target wordpiece() {
  const auto scratch = std::make_shared<Scratch>();
  const auto tokens = std::make_shared<index::WordPiece>(
      scratch->file("vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\ndef\nreturn\n##s\n##er\na\nb\n##b\n(\n)\n"));
  return {"wordpiece",
          {"def parser(ab): return abs\n",
           "Stra\xc3\x9f"
           "e \xe4\xb8\xad\xe6\x96\x87 \xf0\x9f\x98\x80 na\xc3\xafve\n"},
          [tokens](const std::string& bytes) { tokens->encode(bytes, 128); }};
}

// A pattern a line, a text after the first empty line: our automata and Vectorscan agree.
Target patterns() {
  return {"patterns",
          {"\\bTODO\\b\n[a-z]+\\(\\)\n\n// TODO: call() again\n", "^ab{1,3}$\n(x|yz)+\n\nabb\nxyzx\n",
           "\\s+x\n\\x41[^\\n]\n\n  x A1\n"},
          [](const std::string& bytes) {
            const std::size_t gap = bytes.find("\n\n");
            std::vector<code::TextPattern> all;
            for (std::size_t at = 0; gap != std::string::npos && at < gap;) {
              const std::size_t end = std::min(bytes.find('\n', at), gap);
              all.push_back({bytes.substr(at, end - at), all.size() % 3 == 2, all.size() % 2 == 1});
              at = end + 1;
            }
            if (all.size() > 12) all.resize(12);
            const code::MultiPattern compiled(all);
            const std::string_view text = std::string_view(bytes).substr(gap == std::string::npos ? 0 : gap + 2);
            if (compiled.scan(text, code::PatternEngine::kVectorscan) !=
                compiled.scan(text, code::PatternEngine::kAutomaton)) {
              throw std::runtime_error("the engines disagree");
            }
          }};
}

// Facts, model and every proposal of rules and transformations for one file.
void read_source(const std::string& path, const std::string& bytes,
                 const std::vector<std::unique_ptr<edit::Transformation>>& transformations) {
  if (!is_valid_utf8(bytes)) return;  // as the engine does
  const code::Workspace workspace = code::parse_workspace({{path, bytes}}, 1, {true});
  const code::Model model = code::Model::build(workspace, 1);
  if (path.ends_with(".py")) {
    code::PythonFacts::of(workspace.files().front());
  } else {
    code::CFacts::of(workspace);
  }
  edit::Catalogue catalogue;
  edit::propose(transformations, workspace, model, {}, {}, catalogue);
  for (edit::ActionId id = 0; id < catalogue.size(); ++id) {
    edit::materialise(catalogue, {id}, [&](const std::string& wanted) -> std::optional<std::string> {
      if (wanted != path) return std::nullopt;
      return bytes;
    });
  }
}

Target sources(const std::string& name, const std::string& path, std::vector<std::string> corpus) {
  const std::shared_ptr<std::vector<std::unique_ptr<edit::Transformation>>> transformations =
      std::make_shared<std::vector<std::unique_ptr<edit::Transformation>>>(engine::all_transformations());
  return {name, std::move(corpus),
          [path, transformations](const std::string& bytes) { read_source(path, bytes, *transformations); }};
}

}  // namespace

std::vector<Target> all_targets(const std::string& source) {
  const fs::path root = source;
  std::vector<Target> targets;
  targets.push_back(rules(root));
  targets.push_back(settings(root));
  targets.push_back(models());
  targets.push_back(tensors());
  targets.push_back(patches());
  targets.push_back(journals());
  targets.push_back(results());
  targets.push_back(wordpiece());
  targets.push_back(sources("python", "a.py", texts_below(root / "examples", ".py", 12)));
  targets.push_back(sources("c", "a.c", texts_below(root / "examples", ".c", 8)));
  targets.push_back(sources("cpp", "a.cc", texts_below(root / "examples", ".cc", 8)));
  targets.push_back(patterns());
  return targets;
}

}  // namespace jarvis2::fuzz
