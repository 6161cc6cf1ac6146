# Coroutines run on a loop that the thread keeps

_thread = _local()
_loops = {}


def run(coroutine):
    loop = getattr(_thread, "loop", None)
    if loop is None or loop.is_closed():
        from asyncio import new_event_loop
        loop = _thread.loop = _loops[get_ident()] = new_event_loop()
    return loop.run_until_complete(coroutine)


def drop_loop():
    """Closes the loop of this thread, whatever state an aborted call has left it in."""
    loop = _thread.__dict__.pop("loop", None)
    _loops.pop(get_ident(), None)
    if loop is None:
        return
    from asyncio import _set_running_loop
    _set_running_loop(None)
    loop._thread_id = None
    try:
        loop.close()
    except Exception:
        pass


def recover():
    """After an abort: gives back what an exception at a bad moment has left behind of the interpreter's own things."""
    # It may have hit the code of the loop, so that one is not used again.
    drop_loop()
    import _imp
    try:
        while _imp.lock_held():
            _imp.release_lock()
    except RuntimeError:
        pass  # held by another thread, which is at work
    thread = get_ident()
    for reference in list(getattr(sys.modules["_frozen_importlib"], "_module_locks", {}).values()):
        lock = reference()
        while lock is not None and lock.owner == thread:
            lock.release()


def wake(thread):
    """Makes a loop that waits look up, so that an exception put into its thread is noticed."""
    loop = _loops.get(thread)
    if loop is not None:
        try:
            loop.call_soon_threadsafe(int)
        except RuntimeError:
            pass
