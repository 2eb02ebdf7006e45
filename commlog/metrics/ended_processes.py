"""Metrics of ended processes, merged into one file per kind.

So restarts do not fill the directory, and no counter decreases.
"""

from pathlib import Path

from prometheus_client.mmap_dict import MmapedDict

_KINDS = ("counter", "histogram")
_GONE = 0  # no process has this number


def keep(directory: str, pid: int) -> None:
    """Add an ended process's counts to the merged ones, and delete its files."""
    for kind in _KINDS:
        theirs, kept = (Path(directory) / f"{kind}_{number}.db" for number in (pid, _GONE))
        if not theirs.exists():
            continue
        fresh = kept.with_suffix(".new")
        fresh.write_bytes(kept.read_bytes() if kept.exists() else b"")
        sums = MmapedDict(str(fresh))
        for key, value, _, _ in MmapedDict.read_all_values_from_file(str(theirs)):
            sums.write_value(key, sums.read_value(key)[0] + value, 0.0)
        sums.close()
        # Together, so that whoever reads meanwhile sees it once, as far as a file system can.
        theirs.unlink()
        fresh.replace(kept)
