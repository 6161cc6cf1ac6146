/* The floor of every asynchronous native call: an empty napi_async_work and back. `run(callback)` queues one; the callback is
   called on the main thread when a thread of libuv's pool has done nothing at all. */

#include <node_api.h>
#include <stdlib.h>

struct work {
  napi_async_work handle;
  napi_ref callback;
};

static void execute(napi_env env, void *data) {
  (void)env;
  (void)data;
}

static void complete(napi_env env, napi_status status, void *data) {
  struct work *work = data;
  napi_value callback, receiver;
  (void)status;
  napi_get_reference_value(env, work->callback, &callback);
  napi_get_undefined(env, &receiver);
  napi_delete_reference(env, work->callback);
  napi_delete_async_work(env, work->handle);
  free(work);
  napi_call_function(env, receiver, callback, 0, NULL, NULL);
}

static napi_value run(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value callback, name;
  struct work *work = malloc(sizeof *work);
  napi_get_cb_info(env, info, &count, &callback, NULL, NULL);
  napi_create_reference(env, callback, 1, &work->callback);
  napi_create_string_utf8(env, "empty", NAPI_AUTO_LENGTH, &name);
  napi_create_async_work(env, NULL, name, execute, complete, work, &work->handle);
  napi_queue_async_work(env, work->handle);
  return NULL;
}

NAPI_MODULE_INIT() {
  napi_value function;
  napi_create_function(env, "run", NAPI_AUTO_LENGTH, run, NULL, &function);
  napi_set_named_property(env, exports, "run", function);
  return exports;
}
