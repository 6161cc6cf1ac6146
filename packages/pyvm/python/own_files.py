# The files of extensions


class _Memory:
    """The files of an extension without a folder. Entries of sys.path under `root` lead to them; `location` is what they are called."""

    by_root = {}

    def __init__(self, root, location, files):
        self.root = root
        self.location = location
        self.files = files
        self.folders = {path.rpartition("/")[0] for path in files}
        for path in files:
            while path := path.rpartition("/")[0]:
                self.folders.add(path)
        self.folders.add("")

    def entry(self, folder):
        return f"{self.root}/{folder}" if folder else self.root


def _memory_hook(entry):
    """For sys.path_hooks."""
    root, _, folder = entry.partition("/") if isinstance(entry, str) else (None, None, None)
    memory = _Memory.by_root.get(root)
    if memory is None:
        raise ImportError("not the files of an extension in memory", path=entry)
    return _MemoryFinder(memory, folder)


class _MemoryFinder:
    def __init__(self, memory, folder):
        self.memory = memory
        self.prefix = f"{folder}/" if folder else ""

    def find_spec(self, name, target=None):
        memory = self.memory
        path = self.prefix + name.rpartition(".")[2]
        for file, package in ((f"{path}/__init__.py", True), (f"{path}.py", False)):
            if file in memory.files:
                return _memory_spec(name, memory, file, package)
        if path not in memory.folders:
            return None
        spec = _ModuleSpec(name, None, is_package=True)
        spec.submodule_search_locations = [memory.entry(path)]
        return spec

    def iter_modules(self, prefix=""):
        """For pkgutil."""
        names = {file[len(self.prefix) :].partition("/")[::2] for file in self.memory.files if file.startswith(self.prefix)}
        for name, rest in sorted(names):
            if rest == "__init__.py":
                yield prefix + name, True
            elif not rest and name.endswith(".py") and name != "__init__.py":
                yield prefix + name[:-3], False


def _memory_spec(name, memory, file, package):
    loader = _MemoryLoader(memory, file)
    spec = _ModuleSpec(name, loader, origin=loader.path, is_package=package)
    spec.has_location = True
    if package:
        spec.submodule_search_locations = [memory.entry(file.rpartition("/")[0])]
    return spec


class _MemoryLoader(_SourceLoader):
    def __init__(self, memory, file):
        self.memory = memory
        self.path = f"{memory.location}/{file}"

    def get_filename(self, name=None):
        return self.path

    def get_data(self, path):
        file = _below(path.removeprefix(self.memory.location + "/"))
        try:
            return self.memory.files[file]
        except KeyError:
            from errno import ENOENT
            from os import strerror

            raise FileNotFoundError(ENOENT, strerror(ENOENT), path) from None

    def get_resource_reader(self, name):
        """For importlib.resources."""
        file = self.path.removeprefix(self.memory.location + "/")
        return _MemoryResources(_MemoryPath(self.memory, file.rpartition("/")[0]))


class _MemoryResources:
    def __init__(self, folder):
        self.folder = folder

    def files(self):
        return self.folder


class _MemoryPath:
    """A file or a folder, as importlib.resources wants it."""

    def __init__(self, memory, path):
        self.memory = memory
        self.path = path

    def __repr__(self):
        return f"<{self.memory.location}/{self.path}>"

    @property
    def name(self):
        return self.path.rpartition("/")[2]

    def is_file(self):
        return self.path in self.memory.files

    def is_dir(self):
        return self.path in self.memory.folders

    def iterdir(self):
        inside = self.path + "/" if self.path else ""
        names = {each[len(inside) :].partition("/")[0] for each in self.memory.files if each.startswith(inside)}
        return (_MemoryPath(self.memory, inside + name) for name in sorted(names))

    def joinpath(self, *names):
        return _MemoryPath(self.memory, _below("/".join((self.path, *names))))

    __truediv__ = joinpath

    def read_bytes(self):
        return _MemoryLoader(self.memory, self.path).get_data(self.path)

    def read_text(self, encoding=None, errors=None):
        with self.open(encoding=encoding, errors=errors) as file:
            return file.read()

    def open(self, mode="r", **how):
        from io import BytesIO, TextIOWrapper

        if mode not in ("r", "rt", "rb"):
            raise ValueError(f"the files of an extension in memory can only be read, not opened with {mode!r}")
        data = BytesIO(self.read_bytes())
        return data if mode == "rb" else TextIOWrapper(data, **how)


def _below(path):
    from posixpath import normpath

    return normpath(path).lstrip("/") if path else ""


def _forget_files(own):
    memory = _Memory.by_root.pop(own.folder.partition("/")[0], None)
    _forget_below(own.folder, sys.path_importer_cache)
    linecache = sys.modules.get("linecache")
    if memory is not None and linecache is not None:
        _forget_below(memory.location, linecache.cache)


def _forget_below(folder, cache):
    inside = folder + "/"
    for path in [path for path in list(cache) if path == folder or path.startswith(inside)]:
        cache.pop(path, None)


def _refresh_lines(error):
    """Two extensions in memory may have one name, and linecache knows a file by its name alone."""
    from linecache import cache

    for each in _chain(error):
        traceback = each.__traceback__
        while traceback is not None:
            frame = traceback.tb_frame
            if isinstance(frame.f_globals.get("__loader__"), _MemoryLoader):
                cache.pop(frame.f_code.co_filename, None)
            traceback = traceback.tb_next
