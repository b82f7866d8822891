"""Native code is judged in several link orders and its changed lines are watched; objectives besides time."""

import difflib
import shutil

import pytest

needs_compiler = pytest.mark.skipif(not shutil.which("make") or not shutil.which("gcc"), reason="no make and gcc")

TEXT = """
#include "text.h"

unsigned vowels(const char *text, int rounds) {
    unsigned count = 0;
    for (int round = 0; round < rounds; round++) {
        for (const char *at = text; *at; at++) {
            if (*at == 'a' || *at == 'e' || *at == 'i' || *at == 'o' || *at == 'u') count += 1 + round % 2;
        }
    }
    return count;
}

unsigned never(unsigned value) {
    return value + 1;
}
""".lstrip()
NATIVE = {
    "src/text.h": "unsigned vowels(const char *text, int rounds);\nunsigned never(unsigned value);\nvoid fill(char *text, int size);\n",
    "src/text.c": TEXT,
    "src/fill.c": """
        #include "text.h"

        void fill(char *text, int size) {
            for (int i = 0; i < size; i++) text[i] = (char)('a' + i * 7 % 26);
            text[size] = 0;
        }
        """,
    "src/main.c": """
        #include "text.h"
        #include <stdio.h>
        #include <stdlib.h>

        int main(int argc, char **argv) {
            static char text[20001];
            int rounds = argc > 1 ? atoi(argv[1]) : 1;
            fill(text, 20000);
            printf("%u\\n", vowels(text, rounds));
            return argc > 2 ? (int)never(0) : 0;
        }
        """,
    "Makefile": (
        "OBJECTS = main.o text.o fill.o\n"
        "program: $(OBJECTS)\n\t$(CC) -o $@ $(OBJECTS)\n"
        "%.o: src/%.c src/text.h\n\t$(CC) -O1 -c -o $@ $<\n"
        "check: program\n\t./program 1 | grep -qx 3847\n"
    ),
    ".gitignore": "program\n*.o\n",
    "jarvis2.toml": """
        [project]
        build = "make program"
        test = "make check"
        bench = "./program 6000"
        """,
}
# Half the rounds' work is done at once; and a change in a function that no test runs.
FASTER = TEXT.replace("round < rounds; round++", "round + 1 < rounds; round += 2").replace("1 + round % 2", "3").replace(
    "    return count;\n", "    if (rounds % 2) {\n        for (const char *at = text; *at; at++) {\n"
    "            if (*at == 'a' || *at == 'e' || *at == 'i' || *at == 'o' || *at == 'u') count += 1;\n        }\n    }\n    return count;\n"
).replace("return value + 1;", "return 1 + value;")


def verify(jarvis2, repository, tmp_path, path, text, *options):
    before = (repository.path / path).read_text()
    patch = tmp_path / "change.patch"
    patch.write_text("".join(difflib.unified_diff(before.splitlines(True), text.splitlines(True), f"a/{path}", f"b/{path}")))
    return jarvis2("verify", "--patch", patch, repository, "--json", "--budget", "60s", "--seed", "3", *options)


@needs_compiler
def test_native_code_is_judged_in_eight_link_orders(jarvis2, git_repo, tmp_path):
    repository = git_repo(NATIVE)
    expected = "".join(chr(ord("a") + i * 7 % 26) for i in range(20000))
    assert sum(c in "aeiou" for c in expected) == 3847
    done = verify(jarvis2, repository, tmp_path, "src/text.c", FASTER)
    assert done.json["verdict"] == "faster", done.json["reason"]
    judgement = done.json["judgement"]
    assert (judgement["layouts"]["base"], judgement["layouts"]["candidate"]) == (8, 8), judgement["notes"]
    assert {sample["base_layout"] for sample in judgement["samples"]} == set(range(8))
    assert len(judgement["samples"]) >= 16
    strength = done.json["strength"]
    assert strength["coverage_tool"].startswith("gcov")
    # The tests run one round: the loop over two is entered by none, and never() is called by none.
    assert 0 < strength["covered_lines"] < strength["changed_lines"]


@needs_compiler
def test_one_layout_has_to_gain_five_percent(jarvis2, git_repo, tmp_path):
    # The build hides its linker.
    makefile = NATIVE["Makefile"].replace("$(CC) -o $@ $(OBJECTS)", "env -u COMPILER_PATH $(CC) -o $@ $(OBJECTS)")
    repository = git_repo({**NATIVE, "Makefile": makefile})
    done = verify(jarvis2, repository, tmp_path, "src/text.c", FASTER)
    judgement = done.json["judgement"]
    assert judgement["layouts"] is None
    assert judgement["min_effect"] == 0.05
    assert any("1 link order instead of 8" in note for note in judgement["notes"]), judgement["notes"]


