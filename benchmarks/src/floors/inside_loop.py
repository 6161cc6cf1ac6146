# Put behind the fixture's validate.py: the floor "the same loop inside the same CPython", timed by the interpreter itself.

import json
from time import perf_counter_ns


def _json():
    return json.loads, json.dumps


def _orjson():
    import orjson

    return orjson.loads, orjson.dumps


def _msgspec():
    import msgspec

    return msgspec.json.decode, msgspec.json.encode


def loop(value):
    """Raises ImportError where the library is not there, or not for an interpreter of this kind."""
    count, payload, library = value
    loads, dumps = {"json": _json, "orjson": _orjson, "msgspec": _msgspec}[library]()
    function = validate  # noqa: F821
    start = perf_counter_ns()
    for _ in range(count):
        dumps(function(loads(payload)))
    return perf_counter_ns() - start
