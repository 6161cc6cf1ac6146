# Put behind the fixture's validate.py: the floor "the same loop inside the same CPython", timed by the interpreter itself.

import json
from time import perf_counter_ns


def loop(value):
    count, payload = value
    dumps, loads, function = json.dumps, json.loads, validate  # noqa: F821
    start = perf_counter_ns()
    for _ in range(count):
        dumps(function(loads(payload)))
    return perf_counter_ns() - start
