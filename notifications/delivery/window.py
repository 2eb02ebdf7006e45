"""The threads of one lane in one worker process: a rolling window of sends."""

import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from notifications.channels.base.contract import Accepted, Channel, DeliveryError, Receipt
from notifications.delivery import secret_values
from notifications.delivery.claims import Claim
from notifications.delivery.results import NotStarted
from notifications.failures import Reason
from notifications.process import this_process
from notifications.states import Outcome

logger = logging.getLogger(__name__)

_IDLE = 30.0  # seconds after which a thread without work ends
_PROMPT = 0.3  # seconds that a call waits for its thread where calls are quick
STOPPED = NotStarted("Given back: the sender was to stop before the call could begin.")


@dataclass(frozen=True, slots=True)
class Call:
    """A permitted send. Times are readings of the monotonic clock."""

    claim: Claim
    submitted: float
    start_by: float


@dataclass(frozen=True, slots=True)
class Done:
    """A finished call."""

    claim: Claim
    answer: Receipt | Accepted | DeliveryError | NotStarted
    started: float
    finished: float


class Finished:
    """A queue of results from the threads to the drain.

    The drain is woken once for several results, because each waking costs as much as a mail.
    """

    def __init__(self) -> None:
        self._results: deque[Done] = deque()
        self._wanted = 1
        self._enough = threading.Event()

    def put(self, result: Done) -> None:
        """Add a result, from a thread of a window."""
        self._results.append(result)
        if len(self._results) >= self._wanted:
            self._enough.set()

    def take(self, wanted: int, *, timeout: float) -> list[Done]:
        """Return all results, once there are `wanted` or `timeout` seconds have passed."""
        self._wanted = wanted
        self._enough.clear()
        if len(self._results) < wanted:
            self._enough.wait(timeout)
        return [self._results.popleft() for _ in range(len(self._results))]


class Window:
    """Up to `channel.width` threads that send one lane's messages, for the life of the worker process."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        # Seconds a send has taken of late: slow until it has shown otherwise, but our own database is not a
        # provider.
        self.pace = 0.0 if channel.inline else 0.5
        self._calls: queue.SimpleQueue[tuple[Call, Callable[[Done], None]]] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._threads = 0
        self._idle = 0

    @property
    def most_permitted(self) -> int:
        """How many permitted messages may be out at once: after a crash each has an unknown outcome."""
        most, width = self.channel.permits, self.channel.width
        return max(width, min(most, int(width * self.channel.ahead / self.pace)) if self.pace else most)

    @property
    def batch(self) -> int:
        """How many results to record in one transaction: most of a window, as its cost is mostly fixed.

        If nothing is permitted ahead, no result waits for another.
        """
        most = self.most_permitted
        return most * 3 // 4 if most > self.channel.width else 1

    def submit(self, call: Call, done: Callable[[Done], None]) -> None:
        """Send on one of the threads; `done` gets the result there."""
        self._calls.put((call, done))
        with self._lock:
            if self._calls.qsize() > self._idle and self._threads < self.channel.width:
                self._threads += 1
                threading.Thread(target=self._work, name=f"lane-{self.channel.type}", daemon=True).start()

    def _work(self) -> None:
        while True:
            with self._lock:
                self._idle += 1
            try:
                call, done = self._calls.get(timeout=_IDLE)
            except queue.Empty:
                with self._lock:
                    self._idle -= 1
                    # Looked at under the lock: a call put just now would otherwise find no thread.
                    if self._calls.empty():
                        self._threads -= 1
                        return
                continue
            with self._lock:
                self._idle -= 1
            result = send(self.channel, call)
            self.pace = 0.8 * self.pace + 0.2 * (result.finished - result.started)
            done(result)


def send(channel: Channel, call: Call) -> Done:
    """Hand one message to its channel and return the answer, whatever goes wrong. Raises nothing."""
    started = time.monotonic()
    answer: Receipt | Accepted | DeliveryError | NotStarted
    if started >= call.start_by:
        return Done(call.claim, NotStarted(), started, started)
    if started > call.submitted + _PROMPT and this_process.is_to_stop():
        return Done(call.claim, STOPPED, started, started)
    try:
        answer = secret_values.send(channel, call.claim.envelope)
    except DeliveryError as error:
        answer = error
    except Exception as error:
        # Nobody foresaw this, so nobody knows whether it was handed over: the row says just that, and never
        # hangs.
        logger.exception("unforeseen error while sending message %s", call.claim.message_id)
        answer = DeliveryError(Reason.OTHER, f"{type(error).__name__}: {error}", outcome=Outcome.UNKNOWN)
    return Done(call.claim, answer, started, time.monotonic())
