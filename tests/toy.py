"""The hand-made world that tests share: small enough to check every number by hand.

D is Sunday 2024-03-10. Who is who:

    ann   an ordinary user; touched `alpha` and `beta` in the same microsecond (a tie)
    ben   dislikes `gamma`
    cai   opted out
    dot   cold: stated preferences, no event
    eve   joins after D
    fay   known by events alone
    bot   clicks through the catalogue every two seconds and says that it is a crawler

`delta` comes out after D though an event names it before; `epsilon` has no category and is never
touched; `omega` is known by events alone. One event is late (it came in eight days after it
happened), two are not before D, and `landing_events` has one row twice.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

import polars as pl

from core.days import DAY_US, SECOND_US, day_start_us
from core.schemas import EVENTS, ITEM_ROWS, TAGS, USER_ROWS, Table

AS_OF = date(2024, 3, 10)
BEFORE_US = day_start_us(AS_OF)
BOT = "bot"
OPTED_OUT = "cai"
COLD = "dot"
CRAWLER = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:124.0) Gecko/20100101 Firefox/124.0"
N_BOT_EVENTS = 60


def us(text: str) -> int:
    """Returns `2024-03-01` or `2024-03-01 12:00` as microseconds UTC."""
    moment = datetime.fromisoformat(text).replace(tzinfo=UTC)
    return round(moment.timestamp()) * SECOND_US


def rows_of(table: Table, rows: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    """Returns rows as a frame of the table's columns and types; what a row lacks is null."""
    return pl.DataFrame(
        [{name: row.get(name) for name in table.names} for row in rows],
        schema=table.polars,
        orient="row",
    )


def event(
    event_id: str, user_id: str, item_id: str, action: str, at: str | int, **more: Any
) -> dict[str, Any]:
    """Returns one accepted event; `at` is a time text or microseconds."""
    moment = us(at) if isinstance(at, str) else at
    return {
        "event_id": event_id,
        "user_id": user_id,
        "item_id": item_id,
        "action": action,
        "occurred_at": moment,
        "occurred_us": moment,
        "ingested_us": moment + DAY_US,
        "source_file": "events.csv",
        "line": 1,
        "user_agent": BROWSER,
        **more,
    }


PEOPLE_EVENTS = [
    event("a1", "ann", "alpha", "impression", "2024-03-01 10:00", position=1, surface="home"),
    event("a2", "ann", "alpha", "click", "2024-03-01 10:01", position=1, surface="home"),
    event("a3", "ann", "beta", "click", "2024-03-01 10:01"),
    event("a4", "ann", "alpha", "purchase", "2024-03-09 10:00", value=9.5),
    event("a5", "ann", "gamma", "rating", "2024-02-01 08:00", value=3.0),
    event("b1", "ben", "beta", "rating", "2024-03-04 20:00", value=4.5),
    event("b2", "ben", "gamma", "dislike", "2024-03-05 20:00"),
    event("b3", "ben", "gamma", "view", "2024-03-05 19:00", value=30.0),
    event("b4", "ben", "alpha", "impression", "2024-03-05 19:30", position=2, surface="home"),
    event("c1", "cai", "alpha", "like", "2024-03-06 09:00"),
    # Late: it came in on the 9th.
    event("f1", "fay", "omega", "view", "2024-03-01 09:00", ingested_us=us("2024-03-09 01:00")),
    event("f2", "fay", "delta", "click", "2024-03-08 09:00"),
    # Not before D: the first at D 00:00 exactly.
    event("n1", "ann", "omega", "like", "2024-03-10"),
    event("n2", "ben", "alpha", "like", "2024-03-11 12:00"),
]
BOT_EVENTS = [
    event(
        f"z{n:02}",
        BOT,
        ("alpha", "beta", "gamma")[n % 3],
        "click",
        us("2024-03-07 03:00") + n * 2 * SECOND_US,
        user_agent=CRAWLER,
        ip_prefix="192.0.2.0/24",
    )
    for n in range(N_BOT_EVENTS)
]


def events() -> pl.DataFrame:
    """Returns EVENTS: the accepted rows, 14 of people and 60 of the bot."""
    return rows_of(EVENTS, PEOPLE_EVENTS + BOT_EVENTS)


