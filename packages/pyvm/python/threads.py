# Whose thread it is

if not _own:
    from contextvars import ContextVar

    _program = ContextVar("_program", default=-1)
    _started = _local()  # its attribute `program`: whose thread it is, whatever context it runs in


def _whose():
    """The program of a thread that a guest has started: looked up from its frames, what asyncio hands on to threads, or who started it."""
    frame = sys._getframe(1)
    while frame is not None:
        unique = frame.f_globals.get("__pyvm__")
        if unique is not None:
            return unique
        frame = frame.f_back
    unique = _program.get()
    return getattr(_started, "program", -1) if unique == -1 else unique


# Before 3.12 a thread has the identity of the one that started it until it runs: an abort of that one would hit it instead.
_known_late = sys.version_info < (3, 12)


def _inherit_program(start):
    """A thread is its program's who starts it, whatever it runs: `print` itself, or a function of the standard library."""

    def start_thread(function, *args, **kwargs):
        unique = _whose()
        begun = _known_late and _allocate_lock()
        if unique == -1 and not begun:
            return start(function, *args, **kwargs)

        def run(*args, **kwargs):
            if begun:
                begun.release()
            if unique != -1:
                _started.program = unique
            return function(*args, **kwargs)

        if begun:
            begun.acquire()
        thread = start(run, *args, **kwargs)
        if begun:
            begun.acquire()
        return thread

    return start_thread


if not _own:
    for _module, _prefix in ((sys.modules["_thread"], ""), (sys.modules.get("threading"), "_")):
        for _name in ("start_new_thread", "start_new", "start_joinable_thread"):
            if hasattr(_module, _prefix + _name):
                setattr(_module, _prefix + _name, _inherit_program(getattr(_module, _prefix + _name)))
