# Counts what meson's testlog.json (one JSON object a line and test program) says: prints "passed failed skipped".
#
# A doctest program counts with its test cases, any other program as one. A program that failed without a failed test
# case (it crashed, hung or left the wrong way) counts as one failure more; so does a doctest program without a test
# case, and a log without a test program. A test case that cannot run here passes after printing a line "SKIPPED: why":
# it counts as skipped.

# The number before `word` in doctest's summary, e.g. "[doctest] test cases:  11 |  10 passed | 1 failed | 0 skipped".
function figure(summary, word) {
  if (!match(summary, "[0-9]+ " word)) return 0
  return substr(summary, RSTART, RLENGTH) + 0
}

{
  programs++
  ok = index($0, "\"result\": \"OK\"") > 0  # quotes inside the program's own output are escaped, so this is meson's word
  if (index($0, "\"result\": \"SKIP\"")) { skipped++; next }
  if (match($0, /\[doctest\] test cases:[ 0-9]*\|[ 0-9]*passed \|[ 0-9]*failed/)) {
    summary = substr($0, RSTART, RLENGTH)
    cases_passed = figure(summary, "passed")
    cases_failed = figure(summary, "failed")
    line = $0
    cases_skipped = gsub(/\\nSKIPPED: /, "", line) + gsub(/"SKIPPED: /, "", line)
    if (cases_skipped > cases_passed) cases_skipped = cases_passed
    if (cases_failed == 0 && (!ok || cases_passed == 0)) cases_failed = 1
    passed += cases_passed - cases_skipped
    failed += cases_failed
    skipped += cases_skipped
  } else if (ok) {
    passed++
  } else {
    failed++
  }
}

END {
  if (programs == 0) failed++
  print passed + 0, failed + 0, skipped + 0
}
