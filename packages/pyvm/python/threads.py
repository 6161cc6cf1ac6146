# Whose thread it is

if not _own:
    from contextvars import ContextVar
    _program = ContextVar("_program", default=-1)


def _whose():
    """The program of a thread that a guest has started: looked up from its frames, or from what asyncio hands on to threads."""
    frame = sys._getframe(1)
    while frame is not None:
        unique = frame.f_globals.get("__pyvm__")
        if unique is not None:
            return unique
        frame = frame.f_back
    return _program.get()