LISTS = """
def squares(n):
    values = [i * i for i in range(n)]
    total = 0
    for value in values:
        total += value % 7
    return total
""".lstrip()
PYTHON = {
    "lists.py": LISTS,
    "bench/run.py": "import sys\n\nsys.path.insert(0, \".\")\nfrom lists import squares\n\nprint(squares(400000))\n",
    "tests/__init__.py": "",
    "tests/test_lists.py": "import unittest\n\nfrom lists import squares\n\n\nclass Lists(unittest.TestCase):\n"
    "    def test_squares(self):\n        self.assertEqual(squares(4), 7)\n",
}


def project(metric, more=""):
    toml = '[project]\ntest = "python3 -m unittest -q tests.test_lists"\nbench = "python3 bench/run.py"\n[objective]\nmetric = '
    return {**PYTHON, "jarvis2.toml": toml + metric + "\n" + more}


WITHOUT_LIST = """
def squares(n):
    total = 0
    for i in range(n):
        total += i * i % 7
    return total
""".lstrip()


def test_peak_memory_is_not_bought_with_time(jarvis2, git_repo, tmp_path):
    done = verify(jarvis2, git_repo(project('"peak_memory"')), tmp_path, "lists.py", WITHOUT_LIST)
    assert done.json["verdict"] == "faster", done.json["reason"]
    assert done.json["speedup"]["estimate"] > 1.5
    slow = WITHOUT_LIST.replace("range(n):\n", "range(n):\n        sum(range(30))\n")
    done = verify(jarvis2, git_repo(project('"peak_memory"')), tmp_path, "lists.py", slow)
    assert done.json["verdict"] == "not faster", done.json["reason"]
    assert "bought with time" in done.json["reason"]


def test_size_of_the_sources(jarvis2, git_repo, tmp_path):
    done = verify(jarvis2, git_repo(project('"size"')), tmp_path, "lists.py", WITHOUT_LIST)
    assert done.json["verdict"] == "faster", done.json["reason"]
    assert 1.05 < done.json["speedup"]["estimate"] < 2


@needs_compiler
def test_size_of_what_is_linked(jarvis2, git_repo, tmp_path):
    large = TEXT + "\nchar table[40000] = {1};\n"
    toml = NATIVE["jarvis2.toml"] + '[objective]\nmetric = "size"\n'
    repository = git_repo({**NATIVE, "src/text.c": large, "jarvis2.toml": toml.replace("        ", "")})
    done = verify(jarvis2, repository, tmp_path, "src/text.c", TEXT)
    assert done.json["verdict"] == "faster", done.json["reason"]
    assert done.json["speedup"]["estimate"] > 2


@pytest.mark.skipif(not shutil.which("valgrind"), reason="no valgrind")
def test_instructions(jarvis2, git_repo, tmp_path):
    done = verify(jarvis2, git_repo(project('"instructions"')), tmp_path, "lists.py", WITHOUT_LIST)
    assert done.json["verdict"] == "faster", done.json["reason"]
    assert done.json["instruction_ratio"] == done.json["speedup"]["estimate"] > 1.02


def test_a_printed_metric(jarvis2, git_repo, tmp_path):
    files = project('{ pattern = "rate: ([0-9.]+)", better = "higher" }', "[verify]\nignore_output = true\n")
    files["bench/run.py"] = (
        "import sys\nimport time\n\nsys.path.insert(0, \".\")\nfrom lists import squares\n\n"
        "begun = time.perf_counter()\nsquares(400000)\nprint('rate:', 400000 / (time.perf_counter() - begun))\n"
    )
    slow = LISTS.replace("for value in values:\n", "for value in values:\n        sum(range(20))\n")
    done = verify(jarvis2, git_repo({**files, "lists.py": slow}), tmp_path, "lists.py", LISTS)
    assert done.json["verdict"] == "faster", done.json["reason"]
    assert done.json["judgement"]["instrument"] == "sequential"
    done = verify(jarvis2, git_repo(files), tmp_path, "lists.py", slow)
    assert done.json["verdict"] in ("slower", "not faster"), done.json["reason"]
