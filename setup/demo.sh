#!/usr/bin/env bash
# demo.sh JARVIS2 [EXAMPLE]: improves a copy of an example as the repository of somebody else.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
jarvis2=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
example=${2:-python-logstats}
copy=$root/build/demo/$example

rm -rf "$copy"
mkdir -p "$copy"
(cd "$root/examples/$example" && git ls-files -z | xargs -0 tar -cf -) | tar -xf - -C "$copy"
cd "$copy"
git init -q
git add -A
git -c user.name=Demo -c user.email=demo@localhost -c commit.gpgsign=false commit -q -m "$example"

echo "jarvis2 improve build/demo/$example --budget ${DEMO_BUDGET:-5m}"
status=0
"$jarvis2" improve . --budget "${DEMO_BUDGET:-5m}" || status=$?
[ "$status" -le 3 ] && [ "$status" != 2 ] || exit "$status"

run=$(find "$copy/.jarvis2/runs" -mindepth 1 -maxdepth 1 -type d -exec test -f '{}/result.json' ';' -print | sort | tail -n 1)
if [ -s "$run/champion.patch" ]; then
  git apply --check "$run/champion.patch"
  echo "patch:  $run/champion.patch (git apply takes it)"
fi
echo "report: $run/report.html"
exit "$status"
