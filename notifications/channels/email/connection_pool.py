"""Connections that are kept between messages: the last one used is the first one taken, so spare ones grow
old and go.
"""

import os
import threading
import time

from notifications.channels.email.smtp_session import Conversation

# A mail server waits at least 10 s under load (Postfix in stress mode), 300 s else. One that died meanwhile
# is noticed and replaced.
IDLE = 30.0  # seconds
# seconds; some servers end a session after so long, whatever it does, and an address may lead elsewhere by
# then
AGE = 300.0
# Per connection; large providers close after about as many, and a fresh one meets another of their machines.
MESSAGES = 100


class Kept:
    """A stack of open conversations, shared by the threads of one process."""

    def __init__(self) -> None:
        self._stack: list[Conversation] = []
        self._lock = threading.Lock()
        self._process = os.getpid()

    def take(self) -> Conversation | None:
        """An open conversation for one message, or None where there is none fresh enough."""
        stale: list[Conversation] = []
        with self._lock:
            self._forget_the_parents()
            fresh = self._stack.pop() if self._stack else None
            if fresh is not None and time.monotonic() - fresh.used > IDLE:
                stale = [fresh, *self._stack]  # the others are older still
                self._stack.clear()
                fresh = None
        for conversation in stale:
            conversation.leave()
        return fresh

    def give(self, conversation: Conversation) -> None:
        """Keep a conversation whose last message is settled."""
        if (
            not conversation.is_open
            or conversation.messages >= MESSAGES
            or time.monotonic() - conversation.opened > AGE
        ):
            conversation.leave()
            return
        conversation.used = time.monotonic()
        with self._lock:
            self._forget_the_parents()
            self._stack.append(conversation)

    def drain(self) -> None:
        """Leave them all."""
        with self._lock:
            self._forget_the_parents()
            stack, self._stack = self._stack, []
        for conversation in stack:
            conversation.leave()

    def _forget_the_parents(self) -> None:
        """After a fork the sockets are shared with the parent, who goes on using them: close our copies and
        say nothing.
        """
        if self._process != os.getpid():
            for conversation in self._stack:
                conversation.close()
            self._stack, self._process = [], os.getpid()
