"""Jobs: long work of the django-q2 cluster with a progress bar, a lease of its own, and people who may pause
and cancel it.

How a kind of job plugs in (an export, say):

1. Its runner is one line in `commlog.jobs.runner.RUNNERS`: the path of its function, whether it goes on where
   a lost worker stopped.
2. A view freezes what is on the screen and makes the job; the worker gets it within a second of the commit:

       chosen = reading.of_address(request.GET["of"], user).query.rows(user)   # `of` is the log's address;
       refuse unless chosen.sound
       job = jobs.create(JobKind.EXPORT, owner=user, asked=Asked.of(chosen), total=count, options={"format":
       "xlsx"})

   `create` writes the audit row. It raises TooManyOpen, which the view says on the page of the jobs.
   `redirect("job", job.key)` leads to
   its page; `templates/jobs/progress.html` includes `jobs/export.html`, the kind's own part: the report, the
   link to the file. What the
   permission is, the view and the runner ask.
3. The runner gets a Turn, and calls `turn.step(done=…)` at least every two seconds:

       def run(turn: Turn) -> datetime | None:
           messages = turn.messages()      # the frozen selection, permissions checked anew; raises Refused,
           which fails the job
           for number, row in enumerate(…):
               …
               if number % 1_000 == 0:
                   turn.step(done=number)  # renews the lease; raises Stop where the job was paused, cancelled
                   or lost: let it pass
           turn.step(done=total)
           return None                     # done; a moment: not done, go on then (resumable kinds, whose
           turns end with `turn.over`)

   What has to be recorded together with its work: `with transaction.atomic(): …; turn.record(…)`, and
   `turn.check()` before it.
   A worker that is killed is replaced when its lease has run out (`Runner.lease`, so nothing between two
   steps may take longer): the
   next turn has `turn.job.losses` > 0, and a kind that is not resumable starts from nothing (`done` is 0
   again). After three lost
   workers the job fails and says so; so it does after any exception, with the text of a Refused as its
   reason.
"""

from commlog.jobs.held import hold, targets
from commlog.jobs.lifecycle import Asked, TooManyOpen, approve, cancel, create, pause, reject, resume
from commlog.jobs.runner import Refused, Stop, Turn, claim, run, stalled

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
]
