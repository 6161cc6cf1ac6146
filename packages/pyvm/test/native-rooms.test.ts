import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const native = fileURLToPath(new URL("../native/", import.meta.url));
const page = readFileSync(`${native}README.md`, "utf8");
/** The table of rooms, from the top down: folder, and the files in it without their endings. */
const rooms = [...page.matchAll(/^\| `(\w+)\/` +\| ([^|]+) \|/gm)].map(([, folder, files]) => ({
  folder: folder!,
  files: [...files!.matchAll(/`(\w+)`/g)].map(([, name]) => name!),
}));

test("the addon's page names each file in its room", () => {
  const found = Object.fromEntries(
    rooms.map(({ folder }) => [
      folder,
      [...new Set(readdirSync(native + folder).map((file) => file.replace(/\.\w+$/, "")))].sort(),
    ]),
  );
  expect(found).toEqual(Object.fromEntries(rooms.map(({ folder, files }) => [folder, files.sort()])));
  const folders = readdirSync(native, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  expect(folders.map(({ name }) => name).sort()).toEqual(rooms.map(({ folder }) => folder).sort());
});

test("a room of the addon includes its own files and those of rooms below", () => {
  const back = rooms.flatMap(({ folder }, floor) =>
    readdirSync(native + folder).flatMap((file) =>
      [...readFileSync(`${native}${folder}/${file}`, "utf8").matchAll(/^#include "([^"]+)"/gm)]
        .map(([, included]) => included!)
        .filter((included) => !rooms.slice(floor).some((room) => included.startsWith(`${room.folder}/`)))
        .map((included) => `${folder}/${file} includes ${included}`),
    ),
  );
  expect(back).toEqual([]);
});
