// What the processes of a tree hold in memory together.
#pragma once
#include "tree.h"

// Bytes at the most: shared memory that several have, or that a process has both open and mapped, may be counted more than
// once. `files` is what `memory_files` found last.
long long memory_roughly(const Tree* tree, long long files);

// Bytes of files in memory that they have open, and of the file systems in memory that a sandbox of theirs has.
long long memory_files(const Tree* tree, int sandboxed);

// Bytes, nothing counted twice. Takes milliseconds.
long long memory_exactly(const Tree* tree, int sandboxed);
