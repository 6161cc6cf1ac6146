#include "bootstrap.h"

namespace pyvm {

// `_write`, `_trace`, `_host_call`, `_dlopen_flags` and `_own` are put into its globals beforehand. It imports nothing that an
// interpreter does not have anyway: what is rarely needed is imported where it is needed.
const char kBootstrapSource[] = R"PYTHON(
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


# Errors

_SHARED_HINT = (
    '\nThis C extension cannot be loaded into a sub-interpreter: set "python": { "interpreter": "shared" } in '
    "extension.json to run in the main interpreter"
)
_SUBINTERPRETER_ERRORS = ("not support loading in subinterpreters", "load module more than once per process",
                          "initialized twice", "already initialized", "does not support subinterpreters",
                          "sub-interpreters are not supported", "do not support subinterpreters")


def _chain(error):
    seen = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


_MOST_TOLD = 65536  # characters: the core cuts at limits.errorChars


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
        _hide_own_frames(told)
        stack = _told("".join(told.format()))
    except Exception:
        stack = ""
    if _own and any(isinstance(e, ImportError) and any(t in str(e) for t in _SUBINTERPRETER_ERRORS)
                    for e in _chain(error)):
        message = message.rstrip() + _SHARED_HINT
    return name[:_MOST_TOLD], message[:_MOST_TOLD], stack[:_MOST_TOLD]


def _hide_own_frames(told):
    """Those of the addon, and those of the import system, which CPython hides too where it knows them."""
    pending = [told]
    while pending:
        each = pending.pop()
        if each is not None:
            each.stack[:] = [f for f in each.stack if not f.filename.startswith((__file__, "<frozen importlib"))]
            if each.stack and each.stack[0].name == "run_until_complete" and each.stack[0].filename.endswith("base_events.py"):
                del each.stack[0]  # of the loop that awaits the guest
            pending += [each.__cause__, each.__context__, *(each.exceptions or ())]


# Programs

def compile_source(source, filename):
    import marshal
    return marshal.dumps(compile(source, filename, "exec", dont_inherit=True))


def _module_name(stem, unique):
    if not _own:
        return f"{stem}@{unique}"  # known to program.cc, too
    return f"extension_{stem}" if stem in sys.stdlib_module_names or stem in sys.modules else stem


def load(code, filename, stem, unique, exports, folder, files, paths, venv):
    """Runs a program's top level. Returns its functions, in the order of `exports`; None for those that it lacks."""
    if venv is not None:
        prefix, *site_packages = venv
        import site
        for each in site_packages:
            site.addsitedir(each)
        if _own:
            sys.prefix = sys.exec_prefix = prefix
    module = type(sys)(_module_name(stem, unique))
    module.__file__ = filename
    module.__pyvm__ = unique
    if files is None:
        loader = _SourceFileLoader(module.__name__, filename)
        module.__spec__ = _ModuleSpec(module.__name__, loader, origin=filename)
        module.__spec__.has_location = True
    else:
        location, _, below = folder.partition("/")
        root = location if _own else f"{location}@{unique}"
        memory = _Memory.by_root[root] = _Memory(root, location, files)
        folder = memory.entry(below)
        module.__spec__ = _memory_spec(module.__name__, memory, filename.removeprefix(location + "/"), False)
    module.__loader__ = module.__spec__.loader
    # After the standard library, so that a file of the extension never stands in for one of its modules; before
    # what is installed.
    if _own:
        paths = [folder, *paths]
    at = next((i for i, p in enumerate(sys.path) if p.endswith(("site-packages", "dist-packages"))), len(sys.path))
    sys.path[at:at] = [path for path in paths if path not in sys.path]
    sys.modules[module.__name__] = module
    if not _own:
        _program.set(unique)  # of this thread's context, which asyncio hands on
        own = _OwnFinder.programs[module.__name__] = _Own(module.__name__, folder)
        module.__path__ = [folder]
        sys.modules[f"{module.__name__}.{stem}"] = module  # for its other files
        module.__builtins__ = own.builtins
    # Where it throws, the executor unloads it when that has been told.
    exec(code, module.__dict__)
    functions = [module.__dict__.get(name) for name in exports]
    return [f if callable(f) else None for f in functions]


def unload(name):
    """Forgets a program and its files; what its functions still hold goes with them."""
    own = _OwnFinder.programs.pop(name, None)
    if own is not None:
        _forget_files(own)
    for each in [each for each in list(sys.modules) if each == name or each.startswith(name + ".")]:
        sys.modules.pop(each, None)
)PYTHON"
#include "own_files.h"
                                R"PYTHON(

# Coroutines run on a loop that the thread keeps

_thread = _local()
_loops = {}


def run(coroutine):
    loop = getattr(_thread, "loop", None)
    if loop is None or loop.is_closed():
        from asyncio import new_event_loop
        loop = _thread.loop = _loops[get_ident()] = new_event_loop()
    return loop.run_until_complete(coroutine)


def drop_loop():
    """Closes the loop of this thread, whatever state an aborted call has left it in."""
    loop = _thread.__dict__.pop("loop", None)
    _loops.pop(get_ident(), None)
    if loop is None:
        return
    from asyncio import _set_running_loop
    _set_running_loop(None)
    loop._thread_id = None
    try:
        loop.close()
    except Exception:
        pass


