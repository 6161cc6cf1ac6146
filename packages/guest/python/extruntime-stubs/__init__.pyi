"""What pyvm and pywasm give to extensions as the module `extruntime`."""

from typing import Any

class HostError(RuntimeError):
    """What a host function has failed with. The text is its message, `__cause__` what it comes from."""

    name: str
    code: str | None
    data: Any
    errors: tuple[HostError, ...]

config: dict[str, Any]
"""Values of the manifest, which the host may have overridden. Each instance has a copy of its own."""

def call(name: str, value: Any = None) -> Any:
    """Calls a function that the host has granted to this extension, with a value that JSON can say, and returns its value.

    Waits for it. Raises HostError for what the function has failed with, and PermissionError for one that was not granted.
    """
