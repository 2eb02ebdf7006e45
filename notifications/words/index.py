"""The index of words in both databases: its queries, and writing rows into it.

`notifications.words.indexing` records beside it which messages it covers, in the same transactions.
"""

import time
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import BooleanField, F, Func
from django.db.models.sql.compiler import SQLCompiler

from notifications.database import replica, sql
from notifications.database.id_lookup import Among
from notifications.models import Message, MessageWords, WordsReach
from notifications.models.message_words import Extent
from notifications.process import this_process
from notifications.words.lexemes import VERSION, Parts, of_message, places
from notifications.words.question import Question, Term

TABLE = MessageWords._meta.db_table
FTS = f"{TABLE}_fts"
_REACH = WordsReach._meta.db_table
THE_ROW = 1
COLUMNS = ("pk", "type", "subject", "recipient_name", "destination", "content")
_SHORT = 2  # characters of a beginning that half of all words may have
_INSERT = f"INSERT INTO {TABLE} (message_id, words, extent) VALUES (%s, %s, %s)"
_COPY = f"COPY {TABLE} (message_id, words, extent) FROM STDIN"
# Of the newest messages so many are looked at; where so many of them hold the words, a page is full soon when
# the log is walked through, on PostgreSQL and on SQLite, which takes longer to look at one.
_LOOKED_AT = 2_000
_COMMON = {"postgresql": 4, "sqlite": 40}
_RAREST = 3
_AN_HOUR = 3_600.0  # seconds
_COMMON_WORDS = """
SELECT common.word, common.share
FROM pg_stats s, unnest(s.most_common_elems::text::text[], s.most_common_elem_freqs) common (word, share)
WHERE s.schemaname = current_schema() AND s.tablename = %s AND s.attname = 'words'
AND common.word IS NOT NULL
"""
_shares: dict[str, Any] = this_process.keep({})


@dataclass(frozen=True, slots=True)
class Known:
    """The coverage of the index, and whether a question's words are in many of the newest messages."""

    floor: int = 0
    reach: int = 0
    extent: Extent = Extent.WHOLE  # what it has of every message at least
    common: bool = False


def known(question: Question) -> Known:
    """Return what the index can answer of a question. One statement."""
    reading = replica.connection()
    on_postgresql = reading.vendor == "postgresql"
    newest = (
        f"SELECT COUNT(n.words) FROM (SELECT words FROM {TABLE} ORDER BY message_id DESC "
        f"LIMIT {_LOOKED_AT}) n WHERE n.words @@ %s::tsquery"
        if on_postgresql
        else f"SELECT COUNT(rowid) FROM {FTS} WHERE {FTS} MATCH %s AND rowid > r.reach - {_LOOKED_AT}"
    )
    extent = f"SELECT MIN(extent) FROM {TABLE} WHERE extent < {Extent.WHOLE}"
    statement = (
        f"SELECT r.floor, r.reach, ({extent}), ({newest}) "
        f"FROM {_REACH} r WHERE r.id = {THE_ROW} AND r.version = {VERSION}"
    )
    with reading.cursor() as cursor:
        cursor.execute(statement, [written(question)])
        row = cursor.fetchone()
    if row is None:
        return Known()
    floor, reach, extent, found = row
    return Known(
        floor, reach, Extent.WHOLE if extent is None else Extent(extent), found >= _COMMON[reading.vendor]
    )


def written(question: Question, *, vendor: str = "") -> str:
    """Return the question in the query language of the database."""
    on_postgresql = (vendor or connection.vendor) == "postgresql"
    write, conjunction, disjunction = (
        (_as_tsquery, " & ", " | ") if on_postgresql else (_as_match, " AND ", " OR ")
    )
    parts = [conjunction.join(map(write, question.terms))] if question.terms else []
    parts += [write(Term((number,), prefix=True, raw="")) for number in question.numbers]
    return disjunction.join(f"({part})" for part in parts)


def _as_tsquery(term: Term) -> str:
    # Lexemes hold no quotation marks: those are no letters.
    return "(" + " <-> ".join(f"'{each}'" for each in term.lexemes) + (":*)" if term.prefix else ")")


def _as_match(term: Term) -> str:
    return '"' + " ".join(term.lexemes) + ('" *' if term.prefix else '"')


def _narrowing(question: Question) -> Question:
    """Return the question with only those terms that the index finds quickly, or all if there are none.

    Short prefixes match too much.
    """
    if question.numbers:
        return question
    few = tuple(t for t in question.terms if not (t.prefix and len(t.lexemes[-1]) <= _SHORT))
    return Question(few) if few else question


def rarest(question: Question) -> Question:
    """Return a question for the rarest lexemes, by the statistics of PostgreSQL; it may match more messages.

    The index takes ten times as long to find twelve common words together as the three rarest of them.
    """
    loose = question.loosely()
    shares = _shares_of_words() if connection.vendor == "postgresql" else {}
    if question.numbers or not shares:
        return loose
    by_share = sorted(loose.terms, key=lambda term: 1.0 if term.prefix else shares.get(term.lexemes[0], 0.0))
    return replace(loose, terms=tuple(by_share[:_RAREST]))


def _shares_of_words() -> dict[str, float]:
    """Return which share of messages has each of the most common words, as known within the last hour."""
    now = time.monotonic()
    if not _shares or now > _shares["until"]:
        _shares.update(until=now + _AN_HOUR, words=dict(sql.select(_COMMON_WORDS, [TABLE])))
    found: dict[str, float] = _shares["words"]
    return found


