import type { KitGuest } from "./kit-guest.ts";
import { python } from "./python.ts";

/** What CPython 3.11 to 3.15 has in `builtins`, beside the exceptions, whose names say that they are some. */
const BUILTINS =
  "False None True NotImplemented Ellipsis _ abs aiter all anext any ascii bin bool breakpoint bytearray bytes callable chr classmethod compile complex copyright credits delattr dict dir divmod enumerate eval exec exit filter float format frozendict frozenset getattr globals hasattr hash help hex id input int isinstance issubclass iter len license list locals map max memoryview min next object oct open ord pow print property quit range repr reversed round sentinel set setattr slice sorted staticmethod str sum super tuple type vars zip StopIteration StopAsyncIteration GeneratorExit KeyboardInterrupt SystemExit";

/** `find()` lists the names in `builtins` and among the module's globals that Python does not have. */
export function pythonNames(): KitGuest {
  return python(
    `import builtins

KNOWN = set(${JSON.stringify(BUILTINS)}.split())
OWN = {"builtins", "KNOWN", "OWN", "find", "known"}

def known(name):
    value = getattr(builtins, name)
    return (name in KNOWN or (name.startswith("__") and name.endswith("__"))
            or (isinstance(value, type) and issubclass(value, BaseException) and value.__module__ == "builtins"))

def find(value):
    names = ["builtins." + name for name in dir(builtins) if not known(name)]
    names += [name for name in globals() if name not in OWN and not (name.startswith("__") and name.endswith("__"))]
    return {"unknown": sorted(names)}
`,
    ["find"],
  );
}
