#!/bin/sh
# Looks for the real world in what the simulated world's libraries ask of the linker: clocks, sleeps, random numbers,
# threads, the environment. The words in the source are looked at elsewhere (tests/layering); this sees through macros,
# templates and packages. Usage: symbols.sh BUILD_DIR
set -eu
cd "$1"

archives=$(find core sim faults scenarios -name 'libwt_*.a' ! -path 'core/posix/*' 2>/dev/null | sort)
if [ -z "$archives" ]; then
  echo "no libraries in $1"
  exit 1
fi

# Right although on the list: OBJECT SYMBOL.
#   assert.cc: asks, once the run is over, whether a core file is wanted.
#   yaml_tree.cc: yaml-cpp reads from a stream, which copies the global locale; nobody sets one, and no run has begun.
allowed='assert.cc.o getenv;yaml_tree.cc.o _ZNSt6localeC1Ev'

# shellcheck disable=SC2086  # our own names, without blanks
nm -A --undefined-only $archives | awk -v allowed="$allowed" '
  BEGIN {
    count = split("clock_gettime gettimeofday time clock ftime localtime localtime_r gmtime gmtime_r strftime " \
                  "nanosleep clock_nanosleep usleep sleep poll select epoll_wait " \
                  "rand rand_r srand random srandom drand48 lrand48 getrandom getentropy arc4random " \
                  "pthread_create fork getenv secure_getenv getpid gethostname setlocale", names, " ")
    for (i = 1; i <= count; i++) forbidden[names[i]] = 1
    count = split(allowed, pairs, ";")
    for (i = 1; i <= count; i++) is_allowed[pairs[i]] = 1
  }
  {
    symbol = $NF
    sub(/@.*/, "", symbol)
    object = $1
    sub(/:$/, "", object)
    sub(/.*\//, "", object)
    # random_device, the std clocks, std::thread, std::async, std::locale of the C++ library
    is_found = symbol in forbidden || symbol ~ /13random_device|chrono3_V21[0-9](steady|system)_clock3now|St6thread15_M_start_thread|13_State_baseV2|^_ZNSt6localeC|this_fiber/
    if (is_found && !((object " " symbol) in is_allowed)) { print object " asks for " symbol; bad = 1 }
    seen++
  }
  END {
    if (seen == 0) print "nm found nothing to look at"
    exit(bad || seen == 0)
  }'
