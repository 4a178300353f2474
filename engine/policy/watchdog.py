"""Interrupts a plain function that has run past its deadline, without a system call on the fast path.

The judge stores when it entered a policy; a thread looks at that a few times per deadline, and sends the judge's
thread a signal once it is over. The signal's handler raises `DeadlineExceeded` there, in the middle of the
policy, be it a loop, a regular expression that yields to signals, or a sleep.
"""

import signal
import threading
import time
import weakref

WATCH_SIGNAL = getattr(signal, "SIGURG", None)
"""Ignored by default and used by nothing else here."""


class DeadlineExceeded(BaseException):
    """Not an `Exception`, so that a policy's `except Exception` does not swallow it."""


class Watchdog:
    """Watches one thread, the one that calls `install`.

    Set `entered_ns` to `time.perf_counter_ns()` on entering a policy and to 0 on leaving it.
    """

    def __init__(self, timeout_s: float) -> None:
        self.timeout_ns = int(timeout_s * 1e9)
        self.entered_ns = 0
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def install(self) -> None:
        """Start watching. Outside the main thread, or without the signal, policies are judged late but not cut."""
        if self._thread is not None:
            return
        if WATCH_SIGNAL is None or threading.current_thread() is not threading.main_thread():
            return
        self._stop.clear()
        signal.signal(WATCH_SIGNAL, self._interrupt)
        target = threading.main_thread().ident
        if target is None:
            return
        self._thread = threading.Thread(
            target=_watch, args=(weakref.ref(self), self._stop, target), name="policy watchdog", daemon=True
        )
        self._thread.start()

    def uninstall(self) -> None:
        """Stop watching."""
        if self._thread is None or WATCH_SIGNAL is None:
            return
        self._stop.set()
        self._thread.join()
        self._thread = None
        signal.signal(WATCH_SIGNAL, signal.SIG_DFL)

    @property
    def overdue(self) -> bool:
        """Whether the policy that is running has run past the deadline."""
        entered = self.entered_ns
        return entered != 0 and time.perf_counter_ns() - entered > self.timeout_ns

    def _interrupt(self, _signum: int, _frame: object) -> None:
        # The policy may have returned between the signal and its handler: then there is nothing to cut.
        if self.overdue:
            raise DeadlineExceeded


def _watch(watchdog: "weakref.ref[Watchdog]", stop: threading.Event, target: int) -> None:
    while True:
        dog = watchdog()
        if dog is None:
            return
        pause_s = min(max(dog.timeout_ns / 4e9, 0.01), 1.0)
        if dog.overdue and WATCH_SIGNAL is not None:
            signal.pthread_kill(target, WATCH_SIGNAL)
        del dog
        if stop.wait(pause_s):
            return
