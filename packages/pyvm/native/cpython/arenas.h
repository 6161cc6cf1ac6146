// The arenas of Python's own allocator, by interpreter. CPython keeps all arenas of an ended interpreter in which a single
// block is left, and some always are: its strings that live for ever.
#pragma once

struct PyInterpreterState;

namespace pyvm {

// Has CPython take its arenas here. After it is pre-initialised, before it is initialised.
void install_arenas();

// Gives back what an interpreter that has ended left behind. To be called before another one is made, which may lie at the
// same address.
void release_arenas(const PyInterpreterState* ended);

}  // namespace pyvm
