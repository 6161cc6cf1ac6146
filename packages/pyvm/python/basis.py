import sys
from _frozen_importlib import ModuleSpec as _ModuleSpec
from _frozen_importlib_external import (
    PathFinder as _PathFinder,
    SourceFileLoader as _SourceFileLoader,
    SourceLoader as _SourceLoader,
)
from _thread import _local, allocate_lock as _allocate_lock


class CallAborted(BaseException):
    """Raised in a call whose deadline has passed, or that its caller has given up."""

    if _without_gil:

        def __init__(self):
            # It is made where it is raised, and that is a matter of luck.
            if sys._getframe(1).f_code.co_filename.startswith((_standard_library, "<frozen ")):
                _disordered.add(get_ident())


class _CallStopped(CallAborted):
    """Sent after the first one has not been heeded: it brings the trace function."""

    def __init__(self):
        super().__init__()
        _trace(CallAborted)


def _refuse(name):
    raise ValueError(f"{name} is not JSON")


def loads(text):
    from json import loads

    return loads(text, parse_constant=_refuse)


def dumps(value):
    from json import dumps

    return dumps(value, allow_nan=False, separators=(",", ":"))


# Where frames of the standard library are: an abort does not touch them, for they may hold locks that outlive a call.
_disordered = set()  # threads where one has been touched
_standard_library = sys._stdlib_dir + "/" if sys._stdlib_dir else ""
