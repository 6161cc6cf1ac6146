# What a program of the shared interpreter has registered with the standard library goes when it is closed


def _give_back(own):
    """At the close of a program, on its thread: runs what it wants run at the end, and takes out of the standard library what is its."""
    for function, args, settings in reversed(_exits.pop(own.unique, ())):
        _report_failure(function, *args, **settings)
    belongs = _Belongs(own)
    for give in (_finish, _forget_codecs, _forget_loggers, _forget_warnings, _forget_tables, _forget_hooks, _forget_caches):
        try:
            give(own, belongs)
        except Exception as error:
            sys.excepthook(type(error), error, error.__traceback__)


def _report_failure(function, *args, **settings):
    try:
        function(*args, **settings)
    except BaseException as error:
        sys.excepthook(type(error), error, error.__traceback__)


_exits = {}  # by program: functions for its end, with their arguments
_codecs_of = {}  # by program: search functions, and names of error handlers with those before
_filters_of = {}  # by program: filters of warnings


def _registrant(*through):
    """The program whose own code registers something, itself or through these modules; None for libraries, which stay."""
    frame = sys._getframe(2)
    while frame is not None and str(frame.f_globals.get("__name__")).partition(".")[0] in through:
        frame = frame.f_back
    unique = frame.f_globals.get("__pyvm__") if frame is not None else None
    return unique if unique in _OwnFinder.by_unique else None


def _note_registrations():
    """Where the standard library keeps no list that can be looked through later."""
    import atexit, codecs

    register, unregister = atexit.register, atexit.unregister

    def register_exit(function, *args, **settings):
        unique = _registrant("functools", "contextlib")
        if unique is None or not callable(function):
            return register(function, *args, **settings)
        _exits.setdefault(unique, []).append((function, args, settings))
        return function

    def unregister_exit(function):
        unregister(function)
        kept = _exits.get(_running())
        if kept is not None:
            kept[:] = [each for each in kept if each[0] != function]

    _stand_in(atexit, "register", register_exit)
    _stand_in(atexit, "unregister", unregister_exit)

    search, handle = codecs.register, codecs.register_error

    def register_codec(function):
        search(function)
        unique = _registrant()
        if unique is not None:
            _codecs_of.setdefault(unique, []).append((function, None))

    def register_error(name, handler):
        unique = _registrant()
        try:
            before = codecs.lookup_error(name) if unique is not None else None
        except LookupError:
            before = None
        handle(name, handler)
        if unique is not None:
            _codecs_of.setdefault(unique, []).append((name, before))

    for module in (codecs, sys.modules["_codecs"]):
        _stand_in(module, "register", register_codec)
        _stand_in(module, "register_error", register_error)


def _stand_in(module, name, function):
    function.__name__ = function.__qualname__ = name
    function.__doc__ = getattr(module, name).__doc__
    setattr(module, name, function)


def _note_filters(warnings):
    add = warnings._add_filter

    def add_filter(*item, append):
        unique = _registrant("warnings", "_py_warnings")
        if unique is not None and item not in warnings.filters:
            _filters_of.setdefault(unique, []).append(item)
        add(*item, append=append)

    warnings._add_filter = add_filter


def _note_handlers(logging):
    add = logging.Logger.addHandler

    def addHandler(self, handler):
        unique = _registrant("logging")
        if unique is not None:
            try:
                handler._pyvm = unique
            except AttributeError:
                pass
        add(self, handler)

    addHandler.__doc__ = add.__doc__
    logging.Logger.addHandler = addHandler


def _finish(own, belongs):
    """What else runs at the end: finalizers of weakref, and what threading has for it."""
    finalize = getattr(sys.modules.get("weakref"), "finalize", None)
    if finalize is not None:
        its = [
            (info.index, each)
            for each, info in list(finalize._registry.items())
            if belongs((info.func, info.args, info.kwargs or ()))
        ]
        for _, each in sorted(its, key=lambda one: one[0], reverse=True):
            _report_failure(each) if each.atexit else each.detach()
    threading = sys.modules.get("threading")
    if threading is not None:
        for each in [each for each in getattr(threading, "_threading_atexits", ()) if belongs(each)]:
            threading._threading_atexits.remove(each)
            _report_failure(each)


def _forget_codecs(own, belongs):
    import codecs

    for what, before in reversed(_codecs_of.pop(own.unique, ())):
        if callable(what):
            codecs.unregister(what)
        elif belongs(codecs.lookup_error(what)):
            codecs.register_error(what, before or _gone)


def _gone(error):
    raise LookupError("the extension that has registered this error handler is closed")


def _forget_loggers(own, belongs):
    logging = sys.modules.get("logging")
    if logging is None:
        return
    manager = logging.root.manager
    mark = f"@{own.unique}"
    for name, logger in list(manager.loggerDict.items()):
        its = name.partition(".")[0].endswith(mark)
        if its:
            del manager.loggerDict[name]
        _forget_handlers(logger, own, belongs)
        if its and isinstance(logger, logging.Logger):
            logger.parent = None
    _forget_handlers(logging.root, own, belongs)
    if belongs(logging.getLoggerClass()):
        logging.setLoggerClass(logging.Logger)
    if belongs(logging.getLogRecordFactory()):
        logging.setLogRecordFactory(logging.LogRecord)


def _forget_handlers(logger, own, belongs):
    for each in list(getattr(logger, "handlers", ())):
        if getattr(each, "_pyvm", None) == own.unique or belongs(each):
            logger.removeHandler(each)
            _report_failure(each.close)
    for each in [each for each in getattr(logger, "filters", ()) if belongs(each)]:
        logger.removeFilter(each)


