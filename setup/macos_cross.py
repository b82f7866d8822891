#!/usr/bin/env python3
"""Compiles and links the whole program for macOS arm64 on Linux, and checks the result. Nothing can be run here.

Every source of src/ that a Mac would build is compiled by Zig's clang for macOS 14, against Debian's headers of the libraries
that Homebrew has; several files at once (cmake/unity.py). The program is linked by LLVM's linker against the system libraries'
own export lists; what it takes from Homebrew's libraries stays open and must be one of their names. The GPU module is linked
against libmlx.dylib of MLX's macOS wheel and leaves nothing open. Objects are kept in build/macos and reused.

usage: macos_cross.py [--jobs N] [--compile-only] [ROOM ...]
"""

import argparse
import concurrent.futures
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "macos"
DEPS = Path(os.environ.get("JARVIS2_DEPS") or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "jarvis2" / "deps")
TOOLS = Path(os.environ.get("JARVIS2_MACOS_TOOLS") or DEPS / "macos-cross")
HEADERS = (
    "CLI boost curses.h fmt git2 git2.h hs httplib.h hwloc hwloc.h hwy ncurses.h ncurses_dll.h nlohmann oneapi openssl spdlog sqlite3.h tbb "
    "toml++ unctrl.h utf8proc.h xxhash.h yaml-cpp"
).split()
FLAGS = "-std=c++20 -O1 -Wall -Wextra -Werror -Wnon-virtual-dtor -Wno-shadow -Wundef -Wno-missing-field-initializers".split()
C_LIBRARIES = "libcrypto libgit2 libhs libhwloc libncursesw libtinfo libsqlite3 libutf8proc libxxhash".split()
CXX_LIBRARIES = ("fmt::", "httplib::", "spdlog::", "YAML::", "tbb::", "hwy::")
SYSTEM = ("/usr/lib/", "/System/Library/")
MLX = TOOLS / "mlxw/mlx"
# What src/CMakeLists.txt and cmake/gpu_module.cmake link on a Mac, and the names by which each is known.
FRAMEWORKS = {"CoreFoundation": "CF|kCF|__CF", "CoreServices": "FSEvent", "IOKit": "IO"}
MODULE_FRAMEWORKS = ("Metal", "Foundation", "QuartzCore", "Accelerate")


def run(*command, **options):
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, **options)


def tool(*names):
    for name in names:
        if (found := run("sh", "-c", f"command -v {name} || ls /usr/bin/{name}-* /usr/lib/llvm-*/bin/{name} 2>/dev/null | tail -n 1").stdout.split()):
            return found[0]
    sys.exit(f"macos-cross: none of {', '.join(names)} is installed")


def environment():
    return {**os.environ, "ZIG_GLOBAL_CACHE_DIR": str(TOOLS / "zc"), "ZIG_LOCAL_CACHE_DIR": str(TOOLS / "zl")}


def link(target, places):
    """Makes `target` what is at these places: one of them, or a folder of all that they hold."""
    if len(places) == 1 or places[0].is_file():
        if not target.is_symlink() or target.readlink() != places[0]:
            target.unlink(missing_ok=True)
            target.symlink_to(places[0])
        return
    if target.is_symlink():
        target.unlink()
    target.mkdir(exist_ok=True)
    for name in {child.name for place in places for child in place.iterdir()}:
        link(target / name, [place / name for place in places if (place / name).exists()])


def include_folder():
    folder = BUILD / "include"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    multiarch = Path("/usr/include") / run("gcc", "-print-multiarch").stdout.strip()
    for name in HEADERS:
        places = [place / name for place in (Path("/usr/include"), multiarch) if (place / name).exists()]
        if not places:
            sys.exit(f"macos-cross: no header {name}: run make setup")
        link(folder / name, places)  # a library's headers may lie in both
    return folder


