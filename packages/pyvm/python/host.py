# The host


class HostError(RuntimeError):
    """What a host function has failed with: the text is its error's message, `name` its error's name, `code` and `data` what it has of them, else None.

    What it comes from is its `__cause__`, and `errors` are those of an aggregate.
    """

    name = "Error"
    code = None
    data = None
    errors = ()


def call(name, value=None):
    """Calls a function that the host has granted to this extension, with a value that JSON can say, and returns its value.

    Waits for it. Raises HostError for what the function has failed with, PermissionError for a function that was not
    granted, and what json.dumps raises for a value that JSON cannot say.
    """
    if not isinstance(name, str):
        raise TypeError(f"the name of a host function must be a str, not {type(name).__name__}")
    return _host_call(name, value)


_configs = {}  # by program, in the shared interpreter: its own copy of what its manifest and the host say; elsewhere under 0


def _configure(unique, text):
    from json import loads

    _configs[0 if _own else unique] = loads(text)


def _config():
    return _configs.setdefault(0 if _own else _running(), {})


def _host_attribute(name):
    """Of the module `extruntime`."""
    if name == "config":
        return _config()
    raise AttributeError(f"module 'extruntime' has no attribute {name!r}")


def host_failure(name, message, more=None):
    if name == "PermissionError":
        raise PermissionError(message)
    raise _host_error(name, message, more or {})


def _host_error(name, message, more):
    error = HostError(message)
    error.name = name
    error.code = more.get("code")
    error.data = more.get("data")
    cause = more.get("cause")
    if cause is not None:
        error.__cause__ = _host_error(cause["name"], cause["message"], cause)
    error.errors = tuple(_host_error(each["name"], each["message"], each) for each in more.get("errors", ()))
    return error
