#include "project/compile_python.h"

#include <gtest/gtest.h>

namespace jarvis2::project {
namespace {

TEST(CompileScript, NamesItsModules) {
  const std::string text = compile_script({"pkg/hot.py", "other.py"});
  const std::optional<std::vector<std::string>> modules = compiled_modules(text);
  ASSERT_TRUE(modules);
  EXPECT_EQ(*modules, (std::vector<std::string>{"pkg/hot.py", "other.py"}));
}

TEST(CompileScript, IsKnownByEveryByte) {
  const std::string text = compile_script({"hot.py"});
  EXPECT_FALSE(compiled_modules(text + "import os\n"));
  EXPECT_FALSE(compiled_modules("import os\n" + text));
  std::string other = text;
  other.insert(other.find("    \"hot.py\""), "    __import__(\"os\").getcwd(),\n");
  EXPECT_FALSE(compiled_modules(other));
  other = text;
  other.replace(other.find("hot.py"), 6, "../hot.py");
  EXPECT_FALSE(compiled_modules(other));
  EXPECT_FALSE(compiled_modules(compile_script({})));
}

TEST(CompileCommand, UsesTheInterpreterOfTheBenchmark) {
  Settings settings;
  settings.bench = {"PYTHONPATH=src .venv/bin/python3.11 bench.py 10"};
  EXPECT_TRUE(compile_command(settings).ends_with(" .venv/bin/python3.11 setup_compiled.py"));
  settings.bench = {"sh bench.sh"};
  EXPECT_TRUE(compile_command(settings).ends_with(" python3 setup_compiled.py"));
}

}  // namespace
}  // namespace jarvis2::project