def sources(rooms):
    for room in sorted(path for path in (ROOT / "src").iterdir() if path.is_dir() and (not rooms or path.name in rooms)):
        files = [path for path in sorted(room.rglob("*.cc")) if not path.name.endswith(("_linux.cc", "_test.cc", "_module.cc"))]
        if files:
            units = run(sys.executable, ROOT / "cmake/unity.py", ROOT / "src", BUILD / "unity", room.name, *files, check=True)
            yield from (Path(unit) for unit in units.stdout.split())
    if not rooms:
        vendor = DEPS / "vendor"
        yield from vendor.glob("tree-sitter-0*/src/lib.c")
        for folder in sorted(vendor.glob("tree-sitter-[a-z]*")):
            for name in ("parser.c", "scanner.c"):
                yield from (path for path in folder.rglob(name) if path.parent.name == "src")


def module_sources():
    return sorted((ROOT / "src/gpu/mlx").glob("*_module.cc")) + sorted((ROOT / "src/gpu/metal").glob("*_module.cc"))


def kernel_text():
    kernels = [ROOT / "src/gpu/kernels" / f"{name}.h" for name in re.search(r"set\(KERNELS ([^)]+)\)", (ROOT / "cmake/gpu_module.cmake").read_text())[1].split()]
    run(sys.executable, ROOT / "cmake/embed.py", BUILD / "gpu/gpu_kernels_text.h", "kKernelText", *kernels, check=True)


def up_to_date(target, dependencies):
    if not target.exists() or not dependencies.exists():
        return False
    built = target.stat().st_mtime
    files = shlex.split(dependencies.read_text().replace("\\\n", " "))[1:]
    return all(os.path.exists(file) and os.path.getmtime(file) <= built for file in files)


def compile_one(path, include):
    base = ROOT if path.is_relative_to(ROOT) else DEPS
    target = BUILD / "objects" / (str(path.relative_to(base)).replace("/", "_") + ".o")
    dependencies = target.with_suffix(".d")
    unfinished = target.with_suffix(".unfinished.o")
    target.parent.mkdir(parents=True, exist_ok=True)
    if up_to_date(target, dependencies):
        return target, None
    tree_sitter = next((DEPS / "vendor").glob("tree-sitter-0*"))
    if path.suffix == ".c":
        command = [TOOLS / "tc/bin/mac-cc", "-std=c11", "-O1", "-w", "-D_DARWIN_C_SOURCE", "-I", path.parent, "-I", tree_sitter / "include", "-I", tree_sitter / "src"]
    else:
        module = ["-isystem", MLX / "include", "-isystem", MLX / "include/metal_cpp", "-I", BUILD / "gpu", "-fvisibility=hidden"]
        command = [TOOLS / "tc/bin/mac-c++", *FLAGS, *(module if path.name.endswith("_module.cc") else []), "-I", ROOT / "setup/macos-cross/tc/first", "-isystem", ROOT / "setup/macos-cross/tc/shim", "-isystem", include, "-isystem", tree_sitter / "include", "-I", ROOT / "src",
                   "-DFMT_SHARED", "-DSPDLOG_SHARED_LIB", "-DSPDLOG_COMPILED_LIB", "-DSPDLOG_FMT_EXTERNAL"]
    result = run(*command, "-MD", "-MF", dependencies, "-c", path, "-o", unfinished, env=environment())
    if result.returncode:
        target.unlink(missing_ok=True)
        unfinished.unlink(missing_ok=True)
        errors = [line for line in result.stderr.splitlines() if "error:" in line] or result.stderr.splitlines()
        return None, "\n".join(errors[:10])
    unfinished.rename(target)
    return target, None


