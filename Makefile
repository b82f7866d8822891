JOBS ?= $(shell getconf _NPROCESSORS_ONLN)
NINJA_FLAGS = -j $(JOBS) $(if $(MAKE_TERMOUT),,-- --quiet)
RUN = build/release/jarvis2
# Several files at once where a build folder is new: a whole build takes half the time. Presets by themselves don't.
UNITY = $(if $(wildcard build/$(1)/CMakeCache.txt),,-DJARVIS2_UNITY=ON)
configure = cmake --preset $(1) $(UNITY) >build/$(1).log 2>&1 || { cat build/$(1).log; exit 1; }
test = ctest --test-dir build/$(1) -j $(JOBS) --output-on-failure --no-tests=error --no-label-summary $(2) \
  >build/$(1)-test.log 2>&1 && sed -n 's/.*tests passed/$(1): &/p' build/$(1)-test.log || { tail -n 300 build/$(1)-test.log; exit 1; }

.PHONY: help setup setup-lint gpu-cuda build build-all test test-release test-asan test-tsan demo lint lint-changed format-check fmt macos-cross bench-bundle clean

help:  ## Show this list
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{printf "%-24s %s\n", $$1, $$2}'

setup:  ## Install what the build needs (system packages, parsers, Python tools, model)
	@setup/setup.sh

setup-lint:  ## The same, and what checks the sources
	@setup/setup.sh lint

gpu-cuda:  ## Linux: fetch MLX for CUDA (90 MB; with an NVIDIA GPU also CUDA's libraries) and build the GPU module
	@setup/setup.sh gpu
	@mkdir -p build
	@$(call configure,release)
	@cmake --build --preset release --target jarvis2_gpu_mlx $(NINJA_FLAGS)

build: setup  ## Build the program: build/release/jarvis2
	@mkdir -p build
	@$(call configure,release)
	@cmake --build --preset release --target jarvis2 gpu $(NINJA_FLAGS)

build-all: build
	@cmake --build --preset release $(NINJA_FLAGS)

test: test-release test-asan test-tsan  ## Build and run all tests, then again under sanitizers

test-release: build-all  ## All tests, release build
	@$(call test,release)

# Rooms whose tests have been seen clean under the sanitizers. `make test-asan ROOMS=...` tries others.
ASAN_ROOMS = base hardware memory mcts neural
TSAN_ROOMS = mcts memory
SPACE := $(subst ,, )
rooms = '^($(subst $(SPACE),|,$(or $(ROOMS),$(1))))\.'
test-asan: setup  ## Tests under the address and undefined-behaviour sanitizers
	@mkdir -p build
	@$(call configure,asan)
	@cmake --build --preset asan --target $(patsubst %,%_test,$(or $(ROOMS),$(ASAN_ROOMS))) $(NINJA_FLAGS)
	@$(call test,asan,-R $(call rooms,$(ASAN_ROOMS)) -E 'Slow')

test-tsan: setup  ## Tests of concurrent rooms under the thread sanitizer
	@mkdir -p build
	@$(call configure,tsan)
	@cmake --build --preset tsan --target $(patsubst %,%_test,$(or $(ROOMS),$(TSAN_ROOMS))) $(NINJA_FLAGS)
	@$(call test,tsan,-R $(call rooms,$(TSAN_ROOMS)) -E 'Slow')

demo: build  ## Improve an example project and show the verdict
	@setup/demo.sh $(RUN)

format-check: setup-lint  ## Check the layout of all sources
	@setup/lint.py format

lint: setup-lint  ## Check layout, and all sources with clang-tidy (unchanged files come from a cache)
	@setup/lint.py $(if $(TIDY_BUDGET),--budget $(TIDY_BUDGET)) format tidy

lint-changed: setup-lint  ## The same for what differs from main
	@setup/lint.py --changed format tidy

fmt: setup-lint  ## Lay out all sources
	@setup/lint.py --fix format

macos-cross:  ## Compile and link everything for macOS arm64 (Linux; the first run also makes the toolchain)
	@setup/setup.sh macos
	@setup/macos_cross.py --jobs $(JOBS)

bench-bundle: build  ## Pack program, models and benchmarks into build/bench-bundle.tar.xz
	@setup/bench_bundle.sh

clean:  ## Remove all builds
	rm -rf build
