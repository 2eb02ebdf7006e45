"""How the workers of a supervised cluster learn that they are to stop: the end of a pipe that they inherit is closed by their supervisor.

django-q2 tells its workers only between two tasks, but a turn that waits for an answer goes on with other work. A supervisor that was
killed has closed its end too.
"""

import os
import select

_VARIABLE = "COMMLOG_STOPPING"  # the number of the workers' end


class Wish:
    """The supervisor's side: one wish to stop, for all clusters that it starts."""

    def __init__(self) -> None:
        self.inherited, self._held = os.pipe()
        self.environment = {_VARIABLE: str(self.inherited)}

    def make(self) -> None:
        """Let the workers know."""
        os.close(self._held)


def wished() -> bool:
    """Whether this process is to take nothing new. Never where nobody supervises the cluster."""
    inherited = os.environ.get(_VARIABLE)
    if inherited is None:
        return False
    poll = select.poll()
    poll.register(int(inherited), 0)
    return any(event & select.POLLHUP for _, event in poll.poll(0))