def framework_stubs():
    """Export lists of FRAMEWORKS: the toolchain's, which were seen in programs that Apple's linker made, and what the headers
    under tc/shim declare. Returns the folder and the names of the second kind."""
    folder = BUILD / "frameworks"
    declared = set()
    for header in (ROOT / "setup/macos-cross/tc/shim").rglob("*.h"):
        text = header.read_text()
        declared |= set(re.findall(r"\b(\w+) ?\((?!\*)", text)) | set(re.findall(r"^extern .*?\b(\w+);", text, re.M))
    unconfirmed = set()
    for name, prefixes in FRAMEWORKS.items():
        known = TOOLS / f"tc/stubs/System/Library/Frameworks/{name}.framework/{name}.tbd"
        seen = set(re.findall(r"'_([\w$]+)'", known.read_text())) if known.exists() else set()
        more = {one for one in declared if re.match(rf"(?:{prefixes})[A-Z]", one)} - seen
        if name == "CoreFoundation":
            more |= {"__CFConstantStringClassReference"} - seen
        unconfirmed |= more
        target = folder / f"{name}.framework/{name}.tbd"
        target.parent.mkdir(parents=True, exist_ok=True)
        names = ", ".join(f"'_{one}'" for one in sorted(seen | more))
        target.write_text(f"--- !tapi-tbd\ntbd-version: 4\ntargets: [ arm64-macos ]\n"
                          f"install-name: '/System/Library/Frameworks/{name}.framework/Versions/A/{name}'\n"
                          f"current-version: 1\nexports:\n  - targets: [ arm64-macos ]\n    symbols: [ {names} ]\n...\n")
    return folder, unconfirmed


def metal_problems():
    """Parses the kernels, as MLX would hand them to Metal, in clang's nearest language; not by Apple's compiler."""
    printer, text = BUILD / "gpu/print_kernels", BUILD / "gpu/kernels.metal"
    shim = ROOT / "setup/macos-cross/metal"
    made = run("g++", "-std=c++20", "-O0", "-I", ROOT / "src", "-I", BUILD / "gpu", shim / "print_kernels.cc", "-o", printer)
    if made.returncode:
        return made.stderr.splitlines()[:10], 0
    text.write_text(run(printer, check=True).stdout)
    zig = next((TOOLS / "venv/lib").glob("python3*/site-packages/ziglang/zig"))
    parsed = run(zig, "clang", "-target", "spir64-unknown-unknown", "-x", "cl", "-cl-std=clc++2021", "-cl-no-stdinc", "-I", shim, "-include", "metal_stdlib",
                 "-Wall", "-Wextra", "-Werror", "-Wno-unused-parameter", "-Wno-unused-function", "-S", "-emit-llvm", "-o", BUILD / "gpu/kernels.ll", text, env=environment())
    return parsed.stderr.splitlines()[:20] if parsed.returncode else [], text.read_text().count("kernel void ")


def exported():
    names = set()
    for library in C_LIBRARIES:
        # The one without a version may be a linker script.
        for found in run("sh", "-c", f"ls /usr/lib/*/{library}.so* /lib/*/{library}.so* 2>/dev/null").stdout.split():
            names |= {line.split()[-1].split("@")[0] for line in run("nm", "-D", "--defined-only", found).stdout.splitlines()}
    return names


