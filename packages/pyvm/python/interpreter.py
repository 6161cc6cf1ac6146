# The interpreter


def install():
    host = sys.modules["extruntime"] = type(sys)("extruntime", "What the host offers to this extension.")
    host.__all__ = ["HostError", "call", "config"]
    host.__getattr__ = _host_attribute
    for each in (HostError, call):
        each.__module__ = host.__name__
        setattr(host, each.__name__, each)
    sys.stdin = None
    sys.stdout = sys.__stdout__ = _Stream("<stdout>", 1)
    sys.stderr = sys.__stderr__ = _Stream("<stderr>", 3)
    sys.argv = [""]
    if _executable:
        sys.executable = _executable
    sys.dont_write_bytecode = True
    if hasattr(sys, "setdlopenflags"):
        sys.setdlopenflags(_dlopen_flags)
    sys.path_hooks.insert(0, _memory_hook)
    actions = _after_import()
    for name in [name for name in actions if name in sys.modules]:
        actions.pop(name)(sys.modules[name])
    sys.meta_path.insert(0, _AfterImport(actions))
    _refuse_fork(sys.modules.get("posix"))
    _refuse_fork(sys.modules.get("os"))
    if not _own:
        _note_registrations()
        sys.meta_path.insert(0, _OwnFinder())
    else:
        # Nothing else competes for this lock, but a call that must be aborted.
        sys.setswitchinterval(0.001)


def _after_import():
    actions = {
        "logging": _attach,
        "multiprocessing.context": _spawn_by_default,
        "multiprocessing.spawn": _spawn_guests,
        "subprocess": _start_children,
        "asyncio.events": _provide_loop,
    }
    if _own:
        actions["threading"] = _explain_daemons
    if not _own:
        actions["logging.config"] = _leave_loggers
        actions["warnings"] = _note_filters
    if _carried:
        actions["sqlite3.dbapi2"] = _share_connections
        actions.update((name, _keep_here) for name in _KEEP_TO_THREAD)
    return actions


def prepare():
    """The main interpreter imports these first: some crash when only sub-interpreters that come and go have done so.

    Not `_asyncio`: imported before `asyncio`, which it imports, it leaves asyncio without a current task. `threading`, because
    before 3.13 it takes the thread that imports it for the main one, and that is no program's.
    """
    for name in ("threading", "_datetime", "_decimal", "_ctypes", "_ssl", "_sqlite3", "_zoneinfo", "_elementtree"):
        try:
            __import__(name)
        except ImportError:
            pass


def warm_up():
    """A spare interpreter does while nobody waits what most programs will have it do: imports, and a load from end to end."""
    import json, re

    paths = sys.path[:]
    code = compile("def run(value):\n    return value", "/rehearsal/guest.py", "exec")
    load(code, "/rehearsal/guest.py", "rehearsal", 0, ["run"], "/rehearsal", None, [], None, False)
    del sys.modules["rehearsal"]
    sys.path[:] = paths


THREADS_SECONDS = 5


def shutdown():
    """Runs what Python runs at its end and what may take its time: the end of threads, and atexit functions."""
    end_loop()
    threading = sys.modules.get("threading")
    if threading is not None:
        _end_threads(threading)
    atexit = sys.modules.get("atexit")
    if atexit is not None:
        atexit._run_exitfuncs()


def _end_threads(threading):
    # As CPython does at its end: who has threads that wait for work, such as concurrent.futures, tells them now to end.
    threading._SHUTTING_DOWN = True
    callbacks = threading._threading_atexits
    while callbacks:
        try:
            callbacks.pop()()
        except Exception as error:
            sys.excepthook(type(error), error, error.__traceback__)
    not_started_here = (threading._MainThread, threading._DummyThread)
    threads = [t for t in threading.enumerate() if not t.daemon and not isinstance(t, not_started_here)]
    from time import monotonic

    until = monotonic() + THREADS_SECONDS
    for thread in threads:
        thread.join(max(0, until - monotonic()))
    left = [thread.name for thread in threads if thread.is_alive()]
    if left:
        print(
            f"the extension was closed, and these of its threads did not end within {THREADS_SECONDS} s, so their "
            f"interpreter is left behind: {', '.join(left)}",
            file=sys.stderr,
        )
    # What it keeps of this thread complains when it goes after the module.
    dummies = getattr(threading, "_DeleteDummyThreadOnDel", None)
    if dummies is not None:
        dummies.__del__ = lambda self: None


install()
