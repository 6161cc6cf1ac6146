# Processes

_FORK_REFUSED = (
    "{} is refused: Python runs inside the process of Node here, and a forked child would have none of its threads, and locks that nobody "
    'gives back. Use subprocess, or multiprocessing and concurrent.futures with the start method "spawn", which is the default here'
)


def _refuse_fork(module):
    for name in ("fork", "forkpty", "fork1"):
        if hasattr(module, name):
            setattr(module, name, _refusing(f"os.{name}()"))


def _refusing(what):
    def fork(*_args):
        raise RuntimeError(_FORK_REFUSED.format(what))

    return fork


def _spawn_by_default(context):
    """For `multiprocessing.context`: forking is what it does by itself on Linux before 3.14."""
    context._default_context = context.DefaultContext(context._concrete_contexts["spawn"])


def _enter_venv(prefix):
    """The interpreter is the virtual environment's from now on, and so are the Pythons that are started as `sys.executable`."""
    _pythons.add(sys.executable)
    sys.prefix = sys.exec_prefix = prefix
    sys.executable = prefix.rstrip("/") + "/bin/python"


_pythons = set()  # what sys.executable has been


def _start_children(subprocess):
    """For `subprocess`: whatever starts a child comes by here, multiprocessing and joblib too."""
    module = sys.modules["_posixsubprocess"]
    fork_exec = module.fork_exec

    def fork_exec_from_node(
        args, executables, close_fds, pass_fds, cwd, env, p2cread, p2cwrite, c2pread, c2pwrite, errread, errwrite, *rest
    ):
        from os import O_RDONLY, close, devnull, open

        if _installed and _is_this_python(executables):
            args, env = _with_paths(args, env)
        # Node has its standard streams closed on exec. A child has its output and errors, and not its input.
        nothing = open(devnull, O_RDONLY) if p2cread == -1 else -1
        try:
            return fork_exec(
                args,
                executables,
                close_fds,
                pass_fds,
                cwd,
                env,
                nothing if p2cread == -1 else p2cread,
                p2cwrite,
                c2pread,
                1 if c2pwrite == -1 else c2pwrite,
                errread,
                2 if errwrite == -1 else errwrite,
                *rest,
            )
        finally:
            if nothing != -1:
                close(nothing)

    module.fork_exec = fork_exec_from_node
    subprocess._USE_POSIX_SPAWN = False  # which would pass by this
    if getattr(subprocess, "_fork_exec", None) is fork_exec:
        subprocess._fork_exec = fork_exec_from_node


def _is_this_python(executables):
    from os import fsdecode

    return any(fsdecode(each) in (sys.executable, *_pythons) for each in executables)


def _with_paths(args, env):
    """A child that is this Python finds what `python.path` brings, as it would by PYTHONPATH."""
    from os import environ, fsencode

    if env is None:
        env = [key + b"=" + value for key, value in environ._data.items()]
    args = [fsencode(arg) for arg in args]
    if b"-I" in args[1:2]:
        # multiprocessing hands on that this Python heeds no variables of its environment. The child heeds this one.
        env = [each for each in env if not each.startswith(b"PYTHON")]
        args[1:2] = [b"-s", b"-P"]
    variable = b"PYTHONPATH="
    given = [each[len(variable) :] for each in env if each.startswith(variable) and each != variable]
    paths = b":".join([*given, *map(fsencode, _installed)])
    return args, [*(each for each in env if not each.startswith(variable)), variable + paths]


_WITHOUT_HOST = """\
import sys
host = sys.modules["extruntime"] = type(sys)("extruntime", "The host's functions are not there in a child process.")
class HostError(RuntimeError): name = "Error"
def call(name, value=None): raise RuntimeError("the host cannot be called from a child process of the extension")
host.HostError, host.call = HostError, call
"""


def _spawn_guests(spawn):
    """For `multiprocessing.spawn`: a child can import the extension's own files, and these can import `extruntime`."""
    command_line, preparation_data = spawn.get_command_line, spawn.get_preparation_data

    def get_command_line(**kwds):
        line = command_line(**kwds)
        at = line.index("-c") + 1 if "-c" in line else None
        if at is not None:
            line[at] = f"exec({_WITHOUT_HOST!r}); host.config = {_config()!r}; {line[at]}"
        return line

    def get_preparation_data(name):
        data = preparation_data(name)
        folder = _folders.get(_whose()) if not _own else None
        if folder is not None and folder not in data["sys_path"]:
            data["sys_path"] = [*data["sys_path"], folder]
        return data

    spawn.get_command_line, spawn.get_preparation_data = get_command_line, get_preparation_data


def _explain_daemons(threading):
    """For `threading`: who wants a daemon thread where there are none is told what helps, on whichever thread that is."""

    def explained(function):
        def explaining(self, *args, **named):
            global _daemon_refused
            try:
                return function(self, *args, **named)
            except RuntimeError as error:
                hint = _isolated_hint(error)
                if hint:
                    _daemon_refused = True
                    error.args = (str(error) + hint,)
                raise

        explaining.__wrapped__ = function
        return explaining

    threading.Thread.__init__ = explained(threading.Thread.__init__)
    threading.Thread.start = explained(threading.Thread.start)


_daemon_refused = False
_folders = {}  # of the shared interpreter's programs, where they have one
