"""One more channel costs its folder, two lines, and the migrations that Django writes: it is then everywhere, and retried."""

import filecmp
import os
import subprocess
import sys
from pathlib import Path
from shutil import copytree, ignore_patterns

import pytest
from django.conf import settings

ROOT = Path(__file__).resolve().parents[2]

TREE = ("commlog", "notifications", "templates", "static", "tests")
LINES = {
    "notifications/states.py": ('    EVENT_STREAM = "EVENT_STREAM", "Event stream"\n', '    FAX = "FAX", "Fax"\n'),
    "notifications/channels/__init__.py": (
        "from notifications.channels.event_stream.channel import EventStreamChannel\n",
        "from notifications.channels.fax.channel import FaxChannel\n",
    ),
}
REGISTERED = "WebhookChannel, EventStreamChannel)"


@pytest.mark.skipif(not settings.IS_SQLITE, reason="it has a database of its own, so that once is enough")
@pytest.mark.timeout(300)
def test_one_more_channel_costs_a_folder_and_two_lines(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    for name in TREE:
        copytree(ROOT / name, tree / name, ignore=ignore_patterns("__pycache__"))
    copytree(ROOT / "tests" / "recipes" / "fax", tree / "notifications" / "channels" / "fax", ignore=ignore_patterns("__pycache__"))
    for path, (line, added) in LINES.items():
        text = (tree / path).read_text().replace(line, line + added)
        (tree / path).write_text(text.replace(REGISTERED, REGISTERED.replace(")", ", FaxChannel)")))

    environment = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG", "TMPDIR")}
    tour = subprocess.run(
        [sys.executable, "-m", "tests.recipes.tour"],
        cwd=tree, env=environment | {"RETRY_FAX_BACK_OFF_DELAY": "0.01"}, capture_output=True, text=True, timeout=280, check=False,
    )  # fmt: skip

    assert tour.returncode == 0, tour.stdout + tour.stderr
    new = sorted(path.relative_to(tree).as_posix() for path in tree.rglob("*.py") if not (ROOT / path.relative_to(tree)).exists())
    migrations = [path for path in new if "/migrations/" in path]
    assert [path for path in new if path not in migrations] == [f"notifications/channels/fax/{name}.py" for name in ("__init__", "channel")]
    assert [path.split("/")[0] for path in migrations] == ["commlog", "notifications"]
    both = [path.relative_to(ROOT) for name in TREE for path in (ROOT / name).rglob("*") if path.suffix in (".py", ".html", ".js")]
    assert sorted(path.as_posix() for path in both if not filecmp.cmp(ROOT / path, tree / path)) == sorted(LINES)
