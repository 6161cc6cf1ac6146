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
