const { toyGuests: make } = (await import(new URL("./toy-guests.mjs", import.meta.url).href)) as {
  toyGuests(...without: string[]): string;
};

/** Writes the guests of the toy language to a folder of their own, without those that are named, and gives its path. The folder goes with this process. */
export const toyGuests = make;
