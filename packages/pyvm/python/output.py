# Output


class _Stream:
    encoding = "utf-8"
    errors = "replace"
    newlines = None
    line_buffering = True
    closed = False

    def __init__(self, name, level):
        self.name = name
        self.level = level

    def write(self, text):
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        if not _write(self.level, text, -1):
            _write(self.level, text, _whose())
        return len(text)

    def writelines(self, lines):
        for line in lines:
            self.write(line)

    def flush(self):
        pass

    def close(self):
        pass

    def isatty(self):
        return False

    def readable(self):
        return False

    def writable(self):
        return True

    def seekable(self):
        return False

    def fileno(self):
        from io import UnsupportedOperation
        raise UnsupportedOperation("fileno")


class _AfterImport:
    """Does something to a module of the standard library when it is imported, which most guests never do."""

    def __init__(self, actions):
        self.actions = actions

    def find_spec(self, name, path=None, target=None):
        action = self.actions.pop(name, None)
        if action is None:
            return None
        from importlib.machinery import PathFinder
        spec = PathFinder.find_spec(name, path)
        if spec is None:
            return None
        run = spec.loader.exec_module

        def exec_module(module):
            run(module)
            action(module)

        spec.loader.exec_module = exec_module
        return spec


def _attach(logging):
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
