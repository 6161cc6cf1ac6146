# The modules of extensions in the shared interpreter


class _Own:
    """In the shared interpreter the files of an extension are modules under names that nobody else has (`guest@7`, `guest@7.helper`), and
    found by nobody else. Their `__name__` is what their file gives them, and the code that they run imports them by it."""

    def __init__(self, name, told, unique, folder):
        import builtins

        self.name = name
        self.told = told  # of its main module
        self.unique = unique
        self.folder = folder
        self.builtins = dict(vars(builtins), __import__=self.import_)
        self.known = {told: True}
        self.offered = set()

    def has(self, top):
        found = self.known.get(top)
        if found is None:
            found = self.known[top] = self.find(top)
        return found

    def find(self, top):
        if top in sys.stdlib_module_names or top == "extruntime":
            return False
        find = _PathFinder.find_spec
        spec = find(top, [self.folder])
        # A folder without an __init__.py stands behind what is installed, as it does everywhere.
        return spec is not None and (spec.loader is not None or find(top) is None)

    def adopt(self, module, told, package=False):
        """Before the module runs."""
        vars(module).update(
            __name__=told,
            __package__=told if package else told.rpartition(".")[0],
            __pyvm__=self.unique,
            __builtins__=self.builtins,
        )
        _offer(self, told)

    def module(self, told):
        """The module of that name, imported if need be; or None."""
        unique = f"{self.name}.{told}"
        module = sys.modules.get(unique)
        if module is not None or not self.has(told.partition(".")[0]):
            return module
        try:
            return __import__(unique, None, None, ("__name__",))
        except ModuleNotFoundError as error:
            if error.name is None or not unique.startswith(error.name):
                raise
            return None

    def import_(self, name, globals=None, locals=None, fromlist=(), level=0):
        told = self.absolute(name, globals, level) if level > 0 else name
        top = told.partition(".")[0]
        if level == 0 and not self.has(top):
            module = __import__(name, globals, locals, fromlist, level)
            if type(module) is not _Named:
                return module
            found = _resolve(module)
            if found is None:
                raise ModuleNotFoundError(f"No module named {name!r}", name=name)
            return found
        unique = f"{self.name}.{told}" if told else self.name
        try:
            own = __import__(unique, None, None, ("__name__",))
            self.complete(own, unique, fromlist or ())
        except ModuleNotFoundError as error:
            if error.name is not None:
                error.name = _told(error.name)
            error.msg = _told(error.msg)
            raise
        return own if fromlist else sys.modules[f"{self.name}.{top}"]

    def absolute(self, name, globals, level):
        package = (globals or {}).get("__package__") or ""
        bits = f"{self.name}.{package}".rstrip(".").rsplit(".", level - 1)
        if len(bits) < level:
            raise ImportError("attempted relative import beyond top-level package")
        return f"{bits[0]}.{name}".rstrip(".")[len(self.name) + 1 :]

    def complete(self, module, unique, fromlist):
        """Imports what a `from` wants and is a module of its own."""
        if not hasattr(module, "__path__"):
            return
        for each in fromlist:
            if each == "*":
                self.complete(module, unique, [name for name in getattr(module, "__all__", ()) if name != "*"])
            elif not hasattr(module, each):
                below = f"{unique}.{each}"
                try:
                    setattr(module, each, __import__(below, None, None, ("__name__",)))
                except ModuleNotFoundError as error:
                    if error.name != below:
                        raise


class _OwnFinder:
    """Imports the modules of extensions of the shared interpreter, and finds them by the names of their files for whoever asks while
    their extension runs: pickle, importlib, pkgutil."""

    programs = {}
    by_unique = {}

    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        own = self.programs.get(top)
        if own is not None:
            return None if path is None else self.own_spec(own, name, path)
        own = self.by_unique.get(_running())
        if own is None or not own.has(top) or own.module(name) is None:
            return None
        return _ModuleSpec(name, _NamedLoader)

    def own_spec(self, own, name, path):
        spec = _PathFinder.find_spec(name, path)
        if spec is None or not hasattr(spec.loader, "exec_module"):
            return spec
        run, get_code = spec.loader.exec_module, getattr(spec.loader, "get_code", None)
        told = name[len(own.name) + 1 :]

        def exec_module(module):
            code = get_code(name) if get_code is not None else None
            if code is None:
                run(module)
                return
            own.adopt(module, told, spec.submodule_search_locations is not None)
            exec(code, module.__dict__)

        spec.loader.exec_module = exec_module
        return spec


class _Named(type(sys)):
    """Stands in `sys.modules` under the name of a file: it is the module of that name of the extension that runs."""

    def __getattribute__(self, name):
        module = _resolve(self) if name != "__class__" else None
        return super().__getattribute__(name) if module is None else getattr(module, name)

    def __setattr__(self, name, value):
        # What importlib sets is this one's, not the module's.
        if name not in _SET_BY_IMPORTLIB and type(value) is not _Named:
            module = _resolve(self)
            setattr(module, name, value) if module is not None else super().__setattr__(name, value)

    def __delattr__(self, name):
        delattr(_resolve(self), name)

    def __dir__(self):
        return dir(_resolve(self))


class _NamedLoader:
    create_module = staticmethod(lambda spec: sys.modules.get(spec.name) or _Named(spec.name))
    exec_module = staticmethod(lambda module: None)


_SET_BY_IMPORTLIB = {"__name__", "__loader__", "__package__", "__spec__", "__path__", "__file__", "__cached__"}
_offers = {}  # by name: the extensions that have a module of it, the newest last
_installed_ones = {}  # modules of such names that are installed, for the other extensions


def _offer(own, told):
    if told in own.offered:
        return
    known = sys.modules.get(told)
    if known is None or type(known) is _Named:
        sys.modules.setdefault(told, _Named(told))
        own.offered.add(told)
        _offers.setdefault(told, []).append(own)


def _resolve(named):
    told = object.__getattribute__(named, "__dict__")["__name__"]
    own = _OwnFinder.by_unique.get(_running())
    if own is None:
        # Nobody's thread, such as one of a library's that looks at all modules.
        own = (_offers.get(told) or (None,))[-1]
    module = own.module(told) if own is not None else None
    return _installed_one(told) if module is None else module


def _installed_one(told):
    if told in _installed_ones:
        return _installed_ones[told]
    parent = told.rpartition(".")[0]
    path = getattr(_installed_one(parent), "__path__", None) if parent else None
    spec = _PathFinder.find_spec(told, path) if path is not None or not parent else None
    if spec is None or spec.loader is None:
        return None
    from importlib.util import module_from_spec

    module = _installed_ones[told] = module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del _installed_ones[told]
        raise
    return module


def _withdraw(own):
    for told in own.offered:
        _offers[told].remove(own)
        if not _offers[told]:
            del _offers[told]
            if type(sys.modules.get(told)) is _Named:
                del sys.modules[told]
                if told in _installed_ones:
                    sys.modules[told] = _installed_ones.pop(told)


def _running():
    """The program that the current thread runs; -1 for none."""
    unique = _current_program()
    return unique if unique > 0 else _whose()


def _told(text):
    """A text with the names of the shared interpreter's modules as their extensions know them."""
    if _own or "@" not in text:
        return text
    from re import sub

    def name(found):
        own = _OwnFinder.programs.get(found[1])
        return found[0] if own is None else found[2] or own.told

    return sub(r"([^\s'\"(<]+@\d+)(?:\.(\w+))?", name, text)
