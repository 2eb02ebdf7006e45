"""One more channel, or one more field of a message, costs what its recipe in CONTRIBUTING.md says, and is
then everywhere.
"""

import filecmp
import os
import subprocess
import sys
from pathlib import Path
from shutil import copytree, ignore_patterns

import pytest
from django.conf import settings

from notifications import content
from tests.recipes.fields import missing

ROOT = Path(__file__).resolve().parents[2]

TREE = ("commlog", "notifications", "templates", "static", "tests")
# The steps of "A channel" that are no new file, and those of "A field of a message": file, what stands there,
# what is added behind it.
CHANNEL = (
    (
        "notifications/states.py",
        '    EVENT_STREAM = "EVENT_STREAM", "Event stream"\n',
        '    FAX = "FAX", "Fax"\n',
    ),
    (
        "notifications/channels/__init__.py",
        "from notifications.channels.event_stream.channel import EventStreamChannel\n",
        "from notifications.channels.fax.channel import FaxChannel\n",
    ),
    ("notifications/channels/__init__.py", "WebhookChannel, EventStreamChannel", ", FaxChannel"),
)
FIELD = (
    ("notifications/content.py", '    reference_id: str = ""\n', '    campaign: str = ""\n'),
    (
        "notifications/models/message.py",
        '    reference_id = models.CharField(max_length=LONGEST_REFERENCE, default="", db_default="")\n',
        '    campaign = models.CharField(max_length=40, default="", db_default="")\n',
    ),
    (
        "notifications/drafts.py",
        '    clean("referenceId", draft.reference_id, most=LONGEST_REFERENCE)\n',
        '    clean("campaign", draft.campaign, most=40)\n',
    ),
    ("commlog/api/schemas.py", '    *KEYS_ABOUT.values(), "reference_id",', ' "campaign",'),
    (
        "commlog/api/schemas.py",
        '        "referenceId": message.reference,\n',
        '        "campaign": message.campaign,\n',
    ),
    ("commlog/api/sending.py", '_ABOUT = (*KEYS_ABOUT, "referenceId"', ', "campaign"'),
    (
        "commlog/api/json_schemas.py",
        '{"referenceId": optional(TEXT | {"maxLength": LONGEST_REFERENCE})}',
        ' | {"campaign": optional(TEXT | {"maxLength": 40})}',
    ),
    ("commlog/api/json_schemas.py", '            "referenceId",\n', '            "campaign",\n'),
)


@pytest.mark.skipif(not settings.IS_SQLITE, reason="it has a database of its own, so that once is enough")
@pytest.mark.timeout(300)
def test_one_more_channel_and_one_more_field_cost_what_their_recipes_say(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    for name in TREE:
        copytree(ROOT / name, tree / name, ignore=ignore_patterns("__pycache__"))
    copytree(
        ROOT / "tests" / "recipes" / "fax",
        tree / "notifications" / "channels" / "fax",
        ignore=ignore_patterns("__pycache__"),
    )
    for path, line, added in (*CHANNEL, *FIELD):
        text = (tree / path).read_text()
        assert text.count(line) == 1, line
        (tree / path).write_text(text.replace(line, line + added))

    environment = {
        name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG", "TMPDIR")
    }
    tour = subprocess.run(
        [sys.executable, "-m", "tests.recipes.tour"],
        cwd=tree, env=environment | {"RETRY_FAX_BACK_OFF_DELAY": "0.01"}, capture_output=True, text=True,
        timeout=280, check=False,
    )  # fmt: skip

    assert tour.returncode == 0, tour.stdout + tour.stderr
    new = sorted(
        path.relative_to(tree).as_posix()
        for path in tree.rglob("*.py")
        if not (ROOT / path.relative_to(tree)).exists()
    )
    migrations = [path for path in new if "/migrations/" in path]
    assert [path for path in new if path not in migrations] == [
        f"notifications/channels/fax/{name}.py" for name in ("__init__", "channel")
    ]
    assert [path.split("/")[0] for path in migrations] == ["commlog", "notifications"]
    both = [
        path.relative_to(ROOT)
        for name in TREE
        for path in (ROOT / name).rglob("*")
        if path.suffix in (".py", ".html", ".js")
    ]
    assert sorted(path.as_posix() for path in both if not filecmp.cmp(ROOT / path, tree / path)) == sorted(
        {path for path, _, _ in (*CHANNEL, *FIELD)}
    )


def test_every_field_of_a_message_has_taken_all_steps() -> None:
    assert missing() == []


def test_each_step_that_is_forgotten_is_named() -> None:
    assert missing({**content.COLUMNS, "campaign": "campaign"}) == [
        "campaign: no column of Message",
        "campaign: not in schemas.READ",
        "campaign: not in schemas.message_out",
        "campaign: not in what json_schemas.py says of answers",
        "campaign: not in what json_schemas.py says of new messages",
        "campaign: not in what sending.py shows to whom gave it",
    ]
    # Drafts do not look at the length of this one.
    assert "auth_username: longer than its column is not refused by drafts.envelope" in missing(
        {"auth_username": "sender"}
    )
