"""Kept SMTP connections: last in, first out, so that spare ones grow old and are closed."""

import os
import threading
import time

from notifications.channels.email.smtp_session import SmtpSession

# A mail server waits at least 10 s under load (Postfix in stress mode), 300 s else. One that died meanwhile
# is noticed and replaced.
IDLE = 30.0  # seconds
# seconds; some servers end a session after so long, whatever it does, and an address may lead elsewhere by
# then
AGE = 300.0
# Per connection; large providers close after about as many, and a fresh one meets another of their machines.
MESSAGES = 100


class ConnectionPool:
    """A stack of open sessions, shared by the threads of one process."""

    def __init__(self) -> None:
        self._stack: list[SmtpSession] = []
        self._lock = threading.Lock()
        self._process = os.getpid()

    def take(self) -> SmtpSession | None:
        """Return an open session for one message, or None if there is none fresh enough."""
        stale: list[SmtpSession] = []
        with self._lock:
            self._forget_the_parents()
            fresh = self._stack.pop() if self._stack else None
            if fresh is not None and time.monotonic() - fresh.used > IDLE:
                stale = [fresh, *self._stack]  # the others are older still
                self._stack.clear()
                fresh = None
        for session in stale:
            session.leave()
        return fresh

    def give(self, session: SmtpSession) -> None:
        """Keep a session whose last message is settled."""
        if not session.is_open or session.messages >= MESSAGES or time.monotonic() - session.opened > AGE:
            session.leave()
            return
        session.used = time.monotonic()
        with self._lock:
            self._forget_the_parents()
            self._stack.append(session)

    def drain(self) -> None:
        with self._lock:
            self._forget_the_parents()
            stack, self._stack = self._stack, []
        for session in stack:
            session.leave()

    def _forget_the_parents(self) -> None:
        """Close copies of the parent's sockets after a fork.

        No QUIT is sent, because the parent goes on using them.
        """
        if self._process != os.getpid():
            for session in self._stack:
                session.close()
            self._stack, self._process = [], os.getpid()
