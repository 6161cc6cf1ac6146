# Errors

_SHARED_HINT = (
    '\nThis C extension cannot be loaded into a sub-interpreter: set "python": { "interpreter": "shared" } in '
    "extension.json to run in the main interpreter"
)
_SUBINTERPRETER_ERRORS = (
    "not support loading in subinterpreters",
    "load module more than once per process",
    "initialized twice",
    "already initialized",
    "once per interpreter process",
    "loaded into one interpreter per process",
    "does not support subinterpreters",
    "sub-interpreters are not supported",
    "do not support subinterpreters",
    "do not yet support subinterpreters",
)
# What fails in a package that has done without an extension module: it lacks names and functions.
_LACKING = (ImportError, NameError, AttributeError, TypeError, RuntimeError, SystemError)
_LACKING_HINT = (
    '\nThis package lacks a C extension that cannot be loaded into a sub-interpreter, which may be why: set "python": '
    '{ "interpreter": "shared" } in extension.json to run in the main interpreter'
)


def _lacks_extension(error):
    """Whether it was raised in a package that wanted a C extension which was refused, or for what that package lacks."""
    if not _wanting or not isinstance(error, _LACKING):
        return False
    module = getattr(error, "obj", None) if isinstance(error, AttributeError) else getattr(error, "name", None)
    module = getattr(module, "__name__", module) if isinstance(module, type(sys)) else module
    if isinstance(module, str) and module.partition(".")[0] in _wanting and not isinstance(error, NameError):
        return True
    traceback = error.__traceback__
    while traceback is not None:
        if str(traceback.tb_frame.f_globals.get("__name__")).partition(".")[0] in _wanting:
            return True
        traceback = traceback.tb_next
    return False


# What CPython says where an isolated interpreter lacks something that the main one has.
_ISOLATED_HINTS = {
    "daemon threads are disabled": "Daemon threads are there in the shared interpreter",
    "fork not supported": "",
    "exec not supported": "",
    "thread is not supported for isolated subinterpreters": "Threads of this kind are there in the shared interpreter",
}
_SHARED_SETTING = ': set "python": { "interpreter": "shared" } in extension.json, or make the thread an ordinary one and end it'


def _isolated_hint(error):
    if not isinstance(error, RuntimeError):
        return ""
    text = str(error)
    if _SHARED_SETTING in text:
        return ""
    if _daemon_refused and type(error).__name__ in ("BrokenProcessPool", "BrokenThreadPool", "BrokenExecutor"):
        return f"\nIts daemon threads were refused. Daemon threads are there in the shared interpreter{_SHARED_SETTING}"
    for said, remedy in _ISOLATED_HINTS.items():
        if said in text and remedy:
            return f"\n{remedy}{_SHARED_SETTING}"
    return ""


def _chain(error):
    seen = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


_MOST_TOLD = 65536  # characters: the core cuts at limits.errorChars
_MOST_NOTES = 1000


def describe(error):
    """The type's name, the text and the traceback of an exception; never raises an Exception of its own."""
    name = type(error).__name__
    try:
        if type(error) is HostError and isinstance(error.name, str):
            name = error.name
        message = _told(str(error))
    except Exception:
        message = "<str() of the exception failed>"
    try:
        from traceback import TracebackException

        if not _own:
            _refresh_lines(error)
        told = TracebackException(type(error), error, error.__traceback__, compact=True)
        _bound_notes(told)
        _hide_own_frames(told)
        stack = _told(_beginning(told.format()))
    except Exception:
        stack = ""
    if _own and any(isinstance(e, ImportError) and any(t in str(e) for t in _SUBINTERPRETER_ERRORS) for e in _chain(error)):
        message = message.rstrip() + _SHARED_HINT
    elif _own:
        try:
            message += _isolated_hint(error) or (_LACKING_HINT if _lacks_extension(error) else "")
        except Exception:
            pass
    return name[:_MOST_TOLD], message[:_MOST_TOLD], stack[:_MOST_TOLD], _extras(error)


_MOST_DEPTH = 8
_CHARS_OF_ERROR = 32  # that an error below another counts as, beside its texts


def _extras(error):
    """What else an exception tells: an object of JSON with `code`, `data`, `cause` (its `__cause__`) and `errors` (of a group), or "" for nothing."""
    try:
        more = _told_below(error, [_MOST_TOLD], 0)
        if not more:
            return ""
        from json import dumps

        return dumps(more)
    except Exception:
        return ""


def _told_below(error, left, depth):
    more = {}
    for key in ("code", "data"):
        try:
            value = getattr(error, key, None)
            if value is None or (key == "code" and (type(value) not in (str, int, float) or value != value)):
                continue
            from json import dumps, loads

            text = dumps(value, allow_nan=False)
            if len(text) <= left[0]:
                left[0] -= len(text)
                more[key] = loads(text)
        except Exception:
            pass
    cause = error.__cause__
    if cause is not None:
        told = _error_below(cause, left, depth + 1)
        if told is not None:
            more["cause"] = told
    parts = error.exceptions if isinstance(error, BaseExceptionGroup) else error.errors if type(error) is HostError else None
    if type(parts) is tuple:
        told = []
        for part in parts:
            one = _error_below(part, left, depth + 1)
            if one is None:
                break
            told.append(one)
        if told:
            more["errors"] = told
    return more


def _error_below(error, left, depth):
    if depth > _MOST_DEPTH or left[0] < _CHARS_OF_ERROR:
        return None
    try:
        message = str(error)
    except Exception:
        message = "<str() of the exception failed>"
    name = type(error).__name__
    if type(error) is HostError and isinstance(error.name, str):
        name = error.name
    told = {"name": name[: left[0]], "message": message[: left[0]]}
    left[0] -= _CHARS_OF_ERROR + len(name) + len(message)
    told.update(_told_below(error, left, depth))
    return told


def _beginning(parts):
    """The text of the parts, up to where nobody is told more: they may be many, and all of them past any memory."""
    kept, room = [], _MOST_TOLD
    for part in parts:
        kept.append(part[:room])
        room -= len(part)
        if room <= 0:
            break
    return "".join(kept)


def _bound_notes(told):
    """CPython copies a note line by line, and makes all of its lines before it tells the first."""
    for each in _all_told(told):
        notes = getattr(each, "__notes__", None)
        if type(notes) is list:
            each.__notes__ = [note[:_MOST_TOLD] if type(note) is str else note for note in notes[:_MOST_NOTES]]


def _hide_own_frames(told):
    """Those of the addon, and those of the import system, which CPython hides too where it knows them."""
    for each in _all_told(told):
        each.stack[:] = [f for f in each.stack if not f.filename.startswith((__file__, "<frozen importlib"))]
        if each.stack and each.stack[0].name == "run_until_complete" and each.stack[0].filename.endswith("base_events.py"):
            del each.stack[0]  # of the loop that awaits the guest


def _all_told(told):
    pending = [told]
    while pending:
        each = pending.pop()
        if each is not None:
            yield each
            pending += [each.__cause__, each.__context__, *(each.exceptions or ())]
