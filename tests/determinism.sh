#!/usr/bin/env bash
# The same scenario and seed must give the same run, event for event, whatever binary runs it and wherever: other compilers,
# optimisation levels and sanitizers, other address layouts, directories, locales, time zones, heap contents.
#
#   determinism.sh [--seeds A..B] BINARY... -- SCENARIO...
#
# The first binary, run plainly, says what the runs are; every other run is compared with that line by line (all but the wall
# time). Ends in "N passed, N failed": runs that agreed, runs that did not; exit status 1 if one did not or none was compared.
set -euo pipefail

seeds=1..3
if [[ ${1:-} == --seeds ]]; then
  seeds=$2
  shift 2
fi
binaries=()
while (($# > 0)) && [[ $1 != -- ]]; do
  binaries+=("$(realpath -- "$1")")
  shift
done
if ((${#binaries[@]} == 0 || $# < 2)); then
  echo 'usage: determinism.sh [--seeds A..B] BINARY... -- SCENARIO...' >&2
  exit 2
fi
shift
mapfile -t scenarios < <(realpath -- "$@")

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/elsewhere"
passed=0
failed=0

# The lines that name a run, without what may differ: "PASS hub-outage seed=7 events=48211 virtual=1m30s trace=9f3c5e0d12ab34cd".
# An exit status of 1 (a divergence) is as good as 0 here, as long as it is always the same.
runs_of() {
  local status=0
  "$@" run "${scenarios[@]}" --seeds "$seeds" --jobs "$(nproc)" >"$work/out" 2>"$work/err" || status=$?
  sed -nE '/^(PASS|FAIL) .* trace=[0-9a-f]+/ { s/ wall=[^ ]*//; p }' "$work/out" | sort
  echo "exit status $status"
}

# compare HOW COMMAND...: one more way to run the same.
compare() {
  local how=$1 same differing
  shift
  runs_of "$@" >"$work/actual"
  same=$(comm -12 "$work/expected" "$work/actual" | grep -c trace=) || true
  differing=$(comm -23 "$work/expected" "$work/actual" | grep -c trace=) || true
  passed=$((passed + same))
  if cmp -s "$work/expected" "$work/actual"; then return; fi
  # A difference in nothing but the exit status, or in a run too many, is a failure too.
  failed=$((failed + (differing > 0 ? differing : 1)))
  echo "NOT THE SAME: $how"
  diff "$work/expected" "$work/actual" | sed -n 's/^</  expected:/p; s/^>/  got:     /p' || true
  head -n 20 "$work/err"
}

other_locale=$(locale -a 2>/dev/null | grep -viE '^(C|POSIX|C\.utf-?8)$' | head -n 1) || true
other_locale=${other_locale:-C.UTF-8}

runs_of "${binaries[0]}" >"$work/expected"
if ! grep -q trace= "$work/expected"; then
  echo "${binaries[0]} ran nothing:"
  cat "$work/out" "$work/err"
  failed=1
fi

for binary in "${binaries[@]}"; do
  compare "$binary" "$binary"
done
binary=${binaries[0]}
if setarch -R true 2>/dev/null; then
  for each in "${binaries[@]}"; do compare "$each, addresses not randomised" setarch -R "$each"; done
else
  echo 'SKIPPED: setarch -R is not permitted here'
fi
compare "$binary, other directory" env -C "$work/elsewhere" "$binary"
compare "$binary, locale $other_locale, other time zone" env LANG="$other_locale" LC_ALL="$other_locale" TZ=Asia/Kathmandu "$binary"
compare "$binary, no environment" env -i "$binary"
compare "$binary, large environment" env WINDTUNNEL_FILLER="$(head -c 100000 /dev/zero | tr '\0' x)" "$binary"
compare "$binary, heap filled with 0xA5" env MALLOC_PERTURB_=165 "$binary"
compare "$binary, other reuse of the heap" env GLIBC_TUNABLES=glibc.malloc.tcache_count=0 "$binary"

# And chance is really drawn from the seed: two seeds of one scenario are two runs.
while read -r name count distinct; do
  if ((count > 1 && distinct == 1)); then
    echo "NOT DIFFERENT: $name gives the same trace for every seed"
    failed=$((failed + 1))
  elif ((count > 1)); then
    passed=$((passed + 1))
  fi
done < <(awk '/trace=/ { runs[$2]++; if (!seen[$2 " " $NF]++) distinct[$2]++ }
              END { for (name in runs) print name, runs[name], distinct[name] }' "$work/expected")

echo "$passed passed, $failed failed"
((failed == 0 && passed > 0))
