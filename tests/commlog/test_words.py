"""The words of pages: what the trade says, in templates and in sentences."""

import re

from django.conf import settings

from commlog.kit.sentences import SENTENCES
from notifications.failures import CATALOGUE
from notifications.failures.meanings import TABLE

ROOT = settings.BASE_DIR

# What reads like a translation, and what is said instead.
BETTER = {
    r"\bmade by\b": "created by",
    r"\b(?:was|were|is) made\b": "was created",
    r"\bMake (?:a|an|the) (?:new )?(?:key|user|role|view|job|template|menu item)\b": "Create …",
    r"\btold\b": "reported",
    r"\banew\b": "again, or Edit and resend",
    r"\bonce more\b": "again, or Resend anyway",
    r"\bany ?more\b": "no longer",
    r"\b(?:by|of) itself\b": "automatically",
    r"\bgoes on\b": "continues",
    r"\bwhoever runs\b": "your system administrator",
    r"\bfor good\b": "permanently",
    r"\b(?:does|do) not hold\b": "is not met",
    r"\bholds (?:a|an)\b": "contains",
    r"\bdamaged on its way\b": "arrived incomplete",
    r"\bThere is no such\b": "… not found, or Unknown …",
    r"\blies? (?:before|after)\b": "is before",
    r"\bleft out\b": "skipped",
    r"\bnobody may\b": "no one can",
}
_UNSEEN = re.compile(r"{% comment %}.*?{% endcomment %}|{#.*?#}|{%.*?%}|{{.*?}}|<[^>]*>", re.DOTALL)


def test_pages_and_sentences_say_it_as_the_trade_does() -> None:
    said = {str(path): _UNSEEN.sub(" ", path.read_text()) for path in (ROOT / "templates").rglob("*.html")}
    said |= {fault.name: sentence for fault, sentence in SENTENCES.items()}
    said |= {reason.name: f"{reason.label} {why.meaning} {why.advice}" for reason, why in CATALOGUE.items()}
    said |= {meaning.name: f"{about.said} {about.advice}" for meaning, about in TABLE.items()}
    assert len(said) > 200
    found = [
        (where, wrong[0], better)
        for old, better in BETTER.items()
        for where, text in said.items()
        if (wrong := re.search(old, text, re.IGNORECASE))
    ]
    assert found == []
