# Processes

_FORK_REFUSED = (
    "{} is refused: Python runs inside the process of Node here, and a forked child would have none of its threads, and locks that nobody "
    "gives back. Use subprocess, or multiprocessing and concurrent.futures with the start method \"spawn\", which is the default here"
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
