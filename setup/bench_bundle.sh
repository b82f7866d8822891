#!/usr/bin/env bash
# Packs the built program with all it needs into build/bench-bundle.tar.xz: runs where nothing is installed, glibc 2.36 or newer.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
limit_mib=60
bundle=build/bench-bundle/jarvis2
archive=build/bench-bundle.tar.xz
deps=$(sed -n 's/^JARVIS2_DEPS:INTERNAL=//p' build/release/CMakeCache.txt)

rm -rf build/bench-bundle "$archive"
mkdir -p "$bundle/bin" "$bundle/lib" "$bundle/deps/models"

cp build/release/jarvis2 "$bundle/bin/"
find build/release -maxdepth 2 -name '*.so' -exec cp '{}' "$bundle/bin/" ';'
# Programs of bench/ that are built.
find build/release -maxdepth 1 -type f -perm -u+x '(' -name 'bench_*' -o -name judge_work ')' -exec cp '{}' "$bundle/bin/" ';'
strip "$bundle"/bin/*

# Shared libraries, all but glibc's own; the program looks for them in ../lib.
needed() { ldd "$@" 2>/dev/null | awk '$2 == "=>" && $3 ~ /^\// {print $3}' | sort -u; }
tbb=$(needed build/release/jarvis2 | grep '/libtbb\.so' || true)
for library in $(needed "$bundle"/bin/*) ${tbb:+$(dirname "$tbb")/libtbbbind_2_5.so.3}; do
  case $(basename "$library") in
    ld-linux* | libc.so* | libm.so* | libdl.so* | libpthread.so* | librt.so* | libresolv.so*) ;;
    *) [ ! -f "$library" ] || cp -L "$library" "$bundle/lib/" ;;
  esac
done

git ls-files -z rules models bench examples | xargs -0 -r tar -cf - | tar -xf - -C "$bundle"
if [ -d "$deps/models/all-MiniLM-L6-v2" ]; then
  cp -r "$deps/models/all-MiniLM-L6-v2" "$bundle/deps/models/"
  python3 setup/shorten_weights.py "$bundle/deps/models/all-MiniLM-L6-v2/model.safetensors"
fi

cat >"$bundle/jarvis2" <<'END'
#!/bin/sh
here=$(cd "$(dirname "$0")" && pwd)
JARVIS2_DATA=$here JARVIS2_DEPS=$here/deps exec "$here/bin/jarvis2" "$@"
END
chmod +x "$bundle/jarvis2"

tar -C build/bench-bundle --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -cf - jarvis2 | xz -T0 -1 >"$archive"
size=$(wc -c <"$archive")
[ "$size" -le $((limit_mib * 1024 * 1024)) ] || { echo "$archive: $size bytes, more than $limit_mib MiB" >&2; exit 1; }
"$bundle/jarvis2" --version >/dev/null
echo "$archive: $((size / 1024 / 1024)) MiB; unpack anywhere, run jarvis2/jarvis2 bench NAME"
