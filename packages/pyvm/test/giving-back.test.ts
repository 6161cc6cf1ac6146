import { expect, test } from "vitest";
import { cpython, load, recorder, testIf } from "./guest.ts";

const manifest = { python: { interpreter: "shared" as const } };
const options = { manifest, limits: { maxInstances: 1 } };

/** What a program may register with the standard library, each of which would keep it alive. `Own` and `own` are its. */
const REGISTERS: Record<string, string> = {
  "a handler of its logger":
    "import logging\nclass H(logging.Handler):\n  emit = own\nlogging.getLogger(__name__).addHandler(H())",
  "a handler of the root logger":
    "import logging\nh = logging.StreamHandler()\nh.addFilter(own)\nlogging.getLogger().addHandler(h)",
  "a handler of a library's logger":
    "import logging\nclass H(logging.Handler):\n  emit = own\nlogging.getLogger('a.library').addHandler(H())",
  "a configuration of logging":
    "import logging.config\nlogging.config.dictConfig({'version': 1, 'disable_existing_loggers': False, 'loggers': {__name__: {'filters': ['f']}}, 'filters': {'f': {'()': lambda: own}}})",
  "an exit function": "import atexit\natexit.register(own)",
  "an exit function with arguments":
    "import atexit, functools\natexit.register(print, Own())\natexit.register(functools.partial(own, 1))",
  "a finalizer": "import weakref, logging\nweakref.finalize(logging.Logger, own)",
  "a finalizer that is not for the end":
    "import weakref, logging\nweakref.finalize(logging.Logger, own, Own()).atexit = False",
  "a callback of a weak reference": "import weakref, logging\nr = weakref.ref(logging.Logger, own)",
  "a codec": "import codecs\ncodecs.register(lambda name: own() if name == 'nobody' else None)",
  "an error handler of codecs": "import codecs\ncodecs.register_error('own', own)",
  "a reducer": "import copyreg\ncopyreg.pickle(Own, own)",
  "an extension code":
    "import copyreg, pickle\ncopyreg.add_extension(__name__, 'Own', 240)\npickle.loads(pickle.dumps(Own, 2))",
  "ways to copy": "import copy\ncopy._deepcopy_dispatch[Own] = own",
  "an abstract class":
    "import collections.abc, abc\ncollections.abc.Sized.register(Own)\nisinstance(Own(), collections.abc.Iterable)",
  "a generic function": "import pkgutil\npkgutil.iter_importer_modules.register(Own, own)",
  "a cached function": "import functools\n@functools.lru_cache\ndef cached(v): return Own()\ncached(1)",
  "generic types":
    "import typing\nt = [typing.Optional[Own], typing.List[Own], typing.Dict[str, Own], typing.Union[Own, int]]",
  overloads: "import typing\n@typing.overload\ndef g(v: int) -> Own: ...\n@typing.overload\ndef g(v: str) -> Own: ...",
  "a filter of warnings":
    "import warnings\nclass W(UserWarning):\n  kept = own\nwarnings.simplefilter('ignore', W)\nwarnings.filterwarnings('once', category=W)",
  "a way to show warnings": "import warnings\nwarnings.showwarning = own",
  "a path hook":
    "import sys\nclass Finder:\n  def __init__(self, path): raise ImportError\nsys.path_hooks.append(Finder)",
  "a finder": "import sys\nclass Finder:\n  def find_spec(self, *a): return None\nsys.meta_path.append(Finder())",
  "a hook of threads":
    "import threading\nthreading.excepthook = own\nthreading.settrace(lambda *a: own and None)\nthreading.setprofile(lambda *a: own and None)",
  "hooks of the interpreter": "import sys\nsys.excepthook = own\nsys.unraisablehook = own",
  "a trace function": "import sys\nsys.setprofile(lambda *a: own and None)",
  "a callback of the collector": "import gc\ngc.callbacks.append(lambda *a: own and None)",
  "a thread's values":
    "import threading, contextvars\nlocal = threading.local()\nlocal.own = Own()\ncontextvars.ContextVar('v').set(Own())",
  "a pool": "import concurrent.futures\npool = concurrent.futures.ThreadPoolExecutor(1)\npool.submit(own).result()",
  "an end of threads": "import threading\nthreading._register_atexit(own)",
  "a policy of event loops":
    "import asyncio, warnings\nbase = asyncio.DefaultEventLoopPolicy if not hasattr(asyncio.events, '_DefaultEventLoopPolicy') else asyncio.events._DefaultEventLoopPolicy\nclass P(base): kept = own\nasyncio.events._event_loop_policy = P()",
  "a loop and its tasks":
    "import asyncio\nloop = asyncio.new_event_loop()\nasyncio.set_event_loop(loop)\nasync def forever(): await asyncio.sleep(1000)\ntask = loop.create_task(forever())",
  "lines and patterns": "import linecache, re, inspect\nre.compile('own' + str(id(own)))\ninspect.getsource(Own)",
  "an adapter of sqlite": "import sqlite3\nsqlite3.register_adapter(Own, own)\nsqlite3.register_converter('own', own)",
  "formats of archives":
    "import shutil\nshutil.register_archive_format('own', own)\nshutil.register_unpack_format('own', ['.own'], own)",
  "a reducer of multiprocessing": "import multiprocessing.reduction\nmultiprocessing.reduction.register(Own, own)",
  "an opener of URLs":
    "import urllib.request\nclass H(urllib.request.BaseHandler): kept = own\nurllib.request.install_opener(urllib.request.build_opener(H))",
  "a builtin": "import builtins\nbuiltins.own_of_a_guest = own",
  "a factory of log records":
    "import logging\nlogging.setLogRecordFactory(type('R', (logging.LogRecord,), {'kept': own, '__module__': __name__}))",
};

