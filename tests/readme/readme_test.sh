#!/usr/bin/env bash
# README shows runs with their output: this runs them and compares. What a change of the core moves anyway (event counts,
# hashes, wall time) is left out of the comparison.
# usage: readme_test.sh WINDTUNNEL REPOSITORY
set -euo pipefail

windtunnel=$(realpath -- "$1")
cd -- "$2"
export WINDTUNNEL_COMMAND=./dev

mask() { sed -E 's/(events|wall|trace)=[^ ]+/\1=*/g; s/[[:space:]]+$//'; }

passed=0
failed=0
# A command line, and the indented lines behind it up to an empty one.
while IFS= read -r command; do
  shown=$(awk -v want="    \$ $command" '$0 == want { on = 1; next } on && /^$/ { exit } on { print substr($0, 5) }' README.md | mask)
  printed=$("$windtunnel" ${command#./dev } 2>&1 | mask) || true  # a failing run is shown too
  if [[ $shown == "$printed" ]]; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    echo "README.md shows something else than this prints: $command"
    diff <(echo "$shown") <(echo "$printed") || true
  fi
done < <(sed -nE 's/^    \$ (\.\/dev (run|check) .*)$/\1/p' README.md)

echo "$passed passed, $failed failed"
((failed == 0 && passed >= 3))
