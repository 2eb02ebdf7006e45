"""A bulk resend under a real cluster: paused, its worker killed, run a second time, cancelled."""

import pytest
from django.conf import settings

from bench.installation import Installation
from bench.resends import storm

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.timeout(420),
    pytest.mark.skipif(
        settings.IS_SQLITE, reason="once is enough: on PostgreSQL, where several clusters may work"
    ),
]
ROWS = 1_200


def test_preview_equals_processed_equals_new_rows_whatever_happens(installation: Installation) -> None:
    # A minute: it is still under way when it is paused and its worker killed.
    found = storm(installation, ROWS, pace="3600")

    assert found["first"]["preview"] == ROWS
    assert found["paused"]["seconds"] < 5
    assert (found["result"]["new"], found["result"]["sources"]) == (ROWS, ROWS)
    assert found["result"]["lines"] == {"Resent as new entries": ROWS}
    assert "Resent as new entries" not in found["twice"]["lines"]
    assert (found["twice"]["sum"], found["twice"]["total"], found["twice"]["new"]) == (ROWS, ROWS, ROWS)
    assert found["cancelled"]["seconds"] < 5
    rest = found["rest"]["lines"]
    assert rest["Resent as new entries"] + rest["Not processed"] == found["rest"]["total"] == 2_000
