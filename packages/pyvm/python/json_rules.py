# JSON of more than json.dumps writes


def json_rules(module, extended):
    """[dumps, extend, key] of a program: functions where its values are not written as json.dumps does by itself, else None.

    `extend` makes a plainer value of one that is no plain dict, list, tuple, str, int, float, bool or None; `key` makes a str.
    """
    hook = getattr(module, "__json__", None)
    if not callable(hook):
        hook = None
    if extended:
        extend = _extender(hook)
        return [None, extend, _key_writer(extend)]
    if hook is None:
        return [None, None, None]

    def dumps(value):
        from json import dumps

        return dumps(value, allow_nan=False, separators=(",", ":"), default=hook)

    return [dumps, None, None]


def _extender(hook):
    rules = {}  # by type: they go with the program

    def extend(value):
        kind = type(value)
        rule = rules.get(kind)
        if rule is None:
            rule = rules[kind] = _find_rule(kind) or hook or _refuse_value
        return rule(value)

    return extend


def _find_rule(kind):
    for name, rule in (("__json__", None), ("model_dump", _model), ("__dataclass_fields__", _dataclass)):
        if hasattr(kind, name):
            return rule or kind.__json__
    for each in kind.__mro__:
        rule = _RULES.get((each.__module__, each.__qualname__))
        if rule is not None:
            return rule
    return None


def _refuse_value(value):
    raise TypeError(
        f"Object of type {type(value).__name__} is not JSON serializable; a function __json__(value) of the extension "
        "may say what to write for it"
    )


def _model(value):
    return value.model_dump(mode="json")


def _dataclass(value):
    from dataclasses import fields

    return {field.name: getattr(value, field.name) for field in fields(value) if not field.name.startswith("_")}


def _isoformat(value):
    return value.isoformat() if value == value else None  # pandas.NaT is a datetime


def _array(value):
    kind, size = value.dtype.kind, value.dtype.itemsize
    if kind == "f" and size < 8:
        # As few digits as tell it from its neighbours of its own width.
        value = value.astype("float32").astype("U").astype("float64")
    elif kind == "f" and size > 8:
        value = value.astype("float64")
    elif kind == "M":
        value = value.astype("datetime64[us]")
    return value.tolist()


_RULES = {
    ("builtins", "str"): str.__str__,
    ("builtins", "int"): int.__int__,
    ("builtins", "float"): float.__float__,
    ("builtins", "dict"): dict,
    ("builtins", "list"): list,
    ("builtins", "tuple"): tuple,
    ("enum", "Enum"): lambda value: value.value,
    ("datetime", "datetime"): _isoformat,
    ("datetime", "date"): _isoformat,
    ("datetime", "time"): _isoformat,
    ("decimal", "Decimal"): str,
    ("uuid", "UUID"): str,
    ("numpy", "ndarray"): _array,
    ("numpy", "generic"): _array,
    ("pydantic.main", "BaseModel"): lambda value: value.dict(),  # of pydantic 1
}


def _key_writer(extend):
    def key(name):
        plain = name
        for _ in range(8):  # an Enum of a numpy integer, and the like
            kind = type(plain)
            if kind is str:
                return plain
            if plain is None or kind is bool:
                return {None: "null", True: "true", False: "false"}[plain]
            if kind is int:
                return int.__repr__(plain)
            if kind is float:
                return float.__repr__(plain) if plain - plain == 0 else "null"
            if kind in (dict, list, tuple):
                break
            plain = extend(plain)
        raise TypeError(
            f"keys must be str, int, float, bool or None, or say themselves as one of these, not {type(name).__name__}"
        )

    return key
