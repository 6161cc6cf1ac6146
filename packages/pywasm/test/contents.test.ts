import { readdir, readFile } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";

const build = new URL("../build/", import.meta.url);
const text = (name: string) => readFile(new URL(name, build), "utf8");

/** What every licence of these says, in its own words. */
const SAID: Readonly<Record<string, RegExp>> = {
  CPython: /PYTHON SOFTWARE FOUNDATION LICENSE VERSION 2[\s\S]*Mersenne Twister/,
  "HACL*": /HACL\* Contributors[\s\S]*THE SOFTWARE IS PROVIDED/,
  BLAKE2: /Samuel Neves[\s\S]*CC0 1\.0 Universal/,
  libmpdec: /Stefan Krah[\s\S]*Redistributions in binary form/,
  expat: /Expat maintainers[\s\S]*Permission is hereby granted/,
  zlib: /Jean-loup Gailly and Mark Adler[\s\S]*altered source versions/i,
  bzip2: /Julian[\s\S]*Seward[\s\S]*Redistribution and use/,
  "liblzma (XZ Utils)": /Permission to use, copy, modify/,
  SQLite: /disclaims copyright[\s\S]*May you do good and not evil/,
  tzdata: /Paul Ganssle[\s\S]*END OF TERMS AND CONDITIONS/,
  "wasi-libc, with musl and dlmalloc": /wasi-libc contributors[\s\S]*Rich Felker/,
  "libc++, libc++abi and compiler-rt of LLVM": /LLVM[\s\S]*Apache/,
};

test("the licence and the version of everything inside come with it", async () => {
  const versions = JSON.parse(await text("versions.json")) as Record<string, string>;
  expect(Object.keys(versions).sort()).toEqual(Object.keys(SAID).sort());
  const licences = await text("THIRD_PARTY_LICENSES");
  const sections = licences.split(/\n={100}\n(.+)\n={100}\n/).slice(1);
  const found = Object.fromEntries(
    sections.flatMap((title, i) => (i % 2 === 0 ? [[title, sections[i + 1] as string]] : [])),
  );
  for (const [name, version] of Object.entries(versions)) {
    expect(version).toMatch(/\d/);
    expect(found[`${name} ${version}`]).toMatch(SAID[name] as RegExp);
  }
});

test("the interpreter names no folder of the machine that built it", async () => {
  const bytes = await readFile(new URL("python.wasm", build), "latin1");
  for (const path of [homedir(), tmpdir(), process.cwd(), "/home/", ".cache/extruntime"])
    expect(bytes.includes(path)).toBe(false);
});

/** 5.5 MB is what the whole package may have; the rest of it is small. */
test("the package is at most 5.5 MB to download", async () => {
  let size = 0;
  for (const name of await readdir(build)) size += gzipSync(await readFile(new URL(name, build))).length;
  expect(size).toBeLessThan(5.4e6);
});
