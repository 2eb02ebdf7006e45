"""URLs of webhooks for readers: anyone who knows `https://hooks.slack.com/services/T…/B…/…` can post there.

Anything that may be a password is left out: user name, query values, fragment, and the path from its first
part that is no word or short number; for known services, from where the secret begins.
"""

import functools
import re
from urllib.parse import unquote

CUT = "…"
_URL = re.compile(
    r"(?P<start>https?://)(?:(?P<user>[^/?#]*)@)?(?P<host>[^/?#@]*)(?P<path>[^?#]*)(?:\?(?P<query>[^#]*))?(?P<fragment>#.*)?",
    re.IGNORECASE | re.DOTALL,
)
_QUOTED = re.compile(r"https?://[^\s\"'<>\\^`|]+(?<![.,;:!?)\]])", re.IGNORECASE)
_PLACEHOLDER = re.compile(r"\{[^{}]{1,210}\}")
# A word as people write them in paths: payments, IncomingWebhook, webhookb2, v2, API; or a short number, as
# clients and days have.
_WORD = re.compile(
    r"(?:[A-Za-z]?[a-z]{1,14}(?:[A-Z][a-z]{2,14}){0,3}[0-9]{0,2}|[A-Z]{1,6}|[0-9]{1,8}|[vV][0-9.]{1,5}|)"
)
_PARTED = re.compile(r"[-_.~]")
# Of the hosts that end so, how many parts of the path are shown.
_KNOWN = {
    "hooks.slack.com": 1, "webhook.office.com": 1, "outlook.office.com": 1, "outlook.office365.com": 1,
    "discord.com": 2, "discordapp.com": 2, "hooks.zapier.com": 2, "make.com": 0, "integromat.com": 0,
    "logic.azure.com": 1, "api.telegram.org": 0, "events.pagerduty.com": 1, "chat.googleapis.com": 2,
    "webhook.site": 0, "ntfy.sh": 0, "pipedream.net": 0,
}  # fmt: skip
_SHORTEST = 4  # characters of what is looked for in other texts; shorter ones would tear words apart


@functools.lru_cache(maxsize=4096)
def shortened(url: str) -> str:
    """Return the URL as readers may see it; a text that is no web address is returned unchanged."""
    found = _URL.fullmatch(url.strip())
    if found is None:
        return url
    made = (
        found["start"]
        + (f"{CUT}@" if found["user"] is not None else "")
        + found["host"]
        + _path(found["host"], found["path"])
    )
    if found["query"] is not None:
        made += "?" + "&".join(map(_parameter, found["query"].split("&")))
    return made + (f"#{CUT}" if found["fragment"] else "")


def without_secret_parts(text: str, url: str) -> str:
    """Return a text about the URL without the parts that `shortened` leaves out.

    Such a text is a server's answer.
    """
    for part in _secret_parts(url):
        text = text.replace(part, CUT)
    return text


def shorten_all(text: str) -> str:
    """Return the text with every URL in it shortened."""
    return _QUOTED.sub(lambda found: shortened(found.group()), text) if "://" in text else text


@functools.lru_cache(maxsize=4096)
def _secret_parts(url: str) -> tuple[str, ...]:
    """Return the parts left out, longest first: the path's end and parts, query values, user, password."""
    found = _URL.fullmatch(url.strip())
    if found is None:
        return ()
    shown, parts = _shown(found["host"], found["path"])
    hidden = parts[len(shown) :]
    values = [value for each in (found["query"] or "").split("&") for _, _, value in [each.partition("=")]]
    every = {
        "/".join(hidden),
        *hidden,
        *values,
        *(found["user"] or "").split(":"),
        *([found["query"]] if found["query"] else []),
    }
    every |= {unquote(part) for part in every}
    return tuple(
        sorted(
            (part for part in every if len(part) >= _SHORTEST and (len(part) > 7 or not _plain(part))),
            key=len,
            reverse=True,
        )
    )


def _path(host: str, path: str) -> str:
    shown, parts = _shown(host, path)
    hidden = [part for part in parts[len(shown) :] if part]
    if not hidden:
        return path
    end = [hidden[0][:1] + CUT] + ([CUT] if len(hidden) > 1 else [])
    return "/".join((*shown, *end))


def _shown(host: str, path: str) -> tuple[list[str], list[str]]:
    """Return the parts of the path that are shown, and all of them.

    The first part is "", before the first slash.
    """
    parts, name = path.split("/"), host.partition(":")[0].lower().rstrip(".")
    known = next(
        (number for end, number in _KNOWN.items() if name == end or name.endswith(f".{end}")), len(parts)
    )
    plain = next((place for place, part in enumerate(parts) if not _plain(part)), len(parts))
    return parts[: min(known + 1, plain)], parts


def _plain(part: str) -> bool:
    """Return whether this reads like words and short numbers; it may contain a template's placeholders."""
    bare = _PLACEHOLDER.sub("", part)
    return len(bare) <= 40 and all(_WORD.fullmatch(word) for word in _PARTED.split(bare))


def _parameter(text: str) -> str:
    name, equals, value = text.partition("=")
    if not equals:
        return name if _PLACEHOLDER.fullmatch(name) or not name else CUT
    return f"{name}={value if not _PLACEHOLDER.sub('', value) else CUT}"
