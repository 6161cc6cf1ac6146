#!/usr/bin/env bash
# Runs test/memory-check.mjs with the addon built under AddressSanitizer, or under valgrind, and fails on an error in our code.
#
#   PYVM_PYTHON=$(scripts/get-python.sh) packages/pyvm/scripts/memory-check.sh [address | valgrind]
set -euo pipefail
cd "$(dirname "$0")/.."
export PYVM_NO_DEEP_BINDING=1  # sanitizers refuse it
case "${1:-address}" in
  address)
    node scripts/build-addon.mjs --address-sanitizer
    # Leaks are looked for by test/endurance.test.ts: at the end of a process neither Node nor CPython frees everything.
    LD_PRELOAD=$(${CXX:-c++} -print-file-name=libasan.so) ASAN_OPTIONS=detect_leaks=0 PYVM_ADDON=$PWD/build/asan/pyvm.node \
      node test/memory-check.mjs
    ;;
  valgrind)
    node scripts/build-addon.mjs --debug
    log=$(mktemp)
    PYVM_ADDON=$PWD/build/debug/pyvm.node PYTHONMALLOC=malloc valgrind --log-file="$log" --num-callers=30 --smc-check=all-non-file \
      node --single-threaded-gc test/memory-check.mjs
    # Node and CPython have findings of their own; one counts when a frame of the addon is in it.
    if grep -q "pyvm::" "$log"; then cat "$log"; exit 1; fi
    rm "$log"
    ;;
esac
