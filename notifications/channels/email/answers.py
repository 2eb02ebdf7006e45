"""The subject of a mail server's answer: one table of code, enhanced code (RFC 3463), stage and words."""

import re
from typing import NamedTuple

from notifications.channels.base.contract import About
from notifications.channels.email import meanings
from notifications.channels.email.smtp_session import Stage
from notifications.failures.meanings import Meaning

# Amazon SES: "454 Throttling failure: Maximum sending rate exceeded."; Microsoft: "451 4.7.500 Server busy";
# Yahoo: "421 4.7.0 [TSS04] Messages … temporarily deferred"; Postfix: "450 4.7.1 Error: too much mail from
# …", "421 4.7.0 Error: too many connections".
_RATE = re.compile(
    r"throttl|\brates?\b|rate[- ]?limit|too (?:fast|much mail|quickly)|slow(?:ing)? (?:it )?down|server "
    r"(?:is )?busy"
    r"|sending (?:limit|quota)|exceed\w* your .{0,40}\blimits?\b"
    r"|\b(?:per|an?|each) (?:second|minute|hour|day)\b",
    re.IGNORECASE,
)
# What a server says that is shut down or broken, as gmail.com, Postfix and RFC 5321 4.2.3 have it.
_NO_SERVICE = re.compile(
    r"\bno service|service (?:is )?not available|unavailable|not accepting|shut(?:ting)? ?down|maintenance"
    r"|system (?:problem|failure|error)|internal error",
    re.IGNORECASE,
)
_SESSION = re.compile(r"\b(?:session|connection|smtp transaction)\b", re.IGNORECASE)
_LIMIT = re.compile(r"too many|limit|maximum|exceed|\bmax\b|reached|no more", re.IGNORECASE)
_ENHANCED = re.compile(r"[245]\.(\d{1,3})\.(\d{1,3})\b")
_CLOSING = 421
# RFC 5321 3.8; RFC 4954 6 (432, 454) as servers use them after MAIL
_SLOW_DOWN = frozenset({_CLOSING, 432, 454})
_BAD_SEQUENCE, _SIGN_IN_FIRST = 503, 530
_OF_THE_SYSTEM = 3  # the subject of an enhanced code
_TOO_MANY_RECIPIENTS = (5, 3)  # subject and detail; a mail of ours has one: so many in a session, or an hour
# Who may write to a group of recipients (Exchange): subject 7, and about the recipient all the same.
_RESTRICTED = frozenset({124, 129, 133, 134, 136})
# What is refused because of who we are, whatever the code and the stage.
_OURS = frozenset({Meaning.SENDER, Meaning.REPUTATION, Meaning.SIGN_IN, Meaning.ACCOUNT})
_THEIRS = frozenset(
    {
        Meaning.NO_SUCH_ADDRESS,
        Meaning.NO_SUCH_DOMAIN,
        Meaning.ADDRESS_CLOSED,
        Meaning.MAILBOX_FULL,
        Meaning.GREYLISTED,
    }
)
# Gmail: "450 4.2.1 The user you are trying to contact is receiving mail at a rate that …"
_THEIR_PACE = re.compile(r"receiving (?:mail|messages)", re.IGNORECASE)
_TOO_LARGE = frozenset({552, 523})
# What a kept connection is told at MAIL, before a word of the message, need not be about the message.
_MAY_BE_THE_SESSION = frozenset({450, 451, 452, 503, 530, 550})


class Finding(NamedTuple):
    """The subject of an answer, and whether it asks for fewer messages."""

    about: About
    throttled: bool = False


def judge(code: int, text: str, stage: Stage, *, reused: bool) -> Finding:
    """Return the subject of the answer `code text` (code 0: none) at `stage`.

    `reused`: the connection carried messages before.
    """
    if reused and _is_about_the_session(code, text, stage):
        return Finding(About.SESSION)
    subject, detail = _enhanced(text)
    if not 400 <= code < 600 or stage < Stage.MAIL or code == _SIGN_IN_FIRST:
        return Finding(About.SERVER, throttled=code == _CLOSING and not _is_down(text, subject))
    means = meanings.meaning(f"{code} {text}")
    if code == _CLOSING:
        return Finding(About.SERVER, throttled=not _is_down(text, subject) and means not in _OURS)
    if code < 500 and means not in _OURS and _asks_for_fewer(code, text, stage, (subject, detail), means):
        return Finding(About.SERVER, throttled=True)
    if means in _OURS and code not in _TOO_LARGE:
        return Finding(About.SERVER)
    return Finding(_about(code, stage, (subject, detail), means))


def _enhanced(text: str) -> tuple[int, int]:
    """Subject and detail of the enhanced code; -1 where there is none."""
    found = _ENHANCED.match(text)
    return (int(found[1]), int(found[2])) if found else (-1, -1)


def _asks_for_fewer(code: int, text: str, stage: Stage, enhanced: tuple[int, int], means: Meaning) -> bool:
    if code in _SLOW_DOWN:
        return True
    if enhanced[0] in (1, 2) or means is Meaning.GREYLISTED or _THEIR_PACE.search(text):
        return False
    if stage == Stage.RCPT:
        said = means is Meaning.TOO_MANY or (means is Meaning.BUSY and "busy" in text.lower())
        return said or enhanced == _TOO_MANY_RECIPIENTS
    return bool(_RATE.search(text)) or enhanced == _TOO_MANY_RECIPIENTS


def _is_down(text: str, subject: int) -> bool:
    """Return whether a server that refuses a connection says that it is down, rather than asks for fewer."""
    fewer = _RATE.search(text) or _LIMIT.search(text) or "busy" in text.lower()
    return not fewer and (subject == _OF_THE_SYSTEM or bool(_NO_SERVICE.search(text)))


def _is_about_the_session(code: int, text: str, stage: Stage) -> bool:
    """Return whether the answer is about the connection alone.

    Nothing was accepted in any of these cases: the message may be sent over another connection.
    """
    if not 400 <= code < 600:
        return Stage.MAIL <= stage <= Stage.DATA
    if code in (_CLOSING, _BAD_SEQUENCE) or (_SESSION.search(text) and _LIMIT.search(text)):
        return True
    if code < 500 and _enhanced(text) == _TOO_MANY_RECIPIENTS:
        return True
    return stage == Stage.MAIL and code in _MAY_BE_THE_SESSION and not (code < 500 and _RATE.search(text))


def _about(code: int, stage: Stage, enhanced: tuple[int, int], means: Meaning) -> About:
    subject, detail = enhanced
    if code in _TOO_LARGE and subject != 2 and means not in _THEIRS:
        return About.MESSAGE
    if stage == Stage.MAIL:
        return About.SERVER
    if stage == Stage.RCPT:  # 4.7.1 there is greylisting, 5.7.1 a relay that does not want us
        ours = code >= 500 and subject == 7 and detail not in _RESTRICTED and means not in _THEIRS
        return About.SERVER if ours else About.RECIPIENT
    if subject in (1, 2) or detail in _RESTRICTED or means in _THEIRS:
        return About.RECIPIENT
    if code < 500:
        return About.SERVER if subject == _OF_THE_SYSTEM else About.UNKNOWN
    return About.UNKNOWN if subject == 7 else About.MESSAGE
