# One Python thread for all calls, whichever thread of the system carries it

# Libraries that keep state by thread of the system: where one is imported, calls stay on one thread.
_KEEP_TO_THREAD = ("greenlet", "torch", "cupy", "pycuda", "tensorflow")
_instances = set()  # identities of the threads that carry instances


def _be_one_thread():
    """Has whoever asks for the identity of the thread told that of the instance."""
    for module in (sys.modules["_thread"], sys.modules.get("threading")):
        if module is not None:
            module.get_ident = get_ident
    thread = sys.modules["_thread"]
    if _own and hasattr(thread, "_get_main_thread_ident"):
        # From 3.13 on: else the thread of the main interpreter would be that of all.
        home = get_ident()
        thread._get_main_thread_ident = lambda: home


def _keep_here(_module):
    _keep_to_thread()


def _share_connections(dbapi2):
    """For `sqlite3.dbapi2`: its check compares threads of the system. SQLite locks for itself, and calls run one at a time."""
    connect = dbapi2.connect

    class Connection(dbapi2.Connection):
        def __init__(self, *args, **settings):
            if len(args) > 4:
                args = (*args[:4], False, *args[5:])
            else:
                settings["check_same_thread"] = False
            super().__init__(*args, **settings)

    def connect_unchecked(*args, **settings):
        if len(args) < 6:
            settings.setdefault("factory", dbapi2.Connection)
        return connect(*args, **settings)

    Connection.__module__, Connection.__qualname__ = "sqlite3", "Connection"
    connect_unchecked.__name__ = connect_unchecked.__qualname__ = "connect"
    connect_unchecked.__module__, connect_unchecked.__doc__ = "sqlite3", connect.__doc__
    dbapi2.Connection, dbapi2.connect = Connection, connect_unchecked


_be_one_thread()