class _Holding(Func):
    """A condition on the id of a message."""

    arity = 1
    output_field = BooleanField()

    def __init__(self, question: Question, pks: Iterable[int] = ()) -> None:
        super().__init__(F("pk"))
        self.question, self.pks = question, tuple(pks)

    @property
    def identity(self) -> Any:
        return type(self), self.question, self.pks

    def _id(self, compiler: SQLCompiler) -> str:
        column, _ = compiler.compile(self.get_source_expressions()[0])
        return column


class Found(_Holding):
    """The condition that the index finds the message, for rare words.

    It also matches messages whose ids are in `pks`.
    """

    def as_postgresql(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **extra: Any
    ) -> tuple[str, list[Any]]:
        """Return the condition with an array.

        It is looked up in the primary key whatever the planner thinks of its length.
        """
        narrowing = _narrowing(self.question)
        parameters = [written(narrowing, vendor="postgresql")]
        condition = "words @@ %s::tsquery"
        if narrowing != self.question:
            condition += " AND (words || ''::tsvector) @@ %s::tsquery"
            parameters.append(written(self.question, vendor="postgresql"))
        found = f"ARRAY(SELECT message_id FROM {TABLE} WHERE {condition})"
        return (
            f"{self._id(compiler)} = ANY ({found} || {sql.NUMBERS})",
            [*parameters, sql.numbers(self.pks)],
        )

    def as_sql(  # type: ignore[override]
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **extra: Any
    ) -> tuple[str, list[Any]]:
        """Return the condition for SQLite."""
        return (
            f"{self._id(compiler)} IN (SELECT rowid FROM {FTS} WHERE {FTS} MATCH %s "
            "UNION ALL SELECT value FROM json_each(%s))",
            [written(self.question, vendor="sqlite"), f"[{','.join(map(str, self.pks))}]"],
        )


class Held(_Holding):
    """The condition that the message's row in the index has the words, for common words.

    It also matches messages whose ids are in `pks`.
    """

    def as_postgresql(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **extra: Any
    ) -> tuple[str, list[Any]]:
        """Return the condition as a value that is read row by row, in the order of the log."""
        column = self._id(compiler)
        return (
            f"(COALESCE((SELECT w.words @@ %s::tsquery FROM {TABLE} w WHERE w.message_id = {column}), false) "
            f"OR {column} = ANY ({sql.NUMBERS}))",
            [written(self.question, vendor="postgresql"), sql.numbers(self.pks)],
        )

    def as_sql(  # type: ignore[override]
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **extra: Any
    ) -> tuple[str, list[Any]]:
        """Return the condition for SQLite."""
        column = self._id(compiler)
        return (
            f"(EXISTS (SELECT 1 FROM {FTS} WHERE {FTS}.rowid = {column} AND {FTS} MATCH %s) "
            f"OR {column} IN (SELECT value FROM json_each(%s)))",
            [written(self.question, vendor="sqlite"), f"[{','.join(map(str, self.pks))}]"],
        )


class NotWhole(_Holding):
    """The condition that the index has too little of a message to answer the question.

    Messages known to lack its words are excluded.
    """

    def as_postgresql(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **extra: Any
    ) -> tuple[str, list[Any]]:
        """Return the condition. Words are indexed of all but the longest texts, phrases are not."""
        column, select = self._id(compiler), f"SELECT message_id FROM {TABLE} WHERE extent"
        # Arrays, as of what is found: the primary key serves both together.
        if not self.question.has_phrase:
            return f"{column} = ANY (ARRAY({select} = {Extent.NOTHING}))", []
        either = f"{select} = {Extent.NOTHING} UNION ALL {select} = {Extent.WORDS} AND words @@ %s::tsquery"
        return f"{column} = ANY (ARRAY({either}))", [written(self.question.loosely(), vendor="postgresql")]

    def as_sql(  # type: ignore[override]
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **extra: Any
    ) -> tuple[str, list[Any]]:
        """Return the condition for SQLite, which has either all of a message or nothing."""
        nothing = Extent.NOTHING
        return f"{self._id(compiler)} IN (SELECT message_id FROM {TABLE} WHERE extent = {nothing})", []


def put(rows: Sequence[Sequence[Any]]) -> None:
    """Replace the words of messages (COLUMNS), in the caller's transaction, which has locked the reach."""
    drop([row[0] for row in rows])
    made = [(pk, *_words_of(Parts(*parts))) for pk, *parts in rows]
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            # Nothing in a lexeme has to be escaped.
            with cursor.copy(_COPY) as copy:
                copy.write("".join([f"{pk}\t{words}\t{extent:d}\n" for pk, words, extent in made]))
        else:
            cursor.executemany(_INSERT, made)


def _words_of(parts: Parts) -> tuple[str, Extent]:
    """Return the words in the database's form, and how much of the message they are."""
    found = of_message(parts)
    if found is None:
        return "", Extent.NOTHING
    if connection.vendor != "postgresql":
        return " ".join(found), Extent.WHOLE
    by_lexeme, fits = places(found)
    written = " ".join([f"{lexeme}:{','.join(at)}" if at else lexeme for lexeme, at in by_lexeme.items()])
    return written, Extent.WHOLE if fits else Extent.WORDS


def drop(pks: Collection[int]) -> int:
    """Remove the words of these messages, in the caller's transaction. Returns the number of messages."""
    return MessageWords._base_manager.filter(Among("pk", pks))._raw_delete(connection.alias)


def merge() -> None:
    """Rewrite SQLite's index, so that no page of it holds what was removed.

    PostgreSQL does that by itself (VACUUM), as for any other row.
    """
    if connection.vendor == "sqlite":
        sql.change(f"INSERT INTO {FTS}({FTS}) VALUES ('optimize')", [])


def of(pks: Collection[int]) -> Sequence[Sequence[Any]]:
    """Return what `put` needs of these messages."""
    return list(Message._base_manager.filter(Among("pk", pks)).values_list(*COLUMNS))
