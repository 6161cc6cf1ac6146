"""Packs the standard library, compiled, into one file: the length of an index (u32), the index as JSON, {path: [offset, size]}, and all bytes.

    stdlib.py LIB OWN TZDATA OUT

OWN has modules of ours, in place of some that LIB has.

Without docstrings and assertions, as `python -OO` has it. A frame's file is its place under /lib, where the engine shows these files.
"""
import importlib._bootstrap_external as bootstrap
import json
import os
import struct
import sys

OPTIMIZE = 2

# What needs a terminal, a display, sockets, processes or foreign functions, what installs packages, and tests.
LEFT_FOLDERS = {
    "__phello__", "__pycache__", "_pyrepl", "ctypes", "curses", "dbm", "ensurepip", "idlelib", "lib2to3", "multiprocessing",
    "pydoc_data", "site-packages", "test", "tests", "tkinter", "turtledemo", "venv", "wsgiref", "xmlrpc",
}
LEFT_FILES = {
    "_aix_support.py", "_android_support.py", "_apple_support.py", "_ios_support.py", "_osx_support.py", "antigravity.py",
    "ftplib.py", "imaplib.py", "mailbox.py", "poplib.py", "pty.py", "pydoc.py", "smtplib.py", "this.py", "tty.py", "turtle.py",
    "webbrowser.py",
}


def compiled(source, name):
    code = compile(source, f"/lib/{name}", "exec", dont_inherit=True, optimize=OPTIMIZE)
    return bytes(bootstrap._code_to_hash_pyc(code, b"\0" * 8, False))


def library(folder):
    for root, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in LEFT_FOLDERS)
        for name in sorted(names):
            if not name.endswith(".py") or (root == folder and name in LEFT_FILES):
                continue
            path = os.path.join(root, name)
            relative = os.path.relpath(path, folder)
            with open(path, "rb") as file:
                yield f"{relative}c", compiled(file.read(), relative)


def time_zones(folder):
    for root, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name != "__pycache__")
        for name in sorted(names):
            path = os.path.join(root, name)
            relative = os.path.relpath(path, os.path.dirname(folder))
            with open(path, "rb") as file:
                data = file.read()
            yield (f"{relative}c", compiled(data, relative)) if name.endswith(".py") else (relative, data)


def main(folder, own, zones, out):
    index, parts, at = {}, [], 0
    files = {**dict(library(folder)), **dict(library(own)), **dict(time_zones(zones))}
    for name, data in sorted(files.items()):
        index[name] = [at, len(data)]
        parts.append(data)
        at += len(data)
    head = json.dumps(index, separators=(",", ":")).encode()
    with open(out, "wb") as file:
        file.write(struct.pack("<I", len(head)) + head + b"".join(parts))


if __name__ == "__main__":
    main(*sys.argv[1:])
