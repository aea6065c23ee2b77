#!/bin/sh
# symbols.sh bites: a library that reads a clock, draws or starts a thread is found, one that does not is not.
# Usage: symbols_test.sh SOURCE_ROOT COMPILER...
set -eu
root=$1
shift
compiler=$*  # "ccache g++" is two words
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
mkdir -p "$dir/sim" "$dir/core/posix"
failures=0

# library FILE CODE
library() {
  # shellcheck disable=SC2086
  printf '%s\n' "$2" | $compiler -x c++ -std=c++20 -c -o "$dir/code.o" -
  ar rc "$1" "$dir/code.o"
}

# expect STATUS WHAT FOLDER CODE
expect() {
  rm -f "$dir"/sim/* "$dir"/core/posix/*
  library "$dir/sim/libwt_innocent.a" 'void own(); void g() { own(); }'
  library "$dir/$3/libwt_planted.a" "$4"
  status=0
  sh "$root/tests/lint/symbols.sh" "$dir" >"$dir/out" 2>&1 || status=1
  if [ "$status" != "$1" ]; then
    echo "$2: expected status $1"
    cat "$dir/out"
    failures=1
  fi
}

expect 1 'a real clock' sim '#include <chrono>
auto f() { return std::chrono::steady_clock::now(); }'
expect 1 'the time of day' sim '#include <ctime>
auto f() { return std::time(nullptr); }'
expect 1 'a random device' sim '#include <random>
auto f() { return std::random_device{}(); }'
expect 1 'a thread' sim '#include <thread>
void f() { std::thread{[] {}}.join(); }'
expect 1 'the environment' sim '#include <cstdlib>
auto f() { return std::getenv("HOME"); }'
expect 0 'a real clock in the ports of the real world' core/posix '#include <chrono>
auto f() { return std::chrono::steady_clock::now(); }'
expect 0 'an innocent library' sim '#include <cstdio>
void f() { std::puts("time"); }'

rm -rf "$dir/sim" "$dir/core"
if sh "$root/tests/lint/symbols.sh" "$dir" >/dev/null 2>&1; then
  echo 'no library at all: expected a failure'
  failures=1
fi
exit $failures
