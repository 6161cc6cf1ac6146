# Output


from io import BufferedIOBase as _BufferedIOBase, TextIOBase as _TextIOBase, UnsupportedOperation as _UnsupportedOperation


class _Stream(_TextIOBase):
    """Standard output and error: lines for the logger. Every thread may write at any time."""

    encoding = "utf-8"
    errors = "replace"
    newlines = None
    line_buffering = True
    write_through = True
    mode = "w"
    closed = False

    def __init__(self, name, level):
        self.name = name
        self.level = level
        self.buffer = _Bytes(self)

    def write(self, text):
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        if not _write(self.level, text, -1):
            _write(self.level, text, _whose())
        return len(text)

    def reconfigure(self, *, encoding=None, errors=None, newline=None, line_buffering=None, write_through=None):
        """What is written as text stays text; `encoding` and `errors` say how bytes are read."""
        if encoding is not None and encoding != "locale":
            from codecs import lookup

            self.encoding = lookup(encoding).name
        if errors is not None:
            from codecs import lookup_error

            lookup_error(errors)
            self.errors = errors
        self.buffer.decoder = None

    def flush(self):
        pass

    def close(self):
        pass

    def writable(self):
        return True

    def fileno(self):
        # Those of the process are Node's.
        raise _UnsupportedOperation("fileno: the output goes to the logger of the extension")


class _Bytes(_BufferedIOBase):
    """What is written as bytes is text for the logger too."""

    mode = "wb"
    closed = False

    def __init__(self, stream):
        self.stream = stream
        self.decoder = None  # may hold the first bytes of a character

    @property
    def name(self):
        return self.stream.name

    @property
    def raw(self):
        return self

    def write(self, data):
        if isinstance(data, str):
            raise TypeError("a bytes-like object is required, not 'str'")
        if self.decoder is None:
            from codecs import getincrementaldecoder

            errors = "replace" if self.stream.errors == "strict" else self.stream.errors
            self.decoder = getincrementaldecoder(self.stream.encoding)(errors)
        with memoryview(data) as view:
            size = view.nbytes
            text = self.decoder.decode(view.tobytes())
        if text:
            self.stream.write(text)
        return size

    def flush(self):
        pass

    def close(self):
        pass

    def writable(self):
        return True

    def fileno(self):
        return self.stream.fileno()


class _AfterImport:
    """Does something to a module of the standard library when it is imported, which most guests never do."""

    def __init__(self, actions):
        self.actions = actions

    def find_spec(self, name, path=None, target=None):
        action = self.actions.get(name)
        if action is None:
            return None
        spec = _PathFinder.find_spec(name, path)
        if spec is None or not hasattr(spec.loader, "exec_module"):
            return None
        self.actions.pop(name, None)
        run = spec.loader.exec_module

        def exec_module(module):
            run(module)
            action(module)

        spec.loader.exec_module = exec_module
        return spec


def _separate_loggers(logging):
    """Extensions of the shared interpreter may have files of one name, and so loggers."""
    get = logging.Manager.getLogger

    def getLogger(self, name):
        own = _OwnFinder.by_unique.get(_running()) if isinstance(name, str) else None
        top, dot, rest = name.partition(".") if own is not None else ("", "", "")
        if own is None or not own.has(top):
            return get(self, name)
        logger = get(self, f"{top}@{own.unique}{dot}{rest}")
        logger.name = name
        return logger

    getLogger.__doc__ = get.__doc__
    logging.Manager.getLogger = getLogger


def _leave_loggers(config):
    """For `logging.config`: what one extension configures disables no logger of another."""
    handle = config._handle_existing_loggers

    def handle_existing(existing, *how):
        return handle([name for name in existing if "@" not in name], *how)

    config._handle_existing_loggers = handle_existing


def _attach(logging):
    if not _own:
        _separate_loggers(logging)
        _note_handlers(logging)

    class PyvmHandler(logging.Handler):
        def emit(self, record):
            try:
                level = (record.levelno >= 40) + (record.levelno >= 30) + (record.levelno >= 20)
                text = _told(self.format(record)) + "\n"
                if not _write(level, text, -1):
                    _write(level, text, _whose())
            except Exception:
                self.handleError(record)

    handler = PyvmHandler()
    handler.setFormatter(logging.Formatter("%(name)s: %(message)s"))
    logging.root.addHandler(handler)
    logging.root.setLevel(logging.INFO)
