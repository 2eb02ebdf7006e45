"""The same attack over the web server: bodies in chunks, answers in gzip, and one connection for all that
comes.
"""

import json
from collections.abc import Iterator

import hypothesis
import pytest
from django.core.management import call_command
from pytest_django import DjangoDbBlocker
from requests import PreparedRequest, Response, Session
from schemathesis import Case

from tests.commlog.api import sensible
from tests.commlog.api.test_description import AT_LENGTH, LIMITS, attack, described, every_case, to_attack
from tests.factories import make_key
from tests.web_server import commlog

pytestmark = pytest.mark.xdist_group("over the wire")  # one web server
# Wrong passwords would be hashed in earnest, and then lock; wrong keys do as well.
wire = to_attack(json.loads(json.dumps(described).replace('{"BasicAuth": []}, ', "")))


class Line(Session):
    """A connection that sends bodies in chunks of seven bytes."""

    def __init__(self, port: int, key: str) -> None:
        super().__init__()
        self.call = {
            "base_url": f"http://127.0.0.1:{port}",
            "session": self,
            "headers": {"apiKey": key, "Accept-Encoding": "gzip"},
        }

    def send(self, request: PreparedRequest, **options: object) -> Response:
        """Send it so, and give the request its body back, as the checks look at it."""
        body = request.body
        if body:
            content = body.encode() if isinstance(body, str) else body
            request.body = iter([content[start : start + 7] for start in range(0, len(content), 7)])
            del request.headers["Content-Length"]
            request.headers["Transfer-Encoding"] = "chunked"
        response = super().send(request, **options)
        request.body = body
        if len(response.content) > 1_024 and "no-transform" not in response.headers.get("Cache-Control", ""):
            assert response.headers["Content-Encoding"] == "gzip"
        return response


# With threads it keeps connections; as production starts it, it closes them.
@pytest.fixture(
    scope="module",
    params=[["--threads", "4"], []] if AT_LENGTH else [["--threads", "4"]],
    ids=lambda options: len(options),
)
def line(
    request: pytest.FixtureRequest, django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[Line]:
    """To a Commlog on the database of this process, for all tests here; it is emptied afterwards."""
    with django_db_blocker.unblock():
        sensible.make_rows()
        with commlog(*request.param, **dict.fromkeys(LIMITS, "0")) as port, Line(port, make_key()) as line:
            yield line
        call_command("flush", verbosity=0, interactive=False)


@wire.parametrize()
@hypothesis.settings(every_case, max_examples=AT_LENGTH or 3)
def test_everything_that_the_description_allows_or_forbids(case: Case, line: Line) -> None:
    attack(case, **line.call)
