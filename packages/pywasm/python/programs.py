# Programs


def _module_name(stem):
    """What importing the file would call its module, where nothing else has that name."""
    name = stem.replace(".", "_")  # a dot is a package to whoever imports by name, as pickle does
    return f"extension_{name}" if name in sys.stdlib_module_names or name in sys.modules else name


def load_text(text):
    """Runs a program's top level. Returns its functions, in the order of the exports that it has, the names of the others, and what json_rules gives."""
    request = loads(text)
    file, paths = request["file"], request["paths"]
    if "config" in request:
        _configure(0, request["config"])
    folder, _, base = file.rpartition("/")
    # After the standard library, so that a file of the extension never stands in for one of its modules; before what is installed.
    sys.path[:] = ["/lib", folder, *paths]
    name = _module_name(base.removesuffix(".py"))
    loader = _SourceFileLoader(name, file)
    module = type(sys)(name)
    module.__file__ = file
    module.__loader__ = loader
    module.__spec__ = _ModuleSpec(name, loader, origin=file)
    module.__spec__.has_location = True
    sys.modules[name] = module
    exec(loader.get_code(name), module.__dict__)
    found = {each: module.__dict__.get(each) for each in request["exports"]}
    functions = [function for function in found.values() if callable(function)]
    if any(getattr(getattr(each, "__code__", None), "co_flags", 0) & 0x80 for each in functions):
        _own_loop()  # now, and not in the first call
    missing = [each for each, function in found.items() if not callable(function)]
    return functions, missing, *json_rules(module, request["extended"])


def renew():
    """After the memory was put back to what it was: what must differ from one time to the next."""
    random = sys.modules.get("random")
    if random is not None:
        try:
            random.seed()
        except Exception:
            pass  # the program has put something of its own there