def landing_events() -> pl.DataFrame:
    """Returns the events as they lie in the landing zone, `a2` twice."""
    return rows_of(EVENTS, [*PEOPLE_EVENTS, PEOPLE_EVENTS[1], *BOT_EVENTS])


def item_rows() -> pl.DataFrame:
    """Returns ITEM_ROWS; `alpha` was renamed by a later file, `beta` by a later line."""
    first = {"ingested_us": us("2024-01-01"), "source_file": "items.csv"}
    return rows_of(
        ITEM_ROWS,
        [
            {"item_id": "alpha", "title": "Old Alpha", "category": "Comedy", "line": 1, **first},
            {"item_id": "beta", "title": "Old Beta", "category": "Drama", "line": 2, **first},
            {
                "item_id": "beta",
                "title": "Beta",
                "category": "Comedy",
                "genres": ["Comedy", "Drama"],
                "creators": ["B. Maker"],
                "themes": ["Heist ", "night"],
                "line": 3,
                **first,
            },
            {"item_id": "gamma", "title": "Gamma", "category": "Drama", "line": 4, **first},
            {
                "item_id": "delta",
                "title": "Delta",
                "category": "Drama",
                "released_us": us("2024-03-20"),
                "line": 5,
                **first,
            },
            {"item_id": "epsilon", "title": "Epsilon", "line": 6, **first},
            {
                "item_id": "alpha",
                "title": "Alpha",
                "category": "Drama",
                "genres": ["Drama"],
                "creators": ["A. Maker"],
                "released_us": us("2024-02-09"),
                "facts": '{"year":2024}',
                "ingested_us": us("2024-02-09"),
                "source_file": "items-2.csv",
                "line": 1,
            },
        ],
    )


def user_rows() -> pl.DataFrame:
    """Returns USER_ROWS; `ann` moved, and `cai` opted out in a later file."""
    first = {"ingested_us": us("2024-01-02"), "source_file": "users.csv", "opted_out": False}
    joined = {"created_us": us("2024-01-01")}
    return rows_of(
        USER_ROWS,
        [
            {"user_id": "ann", "country": "DE", "line": 1, **joined, **first},
            {"user_id": "ben", "dislikes": ["Horror"], "line": 2, **joined, **first},
            {"user_id": "cai", "line": 3, **joined, **first},
            {"user_id": "dot", "preferences": ["Comedy"], "line": 4, **joined, **first},
            {"user_id": "eve", "created_us": us("2024-03-12"), "line": 5, **first},
            {"user_id": BOT, "line": 6, **first},
            {"user_id": "ann", "country": "FR", "line": 7, **joined, **first},
            {
                "user_id": "cai",
                **joined,
                "opted_out": True,
                "ingested_us": us("2024-02-02"),
                "source_file": "users-2.csv",
                "line": 1,
            },
        ],
    )


def tags() -> pl.DataFrame:
    """Returns TAGS; of `gamma`'s, one was given after D and one by the opted-out user."""
    given = [
        ("beta", "Night", "ann", "2024-02-01"),
        ("beta", "robots", "ann", "2024-02-01"),
        ("beta", "robots", "ben", "2024-02-02"),
        ("beta", "robots", "ben", "2024-02-03"),
        ("beta", "art", "fay", "2024-02-03"),
        ("gamma", "  ", "ann", "2024-02-01"),
        ("gamma", "Éclair", "ann", "2024-02-01"),
        ("gamma", "later", "ann", "2024-03-10"),
        ("gamma", "silent", "cai", "2024-02-01"),
        ("gamma", "ÉCLAIR", "ben", "2024-02-01"),
        ("omega", "unlisted", "ben", "2024-02-01"),
    ]
    return rows_of(
        TAGS,
        [
            {
                "item_id": item_id,
                "theme": theme,
                "user_id": user_id,
                "occurred_us": us(at),
                "ingested_us": us("2024-03-09"),
                "source_file": "tags.csv",
                "line": line,
            }
            for line, (item_id, theme, user_id, at) in enumerate(given, 1)
        ],
    )
