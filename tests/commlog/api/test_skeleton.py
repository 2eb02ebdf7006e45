"""Large bodies without their long texts."""

import json
import random
from typing import Any

import pytest

from commlog.api.skeleton import LONGEST, Skeleton
from notifications.models import Message
from notifications.states import MessageState
from tests.commlog.api.conftest import Program, refusal
from tests.factories import make_message, set_up_channels

RESEND = "/api/communications/messages:resend"
TEXTS = [
    "",
    "a",
    '"',
    "\\",
    '\\"',
    "💶" * 11,
    "x" * LONGEST,
    "x" * (LONGEST + 1),
    '\\"' * 50,
    "ü\n" * 500,
    "{[,:]}" * 100,
]


def _in_pieces(text: bytes, size: int) -> bytes:
    skeleton = Skeleton()
    for start in range(0, len(text), size):
        skeleton.add(text[start : start + size])
    return bytes(skeleton)


def _short(value: Any, *, ascii_only: bool) -> Any:
    if isinstance(value, str):
        return value if len(json.dumps(value, ensure_ascii=ascii_only).encode()) - 2 <= LONGEST else ""
    if isinstance(value, list):
        return [_short(each, ascii_only=ascii_only) for each in value]
    return (
        {name: _short(each, ascii_only=ascii_only) for name, each in value.items()}
        if isinstance(value, dict)
        else value
    )


@pytest.mark.parametrize("ascii_only", [True, False])
@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 1_000_000])
def test_only_long_texts_are_emptied_wherever_the_pieces_part(size: int, ascii_only: bool) -> None:
    dice = random.Random(size)
    value = [
        {f"name {number}": dice.choice(TEXTS), "list": [dice.choice(TEXTS), 1.5, None, True]}
        for number in range(60)
    ]
    text = json.dumps(value, ensure_ascii=ascii_only).encode()
    assert json.loads(_in_pieces(text, size)) == _short(value, ascii_only=ascii_only)


@pytest.mark.parametrize("size", [1, 5, 100])
def test_what_breaks_off_stays_broken(size: int) -> None:
    for text in (b'["' + b"x" * 200, b'["x', b'["x\\', b"[1, 2", b'["a"]]'):
        with pytest.raises(json.JSONDecodeError):
            json.loads(_in_pieces(text, size))


@pytest.mark.django_db
def test_a_resend_takes_a_large_answer_and_needs_its_keys_alone(program: Program, settings: Any) -> None:
    set_up_channels(settings)
    settings.API_LARGEST_BODY, settings.API_LARGEST_ANSWER = 1_000, 30_000
    failed = [make_message(MessageState.FAILED, content=f'Grüße "\\{number}" ' * 200) for number in range(5)]
    found = program.post("/api/communications/messages:search", [])
    assert len(found.content) > 10_000
    assert program.post(RESEND, found.content, Idempotency_Key="k").status_code == 202
    assert program.post(RESEND, found.content, Idempotency_Key="k")["Idempotency-Replayed"] == "true"
    assert Message.objects.filter(resend_of__in=failed).count() == 5
    assert refusal(program.post(RESEND, b'["' + b"x" * 30_000 + b'"]'))[:2] == (413, 100004)


@pytest.mark.django_db
def test_what_is_large_without_texts_is_refused(program: Program) -> None:
    answer = program.post(RESEND, b"[" + b"[]," * 2_000_000 + b"[]]")
    assert refusal(answer)[::3] == (413, "the body has more than 5,000,000 bytes besides its long texts")
