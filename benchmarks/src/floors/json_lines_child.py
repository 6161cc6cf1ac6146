"""The child of the floor "a Python child over a pipe". With `batched` all lines of a chunk are answered with one write, else each with one, which
is how such a child is usually written."""

import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../../../fixtures/validate-email/pyvm"))
from validate import validate  # noqa: E402

dumps, loads = json.dumps, json.loads


def line_by_line():
    write, flush = sys.stdout.write, sys.stdout.flush
    for line in sys.stdin:
        write(dumps(validate(loads(line))) + "\n")
        flush()


def batched():
    rest = b""
    while chunk := os.read(0, 1 << 16):
        *lines, rest = (rest + chunk).split(b"\n")
        answers = "".join([dumps(validate(loads(line))) + "\n" for line in lines]).encode()
        while answers:
            answers = answers[os.write(1, answers) :]


batched() if sys.argv[1:] == ["batched"] else line_by_line()
