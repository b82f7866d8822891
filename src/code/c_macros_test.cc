#include "code/c_macros.h"

#include <gtest/gtest.h>

#include "code/syntax.h"

namespace jarvis2::code {
namespace {

TEST(MaskMacros, SpecifiersGoAndEveryByteKeepsItsPlace) {
  EXPECT_EQ(mask_macros("class MY_LIB Node : public Base {};\n"), "class        Node : public Base {};\n");
  EXPECT_EQ(mask_macros("LUA_API const char *name (int a);\n"), "        const char *name (int a);\n");
  EXPECT_EQ(mask_macros("ZEXTERN int ZEXPORT inflate(int a)\n{}\n"), "        int         inflate(int a)\n{}\n");
  EXPECT_EQ(mask_macros("static my_inline int f(void) {}\n"), "static           int f(void) {}\n");
  EXPECT_EQ(mask_macros("NS_BEGIN\nint a;\n"), "        \nint a;\n");
  EXPECT_EQ(mask_macros("namespace n {\n\tMY_FN void* get(size_t n)\n{}}"),
            "namespace n {\n\t      void* get(size_t n)\n{}}");
  EXPECT_EQ(mask_macros("LUA_API int (lua_gettop) (lua_State *L);\n"), "        int (lua_gettop) (lua_State *L);\n");
}

TEST(MaskMacros, CodeStaysAsItIs) {
  for (const char* text :
       {"struct FOO bar;\n", "UINT count(int a);\n", "FILE *open_it(void);\n", "#define A_B int x(\nint y;\n",
        "void f() {\n  RETURN_IF(x);\n  SOME_TYPE value = g(1);\n  return VALUE_OF (a);\n  int n = MAX_LEN (3);\n}\n",
        "enum { A_ONE,\nA_TWO,\nA_THREE\n};\n", "/* class MY_LIB Node { */ \"class MY_LIB Node {\"\n",
        "int x =\nSOME_VALUE\n;\n", "unsigned LONG_NAME(int a);\n", "struct POINT make(int a) { return a; }\n"}) {
    EXPECT_EQ(mask_macros(text), text);
  }
}

TEST(MaskMacros, BothBranchesOfAConditionMayOpenABrace) {
  const char* text = "#ifdef A\nint f(int a) {\n#else\nint f(void) {\n#endif\n}\n";
  EXPECT_EQ(mask_macros(std::string(text) + "API_X int g(int a) {}\n"), std::string(text) + "      int g(int a) {}\n");
}

TEST(MaskMacros, TreesKeepTheWrittenText) {
  const std::shared_ptr<const Tree> tree = Tree::parse(Language::kCpp, "class MY_LIB Node { int a; };\n");
  EXPECT_FALSE(tree->root().has_error());
  EXPECT_EQ(tree->root().named(0).text(), "class MY_LIB Node { int a; }");
  EXPECT_EQ(tree->root().named(0).field("name").text(), "Node");
}

}  // namespace
}  // namespace jarvis2::code
