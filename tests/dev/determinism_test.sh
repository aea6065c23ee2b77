#!/usr/bin/env bash
# determinism.sh finds a run that depends on what it must not depend on. The binaries here are stand-ins that print lines
# like windtunnel's. Usage: determinism_test.sh SOURCE_ROOT
set -euo pipefail
unset LC_ALL LANG TZ MALLOC_PERTURB_  # what the stand-ins look at
script=$1/tests/determinism.sh
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
touch "$work/a.yaml"
failures=0

# stand_in FILE TRACE: prints a run for each of the seeds 1 and 2 of one scenario; TRACE is shell text.
stand_in() {
  cat >"$1" <<TXT
#!/bin/bash
for seed in 1 2; do
  echo "PASS hub-outage seed=\$seed events=48211 virtual=1m30s wall=0.\$RANDOM trace=$2"
done
TXT
  chmod +x "$1"
}

# expect STATUS WHAT LAST_LINE BINARY...
expect() {
  local wanted=$1 what=$2 last=$3 status=0
  shift 3
  "$script" --seeds 1..2 "$@" -- "$work/a.yaml" >"$work/out" 2>&1 || status=$?
  # shellcheck disable=SC2053  # a pattern
  if [[ $status != "$wanted" || $(tail -n 1 "$work/out") != $last ]]; then
    echo "$what: expected status $wanted and '$last', got $status and:"
    cat "$work/out"
    failures=1
  fi
}

# shellcheck disable=SC2016  # for the stand-in to expand
{
  stand_in "$work/good" '9f3c5e0d12ab34c$seed'
  stand_in "$work/twin" '9f3c5e0d12ab34c$seed'
  stand_in "$work/other" '9f3c5e0d12ab34d$seed'
  stand_in "$work/half" '9f3c5e0d12ab34c$((seed == 1 ? 1 : 3))'
  stand_in "$work/deaf" '9f3c5e0d12ab34cd'
  stand_in "$work/clock" '$(date +%N)$seed'
  stand_in "$work/addresses" '$(sed -nE "/\[stack\]/s/-.*//p" /proc/$$/maps)$seed'
  stand_in "$work/directory" '$(pwd | md5sum | cut -c 1-8)$seed'
  stand_in "$work/locale" '$(echo "$LC_ALL" | md5sum | cut -c 1-8)$seed'
  stand_in "$work/heap" '${MALLOC_PERTURB_:-0}$seed'
}
printf '#!/bin/sh\nexit 4\n' >"$work/dead"
chmod +x "$work/dead"

expect 0 'the same everywhere' '[1-9]* passed, 0 failed' "$work/good" "$work/twin"
expect 1 'another binary' '* passed, [1-9]* failed' "$work/good" "$work/other"
expect 1 'another binary, one seed' '* passed, [1-9]* failed' "$work/good" "$work/half"
expect 1 'a seed that nobody hears' '* passed, 1 failed' "$work/deaf"
expect 1 'a clock' '* passed, [1-9]* failed' "$work/clock"
expect 1 'the directory' '* passed, 2 failed' "$work/directory"
expect 1 'the locale' '* passed, 2 failed' "$work/locale"
expect 1 'what the heap held' '* passed, 2 failed' "$work/heap"
expect 1 'addresses' '* passed, [1-9]* failed' "$work/addresses"
expect 1 'a binary that dies' '0 passed, [1-9]* failed' "$work/dead"
expect 1 'another binary that dies' '* passed, [1-9]* failed' "$work/good" "$work/dead"
expect 2 'nothing to run' 'usage: *'
exit $failures
