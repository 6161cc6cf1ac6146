"""Nanoseconds of json.dumps(validate(json.loads(s))), of validate alone, and, with `pipe`, a child that answers lines."""
import json
import sys
import time

sys.path.insert(0, __file__.rpartition("/")[0])
from validate import validate


def nanoseconds(body, rounds):
    start = time.perf_counter_ns()
    for _ in range(rounds):
        body()
    return (time.perf_counter_ns() - start) / rounds


if sys.argv[1] == "pipe":
    for line in sys.stdin:
        sys.stdout.write(json.dumps(validate(json.loads(line))) + "\n")
        sys.stdout.flush()
else:
    text = sys.argv[1]
    record = json.loads(text)
    loops = sorted(nanoseconds(lambda: json.dumps(validate(json.loads(text))), 20_000) for _ in range(7))
    alone = sorted(nanoseconds(lambda: validate(record), 20_000) for _ in range(7))
    print(json.dumps({"loop": loops[3], "validate": alone[3]}))
