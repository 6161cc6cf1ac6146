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
