import threading

import pytest
from django.db import connection

from notifications.streams import sessions


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite is a file: a connection costs nothing")
@pytest.mark.django_db(transaction=True)
def test_many_threads_share_few_connections() -> None:
    servers: set[int] = set()

    def look() -> None:
        for _ in range(3):
            with sessions.turn(), sessions.turn(), connection.cursor() as cursor:
                cursor.execute("SELECT pg_backend_pid()")
                servers.add(cursor.fetchone()[0])
        assert connection.connection is None  # its own was never opened

    threads = [threading.Thread(target=look) for _ in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    while not sessions._idle.empty():
        sessions._idle.get().close()

    assert 1 <= len(servers) <= 8
