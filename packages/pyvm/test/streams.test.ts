import { expect, test } from "vitest";
import { hasOwnGil, load, recorder } from "./guest.ts";

const MODES = hasOwnGil ? (["isolated", "shared"] as const) : (["shared"] as const);

/** What a guest says in a call, and the call's answer. */
async function said(source: string, interpreter: "isolated" | "shared"): Promise<[string[], unknown]> {
  const logger = recorder();
  const module = await load(source, { manifest: { python: { interpreter } }, limits: { maxInstances: 1 }, logger });
  const answer = await module.call("f");
  await module.close();
  return [logger.lines.map((line) => line.replace(/^guest /, "")), answer];
}

test.each(MODES)("bytes that are written to the buffer are lines of the logger (%s)", async (interpreter) => {
  const source = `
import sys
def f(v):
    written = [sys.stdout.buffer.write(b"h\\xc3"), sys.stdout.buffer.write(bytearray(b"\\xa9!\\n")), sys.stderr.buffer.write(memoryview(b"bad\\xff\\n"))]
    sys.stdout.buffer.raw.write(b"raw\\n")
    sys.stdout.buffer.flush()
    sys.stdout.writelines(["one", " two\\n"])
    try: sys.stdout.buffer.write("text")
    except TypeError: written.append("refused")
    return written
`;
  expect(await said(source, interpreter)).toEqual([
    ["info hé!", "error bad\ufffd", "info raw", "info one two"],
    [2, 3, 5, "refused"],
  ]);
});

test.each(MODES)("the streams have what libraries ask of them (%s)", async (interpreter) => {
  const source = `
import io, sys
def refused(function):
    try: function()
    except io.UnsupportedOperation: return True
def f(v):
    told = []
    for stream in (sys.stdout, sys.stderr, sys.__stdout__):
        stream.reconfigure(line_buffering=True, errors="backslashreplace", newline=None, write_through=True)
        told.append([isinstance(stream, io.TextIOBase), stream.isatty(), stream.buffer.isatty(), stream.encoding, stream.closed, stream.writable(),
                     stream.readable(), stream.seekable(), stream.errors, stream.buffer.mode, stream.name == stream.buffer.name])
        told.append([refused(each) for each in (stream.fileno, stream.buffer.fileno, stream.read, stream.readline, stream.detach, stream.tell, stream.truncate)])
        with stream: pass
        stream.close()
    sys.stdout.reconfigure(encoding="latin-1")
    sys.stdout.buffer.write(b"h\\xe9\\n")
    sys.stdout.reconfigure(encoding="utf-8", errors="strict")
    sys.stdout.buffer.write(b"still \\xff\\n")
    for wrong in ({"encoding": "no such"}, {"errors": "no such"}):
        try: sys.stdout.reconfigure(**wrong)
        except LookupError: told.append("refused")
    print("printed", file=sys.stdout, flush=True)
    return told
`;
  const stream = [true, false, false, "utf-8", false, true, false, false, "backslashreplace", "wb", true];
  const refused = Array(7).fill(true);
  expect(await said(source, interpreter)).toEqual([
    ["info hé", "info still \ufffd", "info printed"],
    [stream, refused, stream, refused, stream, refused, "refused", "refused"],
  ]);
});

// What CPython or asyncio would say of it while everything ends is the close's doing, and no news to anybody.
test.each(MODES)("a stray task at close logs nothing false (%s)", async (interpreter) => {
  const source = `
import asyncio, threading
kept = []
async def generate():
    try:
        while True:
            await asyncio.sleep(0)
            yield 1
    finally: pass
async def first_of_generator():
    async for each in generate(): return each
async def waits(): await asyncio.Event().wait()
async def fails():
    await asyncio.sleep(0)
    raise ValueError("nobody has asked")
async def f(v):
    kept.append(asyncio.create_task(asyncio.sleep(3600)))
    kept.append(asyncio.create_task(waits()))
    kept.append(asyncio.ensure_future(asyncio.Queue().get()))
    kept.append(asyncio.gather(waits(), asyncio.sleep(3600)))
    kept.append(asyncio.shield(waits()))
    kept.append(asyncio.get_running_loop().call_later(3600, print, "never"))
    await first_of_generator()
    server = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
    kept.append(server)
    return await asyncio.to_thread(lambda: 1)
`;
  expect(await said(source, interpreter)).toEqual([[], 1]);
});
