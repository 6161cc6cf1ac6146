"""Runs one module of CPython's own tests, and tells what came of it."""

import sys
import unittest


class Result(unittest.TestResult):
    def __init__(self):
        super().__init__()
        self.failed = {}

    def note(self, test, error):
        kind, value, _ = error
        self.failed[test.id()] = f"{kind.__name__}: {value}".split("\n")[0][:200]

    def addError(self, test, error):
        super().addError(test, error)
        self.note(test, error)

    def addFailure(self, test, error):
        super().addFailure(test, error)
        self.note(test, error)

    def addSubTest(self, test, subtest, error):
        super().addSubTest(test, subtest, error)
        if error is not None:
            self.note(test, error)


def run(name):
    from test import support

    # As `python -m test` without -u: nothing that takes long, or reaches out.
    support.use_resources = []
    support.verbose = False
    result = Result()
    try:
        suite = unittest.defaultTestLoader.loadTestsFromName(f"test.{name}")
    except unittest.SkipTest as reason:
        return {"run": 0, "skipped": 0, "failed": {}, "why": str(reason)}
    suite.run(result)
    return {"run": result.testsRun, "skipped": len(result.skipped), "failed": result.failed}
