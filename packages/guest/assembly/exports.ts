// What the host needs of every module: `export * from "@extruntime/guest/assembly/exports"`.

export function __base_alloc(length: usize): usize {
  return heap.alloc(length);
}

export function __base_free(pointer: usize, _length: usize): void {
  heap.free(pointer);
}
