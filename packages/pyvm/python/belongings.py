# What belongs to a program of the shared interpreter


class _Belongs:
    """Tells whether an object would keep a program: its functions and classes, what is made of them, and what holds one."""

    def __init__(self, own):
        self.unique = own.unique
        self.modules = {}
        for name, module in list(sys.modules.items()):
            if name.startswith((own.name + ".", own.name + "@")) or name == own.name:
                self.modules[getattr(module, "__name__", name)] = module
        self.namespaces = {id(vars(module)) for module in self.modules.values()}

    def __call__(self, value, depth=3):
        try:
            return self.look(value, depth)
        except Exception:
            return False  # a proxy that is gone, a descriptor that raises

    def look(self, value, depth):
        kind = type(value)
        if kind is _Function:
            return (
                id(value.__globals__) in self.namespaces
                or value.__globals__.get("__pyvm__") == self.unique
                or depth > 0
                and (
                    self.any((cell.cell_contents for cell in value.__closure__ or ()), depth)
                    or hasattr(value, "__wrapped__")
                    and self(value.__wrapped__, depth - 1)
                )
            )
        if isinstance(value, type):
            return self.has_class(value)
        if kind is _Method or kind is _BuiltinMethod:
            return self(value.__self__, depth - 1) or kind is _Method and self(value.__func__, depth - 1)
        if kind in (tuple, list, set, frozenset):
            return depth > 0 and self.any(value, depth)
        if kind.__name__ == "partial" and hasattr(value, "func"):
            return depth > 0 and (self(value.func, depth - 1) or self.any((value.args, tuple(value.keywords.values())), depth))
        if kind is type(sys):
            return value in self.modules.values()
        return self.has_class(kind) or hasattr(value, "__wrapped__") and depth > 0 and self(value.__wrapped__, depth - 1)

    def any(self, values, depth):
        return any(self(each, depth - 1) for each in values)

    def has_class(self, cls):
        # A type of C tells little, and is nobody's here.
        module = self.modules.get(cls.__module__) if cls.__module__ != "builtins" else None
        if module is None:
            return False
        found = module
        for part in cls.__qualname__.split("."):
            found = getattr(found, part, None)
        return (
            found is cls
            or len(_offers.get(cls.__module__, ())) < 2
            or any(type(each) is _Function and id(each.__globals__) in self.namespaces for each in vars(cls).values())
        )


_Function = type(lambda: None)
_Method = type(_Belongs.__call__.__get__(0))
_BuiltinMethod = type([].append)