def recover():
    """After an abort: gives back what an exception at a bad moment has left behind of the interpreter's own things."""
    # It may have hit the code of the loop, so that one is not used again.
    drop_loop()
    import _imp
    try:
        while _imp.lock_held():
            _imp.release_lock()
    except RuntimeError:
        pass  # held by another thread, which is at work
    thread = get_ident()
    for reference in list(getattr(sys.modules["_frozen_importlib"], "_module_locks", {}).values()):
        lock = reference()
        while lock is not None and lock.owner == thread:
            lock.release()


def wake(thread):
    """Makes a loop that waits look up, so that an exception put into its thread is noticed."""
    loop = _loops.get(thread)
    if loop is not None:
        try:
            loop.call_soon_threadsafe(int)
        except RuntimeError:
            pass


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


# The host

class HostError(RuntimeError):
    """What a host function has failed with: the text is its error's message, and `name` its error's name."""

    name = "Error"


def call(name, value=None):
    """Calls a function that the host has granted to this extension, with a value that JSON can say, and returns its value.

    Waits for it. Raises HostError for what the function has failed with, PermissionError for a function that was not
    granted, and what json.dumps raises for a value that JSON cannot say.
    """
    if not isinstance(name, str):
        raise TypeError(f"the name of a host function must be a str, not {type(name).__name__}")
    return _host_call(name, value)


def host_failure(name, message):
    if name == "PermissionError":
        raise PermissionError(message)
    error = HostError(message)
    error.name = name
    raise error


# Output


class _Stream:
    encoding = "utf-8"
    errors = "replace"
    newlines = None
    line_buffering = True
    closed = False

    def __init__(self, name, level):
        self.name = name
        self.level = level

    def write(self, text):
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        if not _write(self.level, text, -1):
            _write(self.level, text, _whose())
        return len(text)

    def writelines(self, lines):
        for line in lines:
            self.write(line)

    def flush(self):
        pass

    def close(self):
        pass

    def isatty(self):
        return False

    def readable(self):
        return False

    def writable(self):
        return True

    def seekable(self):
        return False

    def fileno(self):
        from io import UnsupportedOperation
        raise UnsupportedOperation("fileno")


class _LoggingFinder:
    """Puts a handler on the root logger when `logging` is imported, which most guests never do."""

    def find_spec(self, name, path=None, target=None):
        if name != "logging":
            return None
        sys.meta_path.remove(self)
        from importlib.util import find_spec
        spec = find_spec(name)
        run = spec.loader.exec_module

        def exec_module(module):
            run(module)
            _attach(module)

        spec.loader.exec_module = exec_module
        return spec


def _attach(logging):
    class PyvmHandler(logging.Handler):
        def emit(self, record):
            try:
                level = (record.levelno >= 40) + (record.levelno >= 30) + (record.levelno >= 20)
                text = _told(self.format(record)) + "\n"
                if not _write(level, text, -1):
                    _write(level, text, _whose())
            except Exception:
                self.handleError(record)

    handler = PyvmHandler()
    handler.setFormatter(logging.Formatter("%(name)s: %(message)s"))
    logging.root.addHandler(handler)
    logging.root.setLevel(logging.INFO)


# The interpreter

def install():
    host = sys.modules["extruntime"] = type(sys)("extruntime", "What the host offers to this extension.")
    host.__all__ = ["HostError", "call"]
    for each in (HostError, call):
        each.__module__ = host.__name__
        setattr(host, each.__name__, each)
    sys.stdin = None
    sys.stdout = sys.__stdout__ = _Stream("<stdout>", 1)
    sys.stderr = sys.__stderr__ = _Stream("<stderr>", 3)
    sys.argv = [""]
    sys.dont_write_bytecode = True
    if hasattr(sys, "setdlopenflags"):
        sys.setdlopenflags(_dlopen_flags)
    sys.path_hooks.insert(0, _memory_hook)
    sys.meta_path.insert(0, _LoggingFinder())
    if not _own:
        sys.meta_path.insert(0, _OwnFinder())
    else:
        # Nothing else competes for this lock, but a call that must be aborted.
        sys.setswitchinterval(0.001)


def prepare():
    """The main interpreter imports these first: some crash when only sub-interpreters that come and go have done so."""
    for name in ("_datetime", "_decimal", "_ctypes", "_ssl", "_sqlite3", "_zoneinfo", "_asyncio", "_elementtree"):
        try:
            __import__(name)
        except ImportError:
            pass


def warm_up():
    """A spare interpreter does while nobody waits what most programs will have it do: imports, and a load from end to end."""
    import json, re
    paths = sys.path[:]
    code = compile("def run(value):\n    return value", "/rehearsal/guest.py", "exec")
    load(code, "/rehearsal/guest.py", "rehearsal", 0, ["run"], "/rehearsal", None, [], None)
    del sys.modules["rehearsal"]
    sys.path[:] = paths


def shutdown():
    """Runs what Python runs at its end and what may take its time: the end of threads, and atexit functions."""
    drop_loop()
    threading = sys.modules.get("threading")
    if threading is not None:
        not_started_here = (threading._MainThread, threading._DummyThread)
        for thread in threading.enumerate():
            if not thread.daemon and not isinstance(thread, not_started_here):
                thread.join()
        # What it keeps of this thread complains when it goes after the module.
        vars(getattr(threading, "_thread_local_info", threading.local())).clear()
    atexit = sys.modules.get("atexit")
    if atexit is not None:
        atexit._run_exitfuncs()


install()
)PYTHON";

}  // namespace pyvm
