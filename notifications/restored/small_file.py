"""Small files kept outside the database, by which a restored one is noticed."""

import json
import os
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any


def write(file: Path, said: Any) -> None:
    """Write `said` as JSON. However it is interrupted, the file is the old or the new one. Raises OSError."""
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
