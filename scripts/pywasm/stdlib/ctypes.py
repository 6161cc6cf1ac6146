"""The sizes of C's types, and the classes that packages derive from as they are imported. There are no foreign functions here."""

_SIZES = {
    "c_bool": 1, "c_byte": 1, "c_char": 1, "c_char_p": 4, "c_double": 8, "c_float": 4, "c_int": 4, "c_int16": 2, "c_int32": 4,
    "c_int64": 8, "c_int8": 1, "c_long": 4, "c_longdouble": 16, "c_longlong": 8, "c_short": 2, "c_size_t": 4, "c_ssize_t": 4,
    "c_time_t": 8, "c_ubyte": 1, "c_uint": 4, "c_uint16": 2, "c_uint32": 4, "c_uint64": 8, "c_uint8": 1, "c_ulong": 4,
    "c_ulonglong": 8, "c_ushort": 2, "c_void_p": 4, "c_wchar": 4, "c_wchar_p": 4, "py_object": 4,
}  # fmt: skip


class _Foreign:
    def __init__(self, *args):
        raise NotImplementedError("pywasm has no foreign functions: ctypes has the sizes of C's types alone")


class Array(_Foreign):
    pass


class Structure(_Foreign):
    pass


class Union(_Foreign):
    pass


for _name, _size in _SIZES.items():
    globals()[_name] = type(_name, (_Foreign,), {"__module__": __name__, "_size": _size})


def sizeof(kind):
    return kind._size


def __getattr__(name):
    raise AttributeError(f"pywasm has no foreign functions: ctypes has the sizes of C's types, and no {name}")
