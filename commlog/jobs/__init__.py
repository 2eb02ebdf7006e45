"""Jobs: long work of the django-q2 cluster, with a progress bar, a lease, and people who may stop it.

How a kind of job plugs in (an export, say):

1. One line in `commlog.jobs.runner.RUNNERS`: the path of its function, and whether it goes on where a lost
   worker stopped.
2. A view freezes what is on the screen and makes the job, which a worker gets within a second of the commit:

       chosen = reading.of_address(request.GET["of"], user).query.rows(user)  # refuse unless chosen.sound
       job = jobs.create(JobKind.EXPORT, owner=user, asked=Asked.of(chosen), total=count, options={…})

   `create` writes the audit row; it raises TooManyOpen. `redirect("job", job.key)` leads to the job's page,
   where `templates/jobs/progress.html` includes the kind's own part. View and runner ask the permission.
3. The runner gets a Turn, and calls `turn.step(done=…)` at least every two seconds:

       def run(turn: Turn) -> datetime | None:
           messages = turn.messages()          # the frozen selection; raises Refused, which fails the job
           for number, row in enumerate(…):
               turn.step(done=number)          # renews the lease; raises Stop where the worker must let go
           return None                         # done; a moment: go on then (resumable kinds, see `turn.over`)

   What is recorded together with its work: `with transaction.atomic(): …; turn.record(…)`, `turn.check()`
   before it. A killed worker is replaced when its lease has run out, so nothing between two steps may take
   longer; a kind that is not resumable then starts from nothing. After three lost workers the job fails.
"""

from commlog.jobs.after_restore import hold, targets
from commlog.jobs.lifecycle import Asked, TooManyOpen, approve, cancel, create, pause, reject, resume
from commlog.jobs.runner import Refused, Stop, Turn, claim, run, stalled, under_way

__all__ = [
    "Asked",
    "Refused",
    "Stop",
    "TooManyOpen",
    "Turn",
    "approve",
    "cancel",
    "claim",
    "create",
    "hold",
    "pause",
    "reject",
    "resume",
    "run",
    "stalled",
    "targets",
    "under_way",
]
