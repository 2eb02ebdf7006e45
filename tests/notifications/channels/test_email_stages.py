"""The e-mail channel against a server that fails at every stage, in a pipeline or not: every failure has its class."""

import pytest
from mail import PERM, SIGN_IN, TEMP, UNKNOWN, Serve, channel, class_of, failure
from servers import ScriptedSmtp

from notifications.channels.base import Failure
from notifications.failures import Reason
from notifications.states import Outcome

STAGES = [
    ("greeting", "drop", TEMP),
    ("greeting", "reset", TEMP),
    ("greeting", "hang", TEMP),
    ("greeting", "drip", TEMP),
    ("greeting", "endless", TEMP),
    ("greeting", "garbage", TEMP),
    ("greeting", "421 too busy", TEMP),
    ("greeting", "554 go away", TEMP),
    ("ehlo", "drop", TEMP),
    ("ehlo", "hang", TEMP),
    ("ehlo", "drip", TEMP),
    ("ehlo", "garbage", TEMP),
    ("ehlo", "421 closing", TEMP),
    ("ehlo", "550 not you", TEMP),
    ("mail", "drop", TEMP),
    ("mail", "hang", TEMP),
    ("mail", "drip", TEMP),
    ("mail", "garbage", TEMP),
    ("mail", "451 later", TEMP),
    ("mail", "530 sign in first", SIGN_IN),
    ("mail", "552 too large", PERM),
    ("rcpt", "drop", TEMP),
    ("rcpt", "hang", TEMP),
    ("rcpt", "garbage", TEMP),
    ("rcpt", "450 greylisted", TEMP),
    ("rcpt", "421 closing", TEMP),
    ("rcpt", "550 5.1.1 no such user", PERM),
    ("data", "drop", TEMP),
    ("data", "hang", TEMP),
    ("data", "garbage", TEMP),
    ("data", "451 later", TEMP),
    ("data", "554 no", PERM),
    ("body", "drop", UNKNOWN),  # a small mail left in one piece with its dot
    ("body", "reset", UNKNOWN),
    ("dot", "drop", UNKNOWN),
    ("dot", "reset", UNKNOWN),
    ("dot", "hang", UNKNOWN),
    ("dot", "drip", UNKNOWN),
    ("dot", "endless", UNKNOWN),
    ("dot", "garbage", UNKNOWN),
    ("dot", "354 go on", UNKNOWN),
    ("dot", "421 closing", TEMP),
    ("dot", "451 later", TEMP),
    ("dot", "452-full\r\n452 really", TEMP),
    ("dot", "554 spam", PERM),
]


BEFORE_MAIL = ("greeting", "ehlo")
EACH_WAY = [
    pytest.param(stage, action, expected, features, id=f"{stage}-{action[:8]}{'-pipelined' * bool(features)}")
    for stage, action, expected in STAGES
    for features in ((), ("PIPELINING",))
    if not features or stage not in BEFORE_MAIL
]


@pytest.mark.parametrize(("stage", "action", "expected", "features"), EACH_WAY)
def test_every_stage_has_its_class(
    serve: Serve, stage: str, action: str, expected: tuple[Reason, Failure, Outcome], features: tuple[str, ...]
) -> None:
    server = serve(ScriptedSmtp({stage: action}, features=features))

    error = failure(channel(server))

    assert class_of(error) == expected
    if expected is not UNKNOWN:
        assert b"".join(server.mails) == b""  # never "refused" for a message that the server holds
    assert error.detail


def test_a_refusal_in_a_pipeline_leaves_the_connection_fit_for_the_next(serve: Serve) -> None:
    server = serve(ScriptedSmtp({"rcpt": "550 5.1.1 no such user"}, features=("PIPELINING",)))
    sender = channel(server)
    first, second = failure(sender), failure(sender)
    assert [error.detail.partition(" (")[0] for error in (first, second)] == ["550 5.1.1 no such user"] * 2
    assert (server.connections, server.mails) == (1, [b"", b""])  # this server wants a text for nobody: it gets an empty one
    assert server.commands[4] == "RSET"
