# The Python half: what runs between the host and a program. Files of pyvm's Python half follow this one, so that both engines have one meaning; what they
# expect of their addon is here.

import sys
from _frozen_importlib import ModuleSpec as _ModuleSpec
from _frozen_importlib_external import (
    PathFinder as _PathFinder,
    SourceFileLoader as _SourceFileLoader,
)

import _host

_own = True  # an interpreter of its own
_wanting = ()  # there are no extension modules that could be refused
_daemon_refused = False
_host_call = _host.call


def _told(text):
    return text


def _write(level, text, _program):
    _host.write(level, text)
    return True


def _refuse(name):
    raise ValueError(f"{name} is not JSON")


def loads(text):
    from json import loads

    return loads(text, parse_constant=_refuse)


def dumps(value):
    from json import dumps

    return dumps(value, allow_nan=False, separators=(",", ":"))


def describe_text(error):
    """What an exception is, as JSON: its name, message and traceback, and more where it has more."""
    from json import dumps

    *texts, extras = describe(error)
    text = dumps(texts)
    return f"{text[:-1]},{extras}]" if extras else text
