# Extension modules written in C

import _imp

_NOT_ISOLATED = "module {} does not support loading in subinterpreters"
_wanting = set()  # top-level names of packages that wanted an extension module which was refused here
_SHT_DYNSYM = 11


def _names_no_multi_phase(path):
    """Whether an extension module surely has single-phase initialization: it links nothing that the other kind is made with."""
    with open(path, "rb") as file:
        head = file.read(64)
        if head[:6] != b"\x7fELF\x02\x01":
            return False

        def number(data, at, size):
            return int.from_bytes(data[at : at + size], "little")

        size, count = number(head, 0x3A, 2), number(head, 0x3C, 2)
        file.seek(number(head, 0x28, 8))
        sections = file.read(size * count)
        for at in range(0, len(sections), size or 1):
            if number(sections, at + 4, 4) == _SHT_DYNSYM:
                strings = number(sections, at + 0x28, 4) * size
                file.seek(number(sections, strings + 0x18, 8))
                names = file.read(number(sections, strings + 0x20, 8))
                return b"PyModuleDef_Init\0" not in names and b"PyModExport_" not in names
    return False


def _init_symbol(name):
    short = name.rpartition(".")[2]
    return "PyInit_" + short if short.isascii() else "PyInitU_" + short.encode("punycode").decode().replace("-", "_")


def _check_extension(spec):
    """CPython runs an extension module's init function in the main interpreter first. One of single-phase initialization does its
    work there, with imports that the main interpreter cannot find, and where it raises the exception is freed by the wrong
    interpreter, which ends the process. So none of them runs on behalf of an isolated interpreter, and no other may raise there."""
    path = spec.origin
    if not isinstance(path, str) or path.startswith(_standard_library):
        return
    try:
        refused = _names_no_multi_phase(path)
    except OSError:
        return  # CPython says what is wrong with it
    problem = _try_init(_init_symbol(spec.name), path, spec.name, sys.getdlopenflags()) if not refused else ""
    if problem is not None:
        raise ImportError(_NOT_ISOLATED.format(spec.name) + (f": {problem}" if problem else ""), name=spec.name, path=path)


def _watched(function, check=None):
    def watched(what, *args):
        try:
            if check is not None:
                check(what)
            return function(what, *args)
        except ImportError:
            _note_refusal(getattr(what, "name", None) or what.__name__)
            raise

    return watched


def _note_refusal(name):
    _wanting.add(name.partition(".")[0])
    frame = sys._getframe(2)
    while frame is not None:
        file = frame.f_code.co_filename
        # Packages, not the extension's own files: those see the error, and may do without.
        if "site-packages" in file or any(file.startswith(path + "/") for path in _installed):
            _wanting.add(frame.f_globals.get("__name__", "").partition(".")[0])
        frame = frame.f_back


_installed = []  # folders of `python.path`
_initialized = {}  # by name and path: modules whose init function has run in the main interpreter, which does not run twice


def keep_extension(name, path, module):
    _initialized[name, path] = module


def _create_dynamic_once(create):
    def create_dynamic(spec, *args):
        kept = _initialized.get((spec.name, spec.origin)) if _initialized else None
        return create(spec, *args) if kept is None else kept

    return create_dynamic


if _own:
    _imp.create_dynamic = _watched(_imp.create_dynamic, _check_extension)
    _imp.exec_dynamic = _watched(_imp.exec_dynamic)
else:
    _imp.create_dynamic = _create_dynamic_once(_imp.create_dynamic)
