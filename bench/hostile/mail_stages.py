"""Behaviours of a mail server at each stage of a session, and the class of each."""

from notifications.channels.base.contract import Failure
from notifications.failures import Reason
from notifications.states import Outcome

Class = tuple[Reason, Failure, Outcome]

TEMP = (Reason.MESSAGING_EXCEPTION, Failure.TRANSIENT, Outcome.REFUSED)
PERM = (Reason.MESSAGING_EXCEPTION, Failure.PERMANENT, Outcome.REFUSED)
UNKNOWN = (Reason.MESSAGING_EXCEPTION, Failure.TRANSIENT, Outcome.UNKNOWN)
SIGN_IN = (Reason.INVALID_SMTP_CREDENTIALS, Failure.TRANSIENT, Outcome.REFUSED)

# Stage and action as ScriptedSmtp takes them.
STAGES: list[tuple[str, str, Class]] = [
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

_BEFORE_MAIL = ("greeting", "ehlo")
# The same with a server that offers pipelining, from the stage on at which that makes a difference.
EACH_WAY: list[tuple[str, str, Class, tuple[str, ...]]] = [
    (*case, features)
    for case in STAGES
    for features in ((), ("PIPELINING",))
    if not features or case[0] not in _BEFORE_MAIL
]
