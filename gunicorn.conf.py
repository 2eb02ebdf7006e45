"""What gunicorn reads beside its command line, because the service's working directory is this one."""

# Filters and cursors of names in Chinese, say, make long addresses; they also come in the headers Referer and
# HX-Current-URL. What is too long Commlog itself answers in words (commlog/kit/return_address.py), and the
# proxy in front bounds what comes at all.
limit_request_line = 0  # no limit of gunicorn's own
limit_request_field_size = 65_536


def on_starting(server):
    """Give the workers a directory of their own for what they count (read by /metrics)."""
    import os
    import tempfile

    os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix="commlog-metrics-")


def child_exit(server, worker):
    """Keep what a worker has counted that is gone."""
    import os

    from commlog.metrics import ended_processes

    ended_processes.keep(os.environ["PROMETHEUS_MULTIPROC_DIR"], worker.pid)


def on_exit(server):
    """Remove the directory."""
    import os
    import shutil

    shutil.rmtree(os.environ["PROMETHEUS_MULTIPROC_DIR"], ignore_errors=True)


def post_worker_init(worker):
    """End open streams as soon as the worker is told to stop: it waits for them."""
    import signal

    from notifications.streams import hub  # needs the loaded application

    before = signal.getsignal(signal.SIGTERM)

    def stop(number, frame):
        before(number, frame)
        hub.stop()

    signal.signal(signal.SIGTERM, stop)
