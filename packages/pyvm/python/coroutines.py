# Coroutines run on a loop that the thread keeps

_thread = _local()
_loops = {}
_tasks = {}  # by thread: the task of the call that runs
_stopped = set()  # threads whose loop was stopped the hard way


def _current_loop():
    """The loop that this thread has as its current one, or None."""
    from asyncio import events

    policy = events._event_loop_policy
    loop = getattr(getattr(policy, "_local", None), "_loop", None)
    return None if loop is None or loop.is_closed() else loop


def _own_loop():
    """The loop of this thread's calls: the one that the program has made current, else one that is made current here."""
    current = _current_loop()
    loop = getattr(_thread, "loop", None)
    if current is not None and current is not loop and not current.is_running():
        if loop is not None:
            _thread.__dict__.setdefault("past", []).append(loop)  # with what the program has left on it
        loop = current
    elif loop is None or loop.is_closed():
        from asyncio import new_event_loop

        loop = new_event_loop()
    if current is None:
        from asyncio import set_event_loop

        set_event_loop(loop)
    _thread.loop = _loops[get_ident()] = loop
    return loop


def _provide_loop(events):
    """For `asyncio.events`: who asks for the current loop before one runs gets the one that calls run on."""
    policy = getattr(events, "BaseDefaultEventLoopPolicy", None) or events._BaseDefaultEventLoopPolicy
    get = policy.get_event_loop

    def get_event_loop(self):
        local = self._local
        if local._loop is None and not getattr(local, "_set_called", False) and get_ident() in _instances:
            _own_loop()
        return get(self)

    policy.get_event_loop = get_event_loop


def run(coroutine):
    loop = _own_loop()
    thread = get_ident()
    task = _tasks[thread] = loop.create_task(coroutine)
    task._log_destroy_pending = False
    try:
        return loop.run_until_complete(task)
    except BaseException:
        if task.done() and not task.cancelled():
            task.exception()  # seen, so that nothing says that nobody has
        raise
    finally:
        del _tasks[thread]


def cancel(thread):
    """Cancels the coroutine that a call of that thread runs, as asyncio does. False where it runs none."""
    task = _tasks.get(thread)
    if task is None or task.done():
        return False
    try:
        _loops[thread].call_soon_threadsafe(task.cancel)
    except RuntimeError:
        return False
    return True


def stop(thread):
    """Ends the loop that a call of that thread runs, whatever its tasks do. False where it runs none."""
    if thread not in _tasks:
        return False
    _stopped.add(thread)
    loop = _loops[thread]
    try:
        loop.call_soon_threadsafe(loop.stop)
    except RuntimeError:
        pass  # closed
    return True


def drop_loop():
    """Closes the loop of this thread, whatever state an aborted call has left it in."""
    loop = _thread.__dict__.pop("loop", None)
    _loops.pop(get_ident(), None)
    if loop is None:
        return
    from asyncio import _set_running_loop, all_tasks, set_event_loop

    _set_running_loop(None)
    if _current_loop() is loop:
        set_event_loop(None)
    try:
        loop._thread_id = None
    except Exception:
        pass  # one of another making
    try:
        for task in all_tasks(loop):
            task._log_destroy_pending = False
        loop.close()
    except Exception:
        pass


def end_loop():
    """At the end of a program: cancels what is left on the loop of this thread, as `asyncio.run` does, and closes it."""
    for past in _thread.__dict__.pop("past", ()):
        past.close()
    loop = getattr(_thread, "loop", None)
    if loop is not None and not loop.is_closed() and not loop.is_running():
        from asyncio import all_tasks, wait

        try:
            _silence_cancellations(loop)
            left = all_tasks(loop)
            for task in left:
                task._log_destroy_pending = False
                task.cancel()
            if left:
                loop.run_until_complete(wait(left, timeout=1))
            loop.run_until_complete(loop.shutdown_asyncgens())
        except Exception:
            pass
    drop_loop()


def _silence_cancellations(loop):
    """What the end of a program cancels has nobody left to ask for it, and that is no news."""
    from asyncio import CancelledError

    handler = loop.get_exception_handler()

    def handle(loop, context):
        if not isinstance(context.get("exception"), CancelledError):
            loop.default_exception_handler(context) if handler is None else handler(loop, context)

    loop.set_exception_handler(handle)


def heed():
    """Calling it is enough: what another thread has put into this one is raised at its begin, and is gone then."""


def recover():
    """After an abort: gives back what an exception at a bad moment has left behind. True: the program is better loaded anew."""
    thread = get_ident()
    spent = thread in _stopped or thread in _disordered
    if thread in _stopped:
        drop_loop()
    _stopped.discard(thread)
    _disordered.discard(thread)
    import _imp

    try:
        while _imp.lock_held():
            _imp.release_lock()
    except RuntimeError:
        pass  # held by another thread, which is at work
    for reference in list(getattr(sys.modules["_frozen_importlib"], "_module_locks", {}).values()):
        lock = reference()
        while lock is not None and lock.owner == thread:
            lock.release()
    return spent
