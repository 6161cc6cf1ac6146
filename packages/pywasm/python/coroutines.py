# Coroutines run on a loop that the host drives: it takes a step, and tells until when there is nothing to do

_MOST_TURNS = 64  # in one step, where the host has answers to bring
_task = None  # of the call that runs
_waiting = {}  # by number: the futures of calls of host functions
_stepping = False  # the host drives the loop, and no run of the program's own


def begin(coroutine):
    """Starts the coroutine of a call. Returns None where it has ended, else the milliseconds to its next timer, negative without one."""
    global _task
    loop = _own_loop()
    _task = loop.create_task(coroutine)
    _task._log_destroy_pending = False
    return go_on()


def go_on():
    return _step(_task.get_loop())


class _Cancelled:
    """In place of a task that has ended because it was cancelled: what it has come to is nobody's to know, and takes time to tell."""

    def result():
        return None


def cancel():
    """Cancels the coroutine of the call, whose caller has its answer. Returns as go_on does."""
    global _task
    _task.cancel()
    wait = go_on()
    if wait is None:
        if not _task.cancelled():
            _task.exception()
        _task = _Cancelled
    return wait


def take():
    """The result of the coroutine that has ended."""
    global _task
    task, _task = _task, None
    for future in _waiting.values():
        if not future.done():
            future.set_exception(HostError("the call that asked for it has ended"))
            future.exception()
    _waiting.clear()
    return task.result()


def answered(number, value, error):
    future = _waiting.pop(number, None)
    if future is None or future.done():
        return
    if error is None:
        future.set_result(value)
    else:
        future.set_exception(error)


def _step(loop):
    global _stepping
    turns = 0
    loop._run_forever_setup()
    _stepping = True
    try:
        while not _task.done():
            wait = _wait_of(loop)
            if wait is None or wait > 0:
                if wait is None and not _waiting:
                    raise RuntimeError("the coroutine waits for something that never comes: no timer and no call of the host is left")
                return -1.0 if wait is None else wait * 1000
            if _waiting and turns == _MOST_TURNS:
                return 0.0
            turns += 1
            loop._run_once()
        return None
    finally:
        _stepping = False
        loop._run_forever_cleanup()


def _wait_of(loop):
    """Seconds until there is something to do on the loop, 0 for now, None for never."""
    if loop._ready:
        return 0
    timers = loop._scheduled
    while timers and timers[0]._cancelled:
        from heapq import heappop

        loop._timer_cancelled_count -= 1
        heappop(timers)._scheduled = False
    if not timers:
        return None
    return max(0, timers[0]._when - loop.time() - loop._clock_resolution)


def _own_loop():
    """The loop that the program has made current, else one that is made current here."""
    from asyncio import events

    local = events.get_event_loop_policy()._local
    loop = local._loop
    if loop is None or loop.is_closed() or not hasattr(loop, "_run_once"):
        loop = events.new_event_loop()
        events.set_event_loop(loop)
    return loop


class _Timers:
    """In place of a selector: there is nothing to wait for but time."""

    def select(self, timeout):
        if timeout is None:
            raise RuntimeError("the loop waits for something that never comes: no timer is left")
        if timeout > 0:
            from time import sleep

            sleep(timeout)
        return []


def _provide_loop(asyncio):
    from asyncio import base_events

    class Loop(base_events.BaseEventLoop):
        """Timers and calls of the host. There are no sockets, processes or threads to wait for."""

        def __init__(self):
            super().__init__()
            self._selector = _Timers()

        def _process_events(self, events):
            pass

        def _write_to_self(self):
            pass

        def run_in_executor(self, executor, function, *args):
            """There are no threads: a call of the host is awaited, and anything else runs at once."""
            self._check_closed()
            future = self.create_future()
            asked = _asked_of_host(function, args) if _stepping else None
            try:
                answer = (function(*args),) if asked is None else _host.begin(*asked)
            except (SystemExit, KeyboardInterrupt):
                raise
            except BaseException as error:
                future.set_exception(error)
            else:
                if type(answer) is tuple:
                    future.set_result(answer[0])
                else:
                    _waiting[answer] = future
            return future

    class Policy(asyncio.DefaultEventLoopPolicy):
        _loop_factory = Loop

    Loop.__module__ = Policy.__module__ = "asyncio"
    asyncio.set_event_loop_policy(Policy())


def _asked_of_host(function, args, named={}):
    """The name and the value, where it is `extruntime.call` with these arguments, as `asyncio.to_thread` and others hand it over; else None."""
    from functools import partial

    while type(function) is partial:
        function, args, named = function.func, function.args + args, {**function.keywords, **named}
    if type(getattr(function, "__self__", None)).__name__ == "Context" and args and args[0] is call:
        function, args = call, args[1:]
    if function is not call or len(args) > 2 or not set(named) <= {"name", "value"}:
        return None
    asked = dict(zip(("name", "value"), args), **named) if not set(named) & set(("name", "value")[: len(args)]) else {}
    return (asked["name"], asked.get("value")) if isinstance(asked.get("name"), str) else None
