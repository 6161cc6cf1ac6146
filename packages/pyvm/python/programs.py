# Programs


def compile_source(source, filename):
    import marshal

    return marshal.dumps(compile(source, filename, "exec", dont_inherit=True))


def _module_name(stem):
    """What importing the file would call its module, where nothing else has that name."""
    name = stem.replace(".", "_")  # a dot is a package to whoever imports by name, as pickle does
    known = sys.modules.get(name)
    taken = name in sys.stdlib_module_names or name == "extruntime" or known is not None and type(known) is not _Named
    if not _own and not taken and known is None:
        taken = _PathFinder.find_spec(name) is not None
    return f"extension_{name}" if taken else name


def load(code, filename, stem, unique, exports, folder, files, paths, venv, extended_json, config=None):
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
    if config is not None:
        _configure(unique, config)
    told = _module_name(stem)
    name = told if _own else f"{told}@{unique}"
    module = type(sys)(told)
    module.__file__ = filename
    module.__pyvm__ = unique
    if files is None:
        loader = _SourceFileLoader(name, filename)
        module.__spec__ = _ModuleSpec(name, loader, origin=filename)
        module.__spec__.has_location = True
    else:
        location, _, below = folder.partition("/")
        root = location if _own else f"{location}@{unique}"
        memory = _Memory.by_root[root] = _Memory(root, location, files)
        folder = memory.entry(below)
        module.__spec__ = _memory_spec(name, memory, filename.removeprefix(location + "/"), False)
    module.__loader__ = module.__spec__.loader
    # After the standard library, so that a file of the extension never stands in for one of its modules; before
    # what is installed.
    _installed.extend(path for path in paths if path not in _installed)
    if _own:
        paths = [folder, *paths]
    at = next((i for i, p in enumerate(sys.path) if p.endswith(("site-packages", "dist-packages"))), len(sys.path))
    sys.path[at:at] = [path for path in paths if path not in sys.path]
    sys.modules[name] = module
    if not _own:
        if files is None:
            _folders[unique] = folder
        _program.set(unique)  # of this thread's context, which asyncio hands on
        own = _OwnFinder.programs[name] = _OwnFinder.by_unique[unique] = _Own(name, told, unique, folder)
        module.__path__ = [folder]
        sys.modules[f"{name}.{told}"] = module  # for its other files
        own.adopt(module, told)
    # Where it throws, the executor unloads it when that has been told.
    exec(code, module.__dict__)
    functions = [module.__dict__.get(name) for name in exports]
    return [f if callable(f) else None for f in functions] + json_rules(module, extended_json)


def unload(unique):
    """Forgets a program and its files; what its functions still hold goes with them."""
    _instances.discard(get_ident())
    _configs.pop(unique, None)
    own = _OwnFinder.by_unique.get(unique)
    if own is None:
        return
    _give_back(own)
    del _OwnFinder.by_unique[unique]
    _OwnFinder.programs.pop(own.name)
    _forget_files(own)
    _withdraw(own)
    _folders.pop(unique, None)
    _collect_closed(sys.modules.get(own.name))
    for each in [each for each in list(sys.modules) if each == own.name or each.startswith(own.name + ".")]:
        sys.modules.pop(each, None)
