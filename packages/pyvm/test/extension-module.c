// Extension modules as they come in wheels, made by extension-modules.test.ts: one source, a KIND each. The layouts are declared here, so
// that no headers of Python are needed; HEAD is the size of an object's head, which a build without the GIL has more of.
#include <stddef.h>

typedef struct PyObject PyObject;
typedef struct {
    char head[HEAD];
    void* init;
    ptrdiff_t index;
    void* copy;
    const char* name;
    const char* doc;
    ptrdiff_t size;
    void* methods;
    void* slots;
    void* traverse;
    void* clear;
    void* release;
} PyModuleDef;
typedef struct {
    int slot;
    void* value;
} Slot;

extern PyObject* PyModule_Create2(PyModuleDef*, int);
extern PyObject* PyModuleDef_Init(PyModuleDef*);
extern PyObject* PyImport_ImportModule(const char*);
extern void PyErr_SetString(PyObject*, const char*);
extern PyObject* PyExc_RuntimeError;

#define IMPORTS 1 /* single-phase, imports what lies beside it */
#define RAISES 2  /* single-phase, fails */
#define EITHER 3  /* could be both by what it links, and is single-phase; its init function runs once */
#define FAILS 4   /* multi-phase, fails before it says so */
#define ISOLATED 5

#define JOINED_(a, b) a##b
#define JOINED(a, b) JOINED_(a, b)
#define TEXT_(a) #a
#define TEXT(a) TEXT_(a)

// 3: interpreters with a GIL of their own are supported. 4: so is none.
static Slot slots[] = {{3, (void*)2}, {GIL_SLOT, (void*)1}, {0, NULL}};
static PyModuleDef definition = {.name = TEXT(NAME), .size = -1};
static int runs = 0;

PyObject* JOINED(PyInit_, NAME)(void) {
#if KIND == IMPORTS
    if (PyImport_ImportModule("companion") == NULL) return NULL;
    return PyModule_Create2(&definition, 1013);
#elif KIND == RAISES
    PyErr_SetString(PyExc_RuntimeError, "no such luck");
    return runs++ < 0 ? PyModule_Create2(&definition, 1013) : NULL;
#elif KIND == EITHER
    if (runs < 0) return PyModuleDef_Init(&definition);
    if (runs++ > 0) {
        PyErr_SetString(PyExc_RuntimeError, "its init function ran twice");
        return NULL;
    }
    return PyModule_Create2(&definition, 1013);
#elif KIND == FAILS
    PyErr_SetString(PyExc_RuntimeError, "no such luck");
    return runs++ < 0 ? PyModuleDef_Init(&definition) : NULL;
#else
    definition.slots = slots;
    definition.size = 0;
    return PyModuleDef_Init(&definition);
#endif
}
