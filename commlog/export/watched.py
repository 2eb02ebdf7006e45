"""A file with a callback before each access, so that packing a large one can be cancelled."""

from collections.abc import Callable
from typing import IO, Any


class Watched:
    """The file, and the callback before each read and write; what it raises ends the call."""

    def __init__(self, target: IO[bytes], watch: Callable[[], None]) -> None:
        self._target, self._watch = target, watch

    def read(self, length: int = -1) -> bytes:
        self._watch()
        return self._target.read(length)

    def write(self, data: bytes) -> int:
        self._watch()
        return self._target.write(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._target, name)
