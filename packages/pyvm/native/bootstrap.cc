#include "bootstrap.h"

namespace pyvm {

// `_write`, `_trace`, `_dlopen_flags` and `_own` are put into its globals beforehand. It imports nothing that an interpreter does
// not have anyway: what is rarely needed is imported where it is needed.
const char kBootstrapSource[] = R"PYTHON(
import sys
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


def describe(error):
    """The type's name, the text and the traceback of an exception; never raises an Exception of its own."""
    traceback = error.__traceback__
    while traceback is not None and traceback.tb_frame.f_code.co_filename == __file__:
        traceback = traceback.tb_next
    error.__traceback__ = traceback
    name = type(error).__name__
    try:
        message = str(error)
    except Exception:
        message = "<str() of the exception failed>"
    try:
        from traceback import TracebackException
        stack = "".join(TracebackException(type(error), error, traceback, compact=True).format())
    except Exception:
        stack = ""
    if _own and any(isinstance(e, ImportError) and any(t in str(e) for t in _SUBINTERPRETER_ERRORS)
                    for e in _chain(error)):
        message += _SHARED_HINT
    return name, message, stack


# Programs

def compile_source(source, filename):
    import marshal
    return marshal.dumps(compile(source, filename, "exec", dont_inherit=True))


def _module_name(stem, unique):
    if not _own:
        return f"{stem}@{unique}"
    return f"extension_{stem}" if stem in sys.stdlib_module_names or stem in sys.modules else stem


class _Own:
    """In the shared interpreter the files of an extension are modules under its own, and found by nobody else."""

    def __init__(self, name, folder):
        import builtins
        self.name = name
        self.folder = folder
        self.builtins = dict(vars(builtins), __import__=self.import_)
        self.known = {}

    def has(self, top):
        found = self.known.get(top)
        if found is None:
            from importlib.machinery import PathFinder
            found = self.known[top] = PathFinder.find_spec(top, [self.folder]) is not None
        return found

    def import_(self, name, globals=None, locals=None, fromlist=(), level=0):
        top = name.partition(".")[0]
        if level > 0 or not self.has(top):
            return __import__(name, globals, locals, fromlist, level)
        own = __import__(f"{self.name}.{name}", globals, locals, fromlist or ("__name__",), 0)
        return own if fromlist else sys.modules[f"{self.name}.{top}"]


class _OwnFinder:
    """Gives the modules of extensions of the shared interpreter their own `__import__`."""

    programs = {}

    def find_spec(self, name, path=None, target=None):
        own = self.programs.get(name.partition(".")[0])
        if own is None or path is None:
            return None
        from importlib.machinery import PathFinder
        spec = PathFinder.find_spec(name, path)
        if spec is not None and hasattr(spec.loader, "exec_module"):
            run = spec.loader.exec_module

            def exec_module(module):
                module.__dict__["__builtins__"] = own.builtins
                run(module)

            spec.loader.exec_module = exec_module
        return spec


def load(code, filename, source, stem, unique, exports, folder, paths, venv):
    """Runs a program's top level. Returns its functions, in the order of `exports`; None for those that it lacks."""
    if venv is not None:
        prefix, *site_packages = venv
        import site
        for folder in site_packages:
            site.addsitedir(folder)
        if _own:
            sys.prefix = sys.exec_prefix = prefix
    # After the standard library, so that a file of the extension never stands in for one of its modules; before
    # what is installed.
    if folder is not None and _own:
        paths = [folder, *paths]
    at = next((i for i, p in enumerate(sys.path) if p.endswith(("site-packages", "dist-packages"))), len(sys.path))
    sys.path[at:at] = [path for path in paths if path not in sys.path]
    if source is not None:
        from linecache import cache
        cache[filename] = (len(source), None, source.splitlines(True), filename)
    module = type(sys)(_module_name(stem, unique))
    module.__file__ = filename
    module.__pyvm__ = unique
    sys.modules[module.__name__] = module
    if folder is not None and not _own:
        own = _OwnFinder.programs[module.__name__] = _Own(module.__name__, folder)
        module.__path__ = [folder]
        module.__builtins__ = own.builtins
    try:
        exec(code, module.__dict__)
    except BaseException:
        unload(module.__name__)
        raise
    functions = [module.__dict__.get(name) for name in exports]
    return module.__name__, [f if callable(f) else None for f in functions]


def unload(name):
    """Forgets a program and its files; what its functions still hold goes with them."""
    _OwnFinder.programs.pop(name, None)
    for each in [each for each in sys.modules if each == name or each.startswith(name + ".")]:
        sys.modules.pop(each, None)


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


# Output

def _writer():
    """The program that prints: known for the thread of a call, looked up from the frames for a guest's own threads."""
    frame = sys._getframe(2)
    while frame is not None:
        unique = frame.f_globals.get("__pyvm__")
        if unique is not None:
            return unique
        frame = frame.f_back
    return -1


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
            _write(self.level, text, _writer())
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
                text = self.format(record) + "\n"
                if not _write(level, text, -1):
                    _write(level, text, _writer())
            except Exception:
                self.handleError(record)

    handler = PyvmHandler()
    handler.setFormatter(logging.Formatter("%(name)s: %(message)s"))
    logging.root.addHandler(handler)
    logging.root.setLevel(logging.INFO)


# The interpreter

def install():
    sys.stdin = None
    sys.stdout = sys.__stdout__ = _Stream("<stdout>", 1)
    sys.stderr = sys.__stderr__ = _Stream("<stderr>", 3)
    sys.argv = [""]
    sys.dont_write_bytecode = True
    if hasattr(sys, "setdlopenflags"):
        sys.setdlopenflags(_dlopen_flags)
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
    """A spare interpreter imports while nobody waits what most programs will."""
    import json, re


def shutdown():
    """Runs what Python runs at its end and what may take its time: the end of threads, and atexit functions."""
    drop_loop()
    threading = sys.modules.get("threading")
    if threading is not None:
        not_started_here = (threading._MainThread, threading._DummyThread)
        for thread in threading.enumerate():
            if not thread.daemon and not isinstance(thread, not_started_here):
                thread.join()
    atexit = sys.modules.get("atexit")
    if atexit is not None:
        atexit._run_exitfuncs()


install()
)PYTHON";

}  // namespace pyvm
