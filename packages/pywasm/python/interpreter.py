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
    sys.dont_write_bytecode = True
    # Calls between Python and C take of V8's stack, which ends long before a thousand of them.
    sys.setrecursionlimit(_RECURSION_LIMIT)
    del sys.modules["_host"]
    sys.meta_path.insert(0, _AfterImport({"logging": _attach, "asyncio": _provide_loop}))


def _rehearse():
    """What most programs have the interpreter do is done once, before its state is kept: imports, a compilation, an error told."""
    import io, json, linecache, os, re, traceback

    def fails():
        raise ValueError("rehearsal")

    try:
        exec(compile("def f(v):\n  return {'a': [v, 1.5, 'x'.join(['1'])], 'b': None}\nclass A: pass\n", "/app/a.py", "exec"), {})
        fails()
    except ValueError as error:
        describe_text(error)
    loads(dumps({"a": [1, 2.5, "é", None, True]}))
    linecache.clearcache()
    import gc

    gc.collect()
    gc.freeze()


_RECURSION_LIMIT = 600
install()
_rehearse()
