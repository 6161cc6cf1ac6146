import { python } from "../sources/python.ts";
import type { Escape } from "./escape.ts";

function attempt(name: string, body: string, top = ""): Escape {
  const lines = body
    .trim()
    .split("\n")
    .map((line) => `    ${line}\n`);
  return { name, guest: () => python(`${top}\ndef attempt(canary):\n${lines.join("")}`, ["attempt"]) };
}

/** Each tries, and lets what stops it be thrown. */
export const pythonEscapes: readonly Escape[] = [
  attempt("reads a file", "return open(canary['file']).read()"),
  attempt("reads a file by os.open", "import os\nreturn os.read(os.open(canary['file'], os.O_RDONLY), 200).decode()"),
  attempt("reads a file by io.FileIO", "import io\nreturn io.FileIO(canary['file']).read().decode()"),
  attempt("reads a file by linecache", "import linecache\nreturn linecache.getlines(canary['file'])"),
  attempt("reads an open file descriptor of the host", "import os\nreturn os.pread(canary['fd'], 200, 0).decode()"),
  attempt("lists a folder", "import os\nreturn {'escaped': os.listdir(canary['folder'])}"),
  attempt("writes a file", "open(canary['marker'], 'w').write('x')"),
  attempt("writes over a file", "open(canary['file'], 'w').write('x')"),
  attempt("removes a file", "import os\nos.remove(canary['file'])"),
  attempt("writes by a subprocess", "import subprocess\nsubprocess.run(['touch', canary['marker']])"),
  attempt("writes by os.system", "import os\nos.system('touch ' + canary['marker'])"),
  attempt(
    "writes by posix_spawn",
    "import os\nos.waitpid(os.posix_spawn('/bin/touch', ['touch', canary['marker']], {}), 0)",
  ),
  attempt("forks", "import os\nif os.fork() == 0:\n    os._exit(0)\nreturn {'escaped': 'fork'}"),
  attempt("kills the host", "import os, signal\nos.kill(canary['pid'], signal.SIGKILL)\nreturn {'escaped': 'kill'}"),
  attempt("ends the process", "import os\nos._exit(3)"),
  attempt("exits", "import sys\nsys.exit(3)"),
  attempt("reads the environment", "import os\nreturn dict(os.environ)"),
  attempt(
    "reads the environment by ctypes",
    "import ctypes\nlibc = ctypes.CDLL(None)\nlibc.getenv.restype = ctypes.c_char_p\nreturn libc.getenv(canary['env'].encode()).decode()",
  ),
  attempt(
    "changes the environment",
    "import os\nos.putenv(canary['env'], 'x')\nos.environ[canary['env']] = 'x'\nreturn None",
  ),
  attempt("changes the working directory", "import os\nos.chdir('/')"),
  attempt("opens a connection", "import socket\nsocket.create_connection(('127.0.0.1', canary['port']), 2).send(b'x')"),
  attempt(
    "opens a connection by urllib",
    "import urllib.request\nurllib.request.urlopen('http://127.0.0.1:%d/' % canary['port'], timeout=2)",
  ),
  attempt("loads native code", "import ctypes\nreturn {'escaped': ctypes.CDLL(None).getpid()}"),
  attempt("reads memory by its address", "import ctypes\nreturn {'escaped': ctypes.string_at(id(canary), 8).hex()}"),
  attempt(
    "finds os among the subclasses",
    "for each in ().__class__.__base__.__subclasses__():\n    if each.__name__ == '_wrap_close':\n        return each.__init__.__globals__['popen']('cat ' + canary['file']).read()\nreturn None",
  ),
  attempt("reaches the host's JavaScript", "import js\nreturn {'escaped': str(js.process.env)}"),
  attempt(
    "reaches the host by pyodide",
    "from pyodide.code import run_js\nreturn {'escaped': str(run_js('process.version'))}",
  ),
  attempt(
    "mounts the host's files",
    "import pyodide_js\npyodide_js.mountNodeFS('/host', canary['folder'])\nreturn open('/host/secret.mjs').read()",
  ),
  attempt("maps a file", "import mmap, os\nreturn mmap.mmap(os.open(canary['file'], os.O_RDONLY), 0).read().decode()"),
  ...[
    attempt(
      "host functions: one that was not granted, by names of every kind",
      "class Name(str):\n    def __str__(self):\n        return 'kit.secret'\n    def __eq__(self, other):\n        return True\n    __hash__ = str.__hash__\nout = []\nfor name in ['kit.secret', Name('kit.secret'), Name('kit.echo'), 'kit.secret\\0', 'kit.echo\\0', b'kit.secret', ['kit.secret'], None, 3]:\n    try:\n        out.append(extruntime.call(name, 1))\n    except Exception as error:\n        out.append(type(error).__name__)\nreturn out",
      "import extruntime",
    ),
    attempt(
      "host functions: what an error carries",
      "try:\n    extruntime.call('kit.fail', 1)\nexcept Exception as error:\n    import traceback\n    return [str(vars(error)), str(error.args), str(error.__cause__), str(error.__context__), traceback.format_exc()]",
      "import extruntime",
    ),
    attempt(
      "host functions: the module's own way to the host",
      "return {'escaped': [name for name in vars(extruntime) if not name.startswith('__') and name not in ('call', 'HostError')]}",
      "import extruntime",
    ),
    attempt(
      "host functions: json replaced before a call",
      "import json\njson.dumps = lambda *args, **named: 'not json'\njson.loads = lambda *args, **named: object()\nreturn extruntime.call('kit.echo', {'a': [1]})",
      "import extruntime",
    ),
  ].map((way) => ({ ...way, permissions: ["kit.echo", "kit.fail"] })),
  attempt("reads /proc", "return {'escaped': open('/proc/self/environ').read()[:20]}"),
];
