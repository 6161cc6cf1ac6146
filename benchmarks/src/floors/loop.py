"""The floor "the same loop inside CPython with json": for each line `[count, payload]` on standard input, a line with the
nanoseconds that so many calls took."""

import json
import os
import sys
from time import perf_counter_ns

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../../../fixtures/validate-email/pyvm"))
from validate import validate  # noqa: E402


def loop(count, payload):
    dumps, loads, function = json.dumps, json.loads, validate
    start = perf_counter_ns()
    for _ in range(count):
        dumps(function(loads(payload)))
    return perf_counter_ns() - start


for line in sys.stdin:
    count, payload = json.loads(line)
    print(loop(count, payload), flush=True)
