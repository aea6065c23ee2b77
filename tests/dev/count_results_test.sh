#!/bin/sh
# What ./dev test counts. Usage: count_results_test.sh SOURCE_ROOT
set -eu
count=$1/tests/dev/count_results.awk
failures=0

expect() {  # expect WHAT "passed failed skipped" LOG
  actual=$(printf '%s' "$3" | awk -f "$count")
  if [ "$actual" != "$2" ]; then
    echo "$1: expected $2, got $actual"
    failures=1
  fi
}

summary() { printf '[doctest] test cases:   %s |   %s passed | %s failed | 0 skipped\\n' "$1" "$2" "$3"; }
program() { printf '{"name": "p", "stdout": "%s", "result": "%s", "returncode": 0}' "$1" "$2"; }

expect 'test cases are counted' '11 0 0' "$(program "$(summary 11 11 0)" OK)"
expect 'two programs add up' '14 1 0' "$(program "$(summary 11 11 0)" OK)
$(program "$(summary 4 3 1)" FAIL)"
expect 'a program without doctest is one' '1 0 0' "$(program 'fine\n' OK)"
expect 'a crash before the summary is a failure' '0 1 0' "$(program 'half a li' FAIL)"
expect 'a crash after the summary is a failure' '11 1 0' "$(program "$(summary 11 11 0)" FAIL)"
expect 'a time-out is a failure' '0 1 0' "$(program '' TIMEOUT)"
expect 'a program without test cases is a failure' '0 1 0' "$(program "$(summary 0 0 0)" OK)"
expect 'no program at all is a failure' '0 1 0' ''
expect 'a skipped program is no pass' '0 0 1' "$(program 'no peer\n' SKIP)"
expect 'a skipped test case is no pass' '10 0 1' "$(program "SKIPPED: no nats-server here\\n$(summary 11 11 0)" OK)"
expect 'a program cannot print itself a result' '0 1 0' "$(program '\"result\": \"OK\"' FAIL)"
exit $failures
