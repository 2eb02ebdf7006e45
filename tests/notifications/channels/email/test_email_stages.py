"""The e-mail channel against a server that fails at every stage, in a pipeline or not: every failure has its
class.
"""

import pytest

from bench.hostile.mail_stages import EACH_WAY, UNKNOWN
from bench.hostile.servers import ScriptedSmtp
from notifications.channels.base.contract import Failure
from notifications.failures import Reason
from notifications.states import Outcome
from tests.notifications.channels.mail import Serve, channel, class_of, failure

CASES = [
    pytest.param(*case, id=f"{case[0]}-{case[1][:8]}{'-pipelined' * bool(case[3])}") for case in EACH_WAY
]


@pytest.mark.parametrize(("stage", "action", "expected", "features"), CASES)
def test_every_stage_has_its_class(
    serve: Serve,
    stage: str,
    action: str,
    expected: tuple[Reason, Failure, Outcome],
    features: tuple[str, ...],
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
    # This server wants a text for nobody: it gets an empty one.
    assert (server.connections, server.mails) == (1, [b"", b""])
    assert server.commands[4] == "RSET"
