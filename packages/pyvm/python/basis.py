import sys
from _frozen_importlib import ModuleSpec as _ModuleSpec
from _frozen_importlib_external import (
    PathFinder as _PathFinder, SourceFileLoader as _SourceFileLoader, SourceLoader as _SourceLoader)
from _thread import _local, get_ident


class CallAborted(BaseException):
    """Raised in a call whose deadline has passed, or that its caller has given up."""


class _CallStopped(CallAborted):
    """Sent after the first one has not been heeded: it brings the trace function."""

    def __init__(self):
        _trace(CallAborted)


def _refuse(name):
    raise ValueError(f"{name} is not JSON")


def loads(text):
    from json import loads
    return loads(text, parse_constant=_refuse)


def dumps(value):
    from json import dumps
    return dumps(value, allow_nan=False, separators=(",", ":"))
