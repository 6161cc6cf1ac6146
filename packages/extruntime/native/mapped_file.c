// What Node has no way to: a file in memory, shared by all processes that have it (what one wrote there is seen by the others,
// also after it was killed), and the end of a process whose threads never end. Plain C and Node-API, for Linux.
#define NAPI_VERSION 8
#include <errno.h>
#include <node_api.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void unmap(napi_env env, void* data, void* bytes) {
    (void)env;
    munmap(data, (size_t)(uintptr_t)bytes);
}

// map(fd, bytes): ArrayBuffer of the first bytes of an open file. The file must be as long: beyond its end lies SIGBUS.
static napi_value map(napi_env env, napi_callback_info info) {
    napi_value args[2];
    size_t count = 2;
    int32_t fd = -1;
    uint32_t bytes = 0;
    if (napi_get_cb_info(env, info, &count, args, NULL, NULL) != napi_ok || count < 2 ||
        napi_get_value_int32(env, args[0], &fd) != napi_ok || napi_get_value_uint32(env, args[1], &bytes) != napi_ok ||
        bytes == 0) {
        napi_throw_type_error(env, NULL, "map needs a file descriptor and a number of bytes");
        return NULL;
    }
    void* data = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (data == MAP_FAILED) {
        napi_throw_error(env, NULL, strerror(errno));
        return NULL;
    }
    napi_value buffer;
    if (napi_create_external_arraybuffer(env, data, bytes, unmap, (void*)(uintptr_t)bytes, &buffer) != napi_ok) {
        munmap(data, bytes);
        napi_throw_error(env, NULL, "this Node allows no memory of others");
        return NULL;
    }
    return buffer;
}

// exit(code): ends the process at once. No library cleans up, so none waits for its threads.
static napi_value exit_now(napi_env env, napi_callback_info info) {
    napi_value arg;
    size_t count = 1;
    int32_t code = 0;
    if (napi_get_cb_info(env, info, &count, &arg, NULL, NULL) != napi_ok || count < 1 ||
        napi_get_value_int32(env, arg, &code) != napi_ok) {
        napi_throw_type_error(env, NULL, "exit needs a number");
        return NULL;
    }
    _exit(code);
}

static napi_status add(napi_env env, napi_value exports, const char* name, napi_callback callback) {
    napi_value function;
    napi_status status = napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, NULL, &function);
    return status == napi_ok ? napi_set_named_property(env, exports, name, function) : status;
}

NAPI_MODULE_INIT() {
    if (add(env, exports, "map", map) != napi_ok || add(env, exports, "exit", exit_now) != napi_ok) return NULL;
    return exports;
}
