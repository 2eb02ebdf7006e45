"""Small files that are kept beside the database, so that one that was restored from a backup is known."""

import json
import os
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any


def write(file: Path, said: Any) -> None:
    """Write it as JSON. Whatever breaks it off, the file is the earlier one or this one. Raises OSError."""
    draft = file.with_suffix(f".{os.getpid()}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with draft.open("w") as opened:
            json.dump(said, opened, default=datetime.isoformat)
            opened.flush()
            os.fsync(opened.fileno())
        draft.replace(file)
    except OSError:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        raise
