"""Watching a process: everything it does beside answering, told on standard error."""

from __future__ import annotations

from tests.rigs.processes import plant_fault

__all__ = ["FORBIDDEN", "watch_process"]

# What a sidecar has no reason to do: code from data, other programs, other machines, other files.
FORBIDDEN = (
    "os.exec",
    "os.fork",
    "os.posix_spawn",
    "os.system",
    "pickle.find_class",
    "socket.connect",
    "socket.getaddrinfo",
    "socket.gethostbyname",
    "subprocess.Popen",
)
WATCH = """
import os
import router.service.server as server
seen = set()
make_server = server.make_server

def is_compiling():
    frame = sys._getframe()
    while frame is not None:
        if frame.f_globals.get("__name__", "").startswith("numba."):
            return True
        frame = frame.f_back
    return False
data = os.path.realpath({data!r})

def watch(event, arguments):
    what = event if event in {forbidden!r} else None
    if event == "open" and isinstance(arguments[0], str):
        writes = arguments[2] is not None and arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        inside = os.path.realpath(arguments[0]).startswith((data, "/dev/null"))
        what = "write outside" if writes and not inside else None
    if what is not None and is_compiling():
        # The compiler of the extra [fast] reads its own cache when a menu first needs a kernel.
        what = None
    if what is not None and what not in seen:
        seen.add(what)
        sys.stderr.write("WATCHED " + what + " " + repr(arguments)[:200] + chr(10))
        sys.stderr.flush()

def make_watched(*arguments):
    # Before this, compiled code is loaded, by way of its compiler's own cache.
    sys.addaudithook(watch)
    return make_server(*arguments)

sys.dont_write_bytecode = True
server.make_server = make_watched
{extra}
"""


def watch_process(data: str, extra: str = "") -> tuple[str, str]:
    """Write the start of a command whose process tells what it should not do.

    Parameters
    ----------
    data : str
        The one directory it may write to.
    extra : str, default=""
        Lines of Python that run before, to plant a fault.

    Returns
    -------
    tuple of str
        For ``tests.contracts.sidecars.run_sidecar``; each kind of event is one line ``WATCHED``.
    """
    return plant_fault(WATCH.format(data=data, forbidden=FORBIDDEN, extra=extra))
