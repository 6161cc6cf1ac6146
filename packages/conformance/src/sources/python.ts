import { HOST_FUNCTION, type KitGuest } from "./kit-guest.ts";

export function python(code: string, exports: readonly string[] = ["run"]): KitGuest {
  return { module: "guest.py", exports, files: { "guest.py": code } };
}

/** Ways to never end. */
const LOOPS: Readonly<Record<string, string>> = {
  "loop-generator": "def forever(value):\n    import itertools\n    for _ in itertools.count():\n        pass\n",
  "loop-comprehension": "def forever(value):\n    return [0 for _ in iter(int, 1) if False]\n",
  "loop-callback":
    "def forever(value):\n    def key(item):\n        while True:\n            pass\n    return sorted([2, 1], key=key)\n",
  "loop-finally":
    "def forever(value):\n    while True:\n        try:\n            raise ValueError\n        finally:\n            continue\n",
  "loop-async": "import asyncio\n\nasync def forever(value):\n    while True:\n        await asyncio.sleep(0)\n",
  "loop-async-catching":
    "import asyncio\n\nasync def forever(value):\n    while True:\n        try:\n            await asyncio.sleep(0)\n        except BaseException:\n            pass\n",
  "loop-recursing":
    "def deep():\n    deep()\n\ndef forever(value):\n    while True:\n        try:\n            deep()\n        except RecursionError:\n            pass\n",
  "loop-context":
    "class Swallow:\n    def __enter__(self):\n        return self\n    def __exit__(self, *error):\n        return True\n\ndef forever(value):\n    while True:\n        with Swallow():\n            while True:\n                pass\n",
};

const RESULTS: Readonly<Record<string, string>> = {
  "bad-result-object": "object()",
  "bad-result-set": "{1, 2}",
  "bad-result-bytes": "b'bytes'",
  "bad-result-key": "{(1, 2): 3}",
  "bad-result-nan": "float('nan')",
};

const ASK = `import extruntime\n\ndef ask(value):\n    return extruntime.call(${JSON.stringify(HOST_FUNCTION)}, value)\n\ndef name_of(error):\n    return error.name if isinstance(error, extruntime.HostError) else type(error).__name__\n\n`;

/** Guests that call a host function: their exports, and their code. */
const HOST_CALLERS: Readonly<Record<string, readonly [exports: readonly string[], code: string]>> = {
  "call-host": [
    ["call", "caught"],
    "def call(value):\n    return ask(value)\n\ndef caught(value):\n    try:\n        return ask(value)\n    except Exception as error:\n        return [name_of(error), str(error)]\n",
  ],
  "crash-after-call": [["crash"], "import os\n\ndef crash(value):\n    ask(value)\n    os.abort()\n"],
  "throw-more": [
    ["fail"],
    "def fail(value):\n    bottom = Exception('at the bottom')\n    cause = IndexError('beneath')\n    cause.code = 7\n    cause.__cause__ = bottom\n    error = ExceptionGroup('above', [Exception('first'), TypeError('second')])\n    error.code = 'E_ABOVE'\n    error.data = value\n    raise error from cause\n",
  ],
  "call-host-caught-more": [
    ["run"],
    "import traceback\n\ndef run(value):\n    try:\n        return ask(value)\n    except extruntime.HostError as error:\n        cause = error.__cause__\n        return [error.code, error.data, str(cause), cause.code, str(cause.__cause__), [str(each) for each in error.errors], traceback.format_exception(error)]\n",
  ],
  "call-host-unsendable": [
    ["run"],
    "cycle = []\ncycle.append(cycle)\n\ndef run(value):\n    names = []\n    for each in [object(), {1, 2}, b'bytes', {(1, 2): 3}, cycle, float('nan'), [float('inf')], lambda: 1]:\n        try:\n            ask(each)\n            names.append(None)\n        except Exception as error:\n            names.append(name_of(error))\n    return names\n",
  ],
  "call-host-top-level": [
    ["run"],
    "try:\n    ask(1)\nexcept Exception:\n    pass\n\ndef run(value):\n    return value\n",
  ],
};

export function pythonGuests(): ReadonlyMap<string, KitGuest> {
  const guests = new Map<string, KitGuest>();
  for (const [name, code] of Object.entries(LOOPS)) guests.set(name, python(code, ["forever"]));
  for (const [name, value] of Object.entries(RESULTS))
    guests.set(name, python(`def run(value):\n    return ${value}\n`));
  for (const [name, [exports, code]] of Object.entries(HOST_CALLERS)) guests.set(name, python(ASK + code, exports));
  guests.set("loop-native", python("import time\n\ndef forever(value):\n    time.sleep(1e8)\n", ["forever"]));
  guests.set(
    "loop-native-pattern",
    python("import re\n\ndef forever(value):\n    return re.match('(a+)+$', 'a' * 60 + 'b')\n", ["forever"]),
  );
  guests.set("bad-result-cycle", python("def run(value):\n    a = []\n    a.append(a)\n    return a\n"));
  guests.set("top-level-loop", python("while True:\n    pass\n\ndef run(value):\n    pass\n"));
  guests.set(
    "top-level-allocate",
    python("kept = []\nwhile True:\n    kept.append(bytearray(1 << 20))\n\ndef run(value):\n    pass\n"),
  );
  guests.set("top-level-throw", python("def run(value):\n    pass\n\nraise TypeError('refused at the top')\n"));
  guests.set("language", python("def run(words):\n    return ' '.join(f'{word}!' for word in dict.fromkeys(words))\n"));
  guests.set(
    "spin",
    python("def spin(n):\n    x = 1\n    for _ in range(n):\n        x = x * 48271 % 2147483647\n    return x\n", [
      "spin",
    ]),
  );
  guests.set("crash", python("import os\n\ndef crash(value):\n    os.abort()\n", ["crash"]));
  return guests;
}