const source = (registers: string, key: string) => `
class Own:
    def method(self): return own
def own(*args, **settings): return None
def watch():
    import sys, weakref
    sys.__dict__.setdefault("watched", {})[${JSON.stringify(key)}] = weakref.ref(own)
watch()
${registers}
def f(v): return None
`;

const COUNTER = `
import gc, sys
def f(v):
    gc.collect()
    return [name for name, each in sys.__dict__.get("watched", {}).items() if each() is not None]
`;

testIf(!cpython.freeThreaded)("a module that is closed is kept alive by nothing that it has registered", async () => {
  await using counter = await load(COUNTER, options);
  for (const [key, registers] of Object.entries(REGISTERS)) {
    const module = await load(source(registers, key), options);
    await module.call("f");
    module.invokeSync("f", "1");
    await module.close();
  }
  await expect.poll(() => counter.call("f"), { timeout: 20_000 }).toEqual([]);
});

test("what others have registered stays", async () => {
  const registering = `
import atexit, codecs, copyreg, logging, warnings, sys
class Own: pass
class Hears(logging.Handler):
    def emit(self, record): heard.append(record.getMessage())
heard = []
def find(name): return codecs.lookup("utf-8") if name == "x" + __name__ else None
codecs.register(find)
logging.getLogger("common").addHandler(Hears())
warnings.filterwarnings("ignore", message="common")
copyreg.pickle(Own, lambda own: (Own, ()))
def f(v):
    logging.getLogger("common").warning("said")
    return [heard.count("said") > 0, codecs.lookup("x" + __name__).name, Own in copyreg.dispatch_table, any(each[1] is not None and each[1].match("common") for each in warnings.filters)]`;
  await using stays = await load(registering, { ...options, module: "stays.py" });
  const goes = await load(registering, { ...options, module: "goes.py" });
  const all = [true, "utf-8", true, true];
  expect([await stays.call("f"), await goes.call("f")]).toEqual([all, all]);
  await goes.close();
  expect(await stays.call("f")).toEqual(all);
});

test("exit functions run when their module is closed, the last first, and tell its logger", async () => {
  const registering = (name: string) => `
import atexit, weakref, logging
@atexit.register
def first(): print("${name} first")
atexit.register(print, "${name} last")
def never(): print("never")
atexit.register(never)
atexit.unregister(never)
def fails(): raise ValueError("at the end")
atexit.register(fails)
weakref.finalize(logging.Logger, print, "${name} finalized")
weakref.finalize(logging.Logger, lambda: print("${name} finalizer"))
def f(v): return None`;
  const loggers = [recorder(), recorder()];
  const modules = await Promise.all(
    loggers.map((logger, i) =>
      load(registering(`m${i}`), { manifest: { name: `m${i}`, ...manifest }, limits: { maxInstances: 1 }, logger }),
    ),
  );
  await modules[0]!.close();
  const said = loggers[0]!.lines.join("\n");
  expect(said).toMatch(/ValueError: at the end[\s\S]*m0 last\n[\s\S]*m0 first/);
  expect(said).toContain("m0 finalizer");
  expect(said).not.toContain("never");
  expect(loggers[1]!.lines).toEqual([]);
  await modules[1]!.close();
});
