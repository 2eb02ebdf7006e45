"""File storage in the database, in chunks: any web process can serve what any cluster wrote."""

import io
from typing import IO, Any

from django.core.files import File
from django.core.files.storage import Storage, storages
from django.db import reset_queries
from django.db.models import Sum
from django.db.models.functions import Length
from django.utils.deconstruct import deconstructible

from commlog.models.export_file import FileChunk

CHUNK = 512 * 1024


def storage() -> Storage:
    """Return the storage of exports (settings.STORAGES)."""
    return storages["exports"]


@deconstructible
class DatabaseStorage(Storage):
    """A Django storage. Chunks are written one by one: long transactions block SQLite's writers."""

    def exists(self, name: str) -> bool:
        return FileChunk.objects.filter(name=name).exists()

    def delete(self, name: str) -> None:
        FileChunk.objects.filter(name=name).delete()

    def size(self, name: str) -> int:
        return FileChunk.objects.filter(name=name).aggregate(size=Sum(Length("data")))["size"] or 0

    def _open(self, name: str, mode: str = "rb") -> File:
        if mode != "rb" or not self.exists(name):
            raise FileNotFoundError(name)
        return File(io.BufferedReader(_Chunks(name), CHUNK), name)

    def _save(self, name: str, content: IO[bytes]) -> str:
        content.seek(0)
        number = 0
        while (data := content.read(CHUNK)) or not number:
            FileChunk.objects.create(name=name, number=number, data=data)
            number += 1
            reset_queries()  # with DEBUG, Django keeps every statement, and these are as large as the file
        return name


class _Chunks(io.RawIOBase):
    """Reads the chunks of a file in order; at most one is in memory."""

    def __init__(self, name: str) -> None:
        self._name, self._number, self._left = name, 0, b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer from the current chunk."""
        if not self._left:
            data = (
                FileChunk.objects.filter(name=self._name, number=self._number)
                .values_list("data", flat=True)
                .first()
            )
            self._left, self._number = bytes(data or b""), self._number + 1
        given = self._left[: len(buffer)]
        buffer[: len(given)], self._left = given, self._left[len(given) :]
        return len(given)
