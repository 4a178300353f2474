"""Interrupts a plain function that has run past its deadline, without a system call on the fast path.

The judge stores when it entered a policy. A timer of the kernel's raises a signal a few times per deadline, and the
signal's handler looks at that: once the deadline is over it raises `DeadlineExceeded`, in the middle of the policy,
be it a loop, a sleep, or a regular expression. A thread in the timer's place would need the interpreter's lock,
which `re` does not give up while it searches.
"""

import signal
import threading
import time

_LONGEST_PERIOD_S = 1.0
_SHORTEST_PERIOD_S = 0.01
_LOOKS_PER_DEADLINE = 4


class DeadlineExceeded(BaseException):
    """Not an `Exception`, so that a policy's `except Exception` does not swallow it."""


class Watchdog:
    """Watches the main thread.

    Set `entered_ns` to `time.perf_counter_ns()` on entering a policy and to 0 on leaving it.
    """

    def __init__(self, timeout_s: float) -> None:
        self.entered_ns = 0
        self._installed = False
        self._timeout_ns = int(timeout_s * 1e9)

    @property
    def timeout_ns(self) -> int:
        """How long a policy may take."""
        return self._timeout_ns

    @timeout_ns.setter
    def timeout_ns(self, timeout_ns: int) -> None:
        self._timeout_ns = timeout_ns
        if self._installed:
            self._set_timer()

    def install(self) -> None:
        """Start watching. Outside the main thread, or without such timers, policies are judged late but not cut."""
        if self._installed or threading.current_thread() is not threading.main_thread():
            return
        if not hasattr(signal, "setitimer"):
            return
        self._installed = True
        signal.signal(signal.SIGALRM, self._look)
        # The calls that the timer interrupts go on by themselves.
        signal.siginterrupt(signal.SIGALRM, False)
        self._set_timer()

    def uninstall(self) -> None:
        """Stop watching."""
        if not self._installed:
            return
        self._installed = False
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)

    def _set_timer(self) -> None:
        period_s = self._timeout_ns / 1e9 / _LOOKS_PER_DEADLINE
        period_s = min(max(period_s, _SHORTEST_PERIOD_S), _LONGEST_PERIOD_S)
        signal.setitimer(signal.ITIMER_REAL, period_s, period_s)

    @property
    def overdue(self) -> bool:
        """Whether the policy that is running has run past the deadline."""
        entered = self.entered_ns
        return entered != 0 and time.perf_counter_ns() - entered > self._timeout_ns

    def _look(self, _signum: int, _frame: object) -> None:
        # The policy may have returned between the signal and its handler: then there is nothing to cut.
        if self.overdue:
            raise DeadlineExceeded