def check(program, frameworks, own=()):
    problems = []
    objdump, nm, filt = tool("llvm-objdump"), tool("llvm-nm"), tool("llvm-cxxfilt", "c++filt")
    headers = run(objdump, "--macho", "--private-headers", program).stdout
    if not re.search(r"\bARM64\b", headers):
        problems.append("not an arm64 program")
    if not (minimum := re.search(r"minos (\S+)", headers)) or minimum[1] != "14.0":
        problems.append(f"made for macOS {minimum[1] if minimum else 'unknown'}, not 14.0")
    used = re.findall(r"^\s+(/\S+|@\S+) \(compat", run(objdump, "--macho", "--dylibs-used", program).stdout, re.M)
    problems += [f"needs {path}, which no Mac has" for path in used if not path.startswith(SYSTEM) and path not in own]
    for name in frameworks:
        if not any(f"/{name}.framework/" in path for path in used):
            problems.append(f"{program.name} does not load {name}")
    open_names = re.findall(r"external (\S+) \(dynamically looked up\)", run(nm, "-m", "-u", program).stdout)
    # Mach-O puts an underscore before every name.
    plain = run(filt, input="\n".join(name[1:] for name in open_names)).stdout.splitlines()
    known = exported()
    for name, text in zip(open_names, plain):
        inner = re.sub(r"^(vtable|typeinfo|typeinfo name|VTT|guard variable) for ", "", text)
        if name[1:] in known or any(part in inner for part in CXX_LIBRARIES):
            continue
        problems.append(f"nobody has {text}")
    return problems, used, len(open_names)


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--jobs", type=int, default=os.cpu_count())
    options.add_argument("--compile-only", action="store_true")
    options.add_argument("rooms", nargs="*", metavar="ROOM")
    arguments = options.parse_args()
    if not (TOOLS / "tc/stubs/usr/lib/libclang_rt.a").exists():
        print("macos-cross: making the toolchain (minutes, once)", file=sys.stderr)
        if subprocess.run([ROOT / "setup/macos-cross/setup.sh", TOOLS]).returncode:
            sys.exit("macos-cross: the toolchain could not be made")
    include = include_folder()
    kernel_text()
    problems, kernels = metal_problems()
    if problems:
        sys.exit("Metal kernels:\n" + "\n".join(problems))
    print(f"parsed {kernels} Metal kernels")
    objects, failed = [], 0
    everything = list(sources(arguments.rooms))
    modules = [] if arguments.rooms and "gpu" not in arguments.rooms else module_sources()
    everything += modules
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        for path, (target, error) in zip(everything, pool.map(lambda path: compile_one(path, include), everything)):
            if error:
                failed += 1
                print(f"{path.relative_to(ROOT) if path.is_relative_to(ROOT) else path}:\n{error}")
            else:
                objects.append(target)
    print(f"compiled {len(objects)} of {len(everything)} files for macOS arm64")
    if failed:
        sys.exit(1)
    if arguments.compile_only or arguments.rooms:
        return
    module_objects = objects[len(objects) - len(modules):]
    objects = objects[:len(objects) - len(modules)]
    stubs, unconfirmed = framework_stubs()
    with_frameworks = [f"-F{stubs}", *(word for name in FRAMEWORKS for word in ("-framework", name))]
    program, module = BUILD / "jarvis2", BUILD / "jarvis2_gpu_mlx.dylib"
    linked = run(TOOLS / "tc/bin/mac-c++", *objects, *with_frameworks, "-Wl,-undefined,dynamic_lookup", "-Wl,-dead_strip", "-o", program, env=environment())
    if linked.returncode:
        sys.exit("\n".join(linked.stderr.splitlines()[:20]))
    library = MLX / "lib/libmlx.dylib"
    linked = run(TOOLS / "tc/bin/mac-c++", "-dynamiclib", *module_objects, library, *(word for name in MODULE_FRAMEWORKS for word in ("-framework", name)), "-Wl,-dead_strip", "-Wl,-rpath,@loader_path", "-install_name", "@rpath/jarvis2_gpu_mlx.dylib",
               "-o", module, env=environment())
    if linked.returncode:
        sys.exit("\n".join(linked.stderr.splitlines()[:20]))
    problems, used, open_names = check(program, FRAMEWORKS)
    own = re.findall(r"^(@rpath/\S+)$", run(tool("llvm-objdump"), "--macho", "--dylib-id", library).stdout, re.M)
    of_module, used_by_module, open_in_module = check(module, ("Metal", "Foundation"), (*own, "@rpath/jarvis2_gpu_mlx.dylib"))
    problems += of_module
    if "_jarvis2_gpu_open" not in run(tool("llvm-nm"), "-U", "--extern-only", module).stdout:
        problems.append(f"{module.name} has no jarvis2_gpu_open")
    print(f"linked {module.relative_to(ROOT)}: needs {', '.join(used_by_module)}; {open_in_module} names open")
    print(f"linked {program.relative_to(ROOT)}: macOS 14.0, {', '.join(Path(path).name for path in used)}; {open_names} names from Homebrew's libraries")
    taken = run(tool("llvm-nm"), "-m", "-u", program).stdout
    taken = sorted(one for one in unconfirmed if re.search(rf"external _{re.escape(one)} ", taken))
    print(f"names of frameworks known from documentation only: {', '.join(taken) or 'none'}")
    for problem in problems[:30]:
        print(problem)
    sys.exit(bool(problems))


main()
