def greet(value):
    """Takes one JSON value, and returns one."""
    name = value.get("name")
    if not isinstance(name, str) or not name:
        raise TypeError("name must be a text")
    return {"text": f"Hello, {name}!"}