def _forget_warnings(own, belongs):
    warnings = sys.modules.get("warnings")
    its = _filters_of.pop(own.unique, [])
    if warnings is None:
        return
    others = [item for items in _filters_of.values() for item in items]
    for item in [item for item in warnings.filters if item in its and item not in others or belongs(item)]:
        warnings.filters.remove(item)
    warnings._filters_mutated()
    for name, before in (("showwarning", "_showwarning_orig"), ("formatwarning", "_formatwarning_orig")):
        if belongs(getattr(warnings, name)) and hasattr(warnings, before):
            setattr(warnings, name, getattr(warnings, before))
    _sweep(warnings.onceregistry, belongs)


# Tables and lists in which a program may have put something of its own: module and name.
_TABLES = (
    ("copyreg", "dispatch_table"),
    ("copyreg", "_extension_cache"),
    ("copy", "_copy_dispatch"),
    ("copy", "_deepcopy_dispatch"),
    ("pickle", "_Pickler.dispatch"),
    ("sqlite3", "adapters"),
    ("sqlite3", "converters"),
    ("shutil", "_ARCHIVE_FORMATS"),
    ("shutil", "_UNPACK_FORMATS"),
    ("webbrowser", "_browsers"),
    ("xml.dom.domreg", "registered"),
    ("gc", "callbacks"),
    ("multiprocessing.reduction", "ForkingPickler._extra_reducers"),
    ("multiprocessing.util", "_finalizer_registry"),
    ("ctypes", "_pointer_type_cache"),
    ("ctypes", "_c_functype_cache"),
    ("sys", "path_hooks"),
    ("sys", "meta_path"),
    ("sys", "path_importer_cache"),
    ("builtins", ""),
)


def _forget_tables(own, belongs):
    for module, name in _TABLES:
        table = sys.modules.get(module)
        for part in name.split(".") if name else ():
            table = getattr(table, part, None)
        _sweep(vars(table) if module == "builtins" else table, belongs)
    copyreg = sys.modules.get("copyreg")
    for (module, name), code in list(copyreg._extension_registry.items()) if copyreg is not None else ():
        if module in own.offered and len(_offers[module]) < 2:
            copyreg.remove_extension(module, name, code)
    sys.path[:] = [
        each for each in sys.path if not isinstance(each, str) or each != own.folder and not each.startswith(own.folder + "/")
    ]


def _sweep(table, belongs):
    if isinstance(table, dict):
        for key, value in list(table.items()):
            if belongs(key) or belongs(value):
                table.pop(key, None)
    elif isinstance(table, list):
        table[:] = [each for each in table if not belongs(each)]


# What a program may have set to something of its own, and what it is without that: module, name, and a name or a value.
_HOOKS = (
    ("sys", "excepthook", "__excepthook__"),
    ("sys", "unraisablehook", "__unraisablehook__"),
    ("sys", "displayhook", "__displayhook__"),
    ("sys", "breakpointhook", "__breakpointhook__"),
    ("sys", "stdout", "__stdout__"),
    ("sys", "stderr", "__stderr__"),
    ("threading", "excepthook", "__excepthook__"),
    ("threading", "_trace_hook", None),
    ("threading", "_profile_hook", None),
    ("asyncio.events", "_event_loop_policy", None),
    ("urllib.request", "_opener", None),
)


def _forget_hooks(own, belongs):
    for module, name, before in _HOOKS:
        module = sys.modules.get(module)
        if module is not None and belongs(getattr(module, name, None)):
            setattr(module, name, getattr(module, before) if before else None)
    if belongs(sys.gettrace()):
        sys.settrace(None)
    if belongs(sys.getprofile()):
        sys.setprofile(None)
    threading = sys.modules.get("threading")
    dummy = threading._active.get(get_ident()) if threading is not None else None
    if isinstance(dummy, getattr(threading, "_DummyThread", ())):
        threading._active.pop(get_ident(), None)


def _forget_caches(own, belongs):
    typing = sys.modules.get("typing")
    if typing is not None:
        for clear in typing._cleanups:
            clear()
        overloads = getattr(typing, "_overload_registry", {})
        for module in own.offered & set(overloads):
            for name, by_line in list(overloads[module].items()):
                _sweep(by_line, belongs)
                if not by_line:
                    del overloads[module][name]
            if not overloads[module]:
                del overloads[module]
    pkgutil = sys.modules.get("pkgutil")
    if pkgutil is not None:
        for cell in pkgutil.iter_importer_modules.register.__closure__ or ():
            _sweep(cell.cell_contents, belongs)
    linecache = sys.modules.get("linecache")
    if linecache is not None:
        _forget_below(own.folder, linecache.cache)


# Modules that were closed and are still there, since nobody has collected garbage yet.
_closed = []
_MOST_CLOSED = 16
_most_closed = _MOST_CLOSED


def _collect_closed(module):
    """Garbage is collected when there is enough of it by number; a module may be few objects and much memory."""
    global _most_closed
    if _without_gil:
        return  # there CPython 3.13 keeps modules and functions for good
    from weakref import ref

    _closed[:] = [each for each in _closed if each() is not None]
    _closed.append(ref(module))
    if len(_closed) < _most_closed:
        return
    import gc

    gc.collect()
    _closed[:] = [each for each in _closed if each() is not None]
    _most_closed = max(_MOST_CLOSED, 2 * len(_closed))  # what stays is kept by somebody
