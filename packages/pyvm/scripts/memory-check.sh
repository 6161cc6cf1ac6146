#!/usr/bin/env bash
# Runs test/memory-check.mjs with the addon built under AddressSanitizer and UndefinedBehaviorSanitizer (half a minute), or
# under valgrind (minutes), and fails on an error in our code.
#
#   packages/pyvm/scripts/memory-check.sh [address | valgrind]
#
# PYVM_PYTHON names the CPython; without it the one of scripts/get-python.sh is used.
set -euo pipefail
cd "$(dirname "$0")/.."
PYVM_PYTHON=${PYVM_PYTHON:-$(../../scripts/get-python.sh)}
export PYVM_PYTHON
export PYVM_NO_DEEP_BINDING=1  # sanitizers refuse it
case "${1:-address}" in
  address)
    node scripts/build-addon.mjs --address-sanitizer
    # Leaks are looked for by test/endurance.test.ts: at the end of a process neither Node nor CPython frees everything.
    LD_PRELOAD=$(${CXX:-c++} -print-file-name=libasan.so) ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=print_stacktrace=1 \
      PYVM_ADDON=$PWD/build/asan/pyvm.node node test/memory-check.mjs
    ;;
  valgrind)
    if ! command -v valgrind >/dev/null; then
      [ "$(id -u)" = 0 ] || { echo "memory-check: valgrind is missing: apt-get install valgrind" >&2; exit 1; }
      apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends valgrind
    fi
    node scripts/build-addon.mjs --debug
    log=$(mktemp)
    PYVM_ADDON=$PWD/build/debug/pyvm.node valgrind --log-file="$log" --num-callers=30 --smc-check=all-non-file \
      node --single-threaded-gc test/memory-check.mjs
    # Node and CPython have findings of their own; one counts when a frame of the addon is in it.
    if grep -q "pyvm::" "$log"; then cat "$log"; exit 1; fi
    rm "$log"
    ;;
  *)
    echo "memory-check: address or valgrind, not $1" >&2
    exit 2
    ;;
esac
