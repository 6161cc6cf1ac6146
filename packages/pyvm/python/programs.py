# Programs

def compile_source(source, filename):
    import marshal
    return marshal.dumps(compile(source, filename, "exec", dont_inherit=True))


def _module_name(stem, unique):
    if not _own:
        return f"{stem}@{unique}"  # known to program.cc, too
    return f"extension_{stem}" if stem in sys.stdlib_module_names or stem in sys.modules else stem


def load(code, filename, stem, unique, exports, folder, files, paths, venv, extended_json):
    """Runs a program's top level. Returns its functions, in the order of `exports`, None for those that it lacks, and what json_rules gives."""
    if venv is not None:
        prefix, *site_packages = venv
        import site
        for each in site_packages:
            site.addsitedir(each)
        # In the shared interpreter the first one stays.
        if _own or sys.prefix == sys.base_prefix:
            _enter_venv(prefix)
    _instances.add(get_ident())
    module = type(sys)(_module_name(stem, unique))
    module.__file__ = filename
    module.__pyvm__ = unique
    if files is None:
        loader = _SourceFileLoader(module.__name__, filename)
        module.__spec__ = _ModuleSpec(module.__name__, loader, origin=filename)
        module.__spec__.has_location = True
    else:
        location, _, below = folder.partition("/")
        root = location if _own else f"{location}@{unique}"
        memory = _Memory.by_root[root] = _Memory(root, location, files)
        folder = memory.entry(below)
        module.__spec__ = _memory_spec(module.__name__, memory, filename.removeprefix(location + "/"), False)
    module.__loader__ = module.__spec__.loader
    # After the standard library, so that a file of the extension never stands in for one of its modules; before
    # what is installed.
    _installed.extend(path for path in paths if path not in _installed)
    if _own:
        paths = [folder, *paths]
    at = next((i for i, p in enumerate(sys.path) if p.endswith(("site-packages", "dist-packages"))), len(sys.path))
    sys.path[at:at] = [path for path in paths if path not in sys.path]
    sys.modules[module.__name__] = module
    if not _own:
        if files is None:
            _folders[unique] = folder
        _program.set(unique)  # of this thread's context, which asyncio hands on
        own = _OwnFinder.programs[module.__name__] = _Own(module.__name__, folder)
        module.__path__ = [folder]
        sys.modules[f"{module.__name__}.{stem}"] = module  # for its other files
        module.__builtins__ = own.builtins
    # Where it throws, the executor unloads it when that has been told.
    exec(code, module.__dict__)
    functions = [module.__dict__.get(name) for name in exports]
    return [f if callable(f) else None for f in functions] + json_rules(module, extended_json)


def unload(name):
    """Forgets a program and its files; what its functions still hold goes with them."""
    _instances.discard(get_ident())
    own = _OwnFinder.programs.pop(name, None)
    if own is not None:
        _forget_files(own)
    _folders.pop(getattr(sys.modules.get(name), "__pyvm__", None), None)
    for each in [each for each in list(sys.modules) if each == name or each.startswith(name + ".")]:
        sys.modules.pop(each, None)
