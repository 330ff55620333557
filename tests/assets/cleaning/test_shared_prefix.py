"""Users behind one prefix who push the same items, told from a carrier's many users."""

import polars as pl

from assets.cleaning.shared_prefix import pushed_acts
from core.engine import Engine
from core.transform_settings import BotSettings

SETTINGS = BotSettings(pushes_from=3, push_lift=5.0)


def acts(rows: list[tuple[str | None, str, str, int]]) -> pl.DataFrame:
    expanded = [(prefix, user, item) for prefix, user, item, n in rows for _ in range(n)]
    return pl.DataFrame(
        expanded,
        schema={"ip_prefix": pl.String, "user_id": pl.String, "item_id": pl.String},
        orient="row",
    )


def pushed(engine: Engine, rows: list[tuple[str | None, str, str, int]]) -> dict[str, int]:
    found = pushed_acts(engine.from_polars(acts(rows)), engine, SETTINGS)
    return dict(engine.collect(found).iter_rows())


def test_a_farm_pushes_its_items(engine: Engine) -> None:
    farm = [("farm", f"f{n}", "pushed", 3 + n) for n in range(3)]
    cover = [("farm", "f0", "cover", 5)]
    homes = [(f"home{n}", f"h{n}", f"item{n}", 4) for n in range(27)]
    # 3 pushers of 3 behind a prefix with a tenth of the users: 10 times chance.
    assert pushed(engine, farm + cover + homes) == {"f0": 3, "f1": 4, "f2": 5}


def test_who_touches_a_pushed_item_once_behind_the_prefix_shares_in_it(engine: Engine) -> None:
    farm = [("farm", f"f{n}", "pushed", 3) for n in range(3)]
    homes = [(f"home{n}", f"h{n}", f"item{n}", 4) for n in range(27)]
    assert pushed(engine, [*farm, ("farm", "guest", "pushed", 1), *homes]) == {
        "f0": 3, "f1": 3, "f2": 3, "guest": 1,
    }  # fmt: skip


def test_a_carriers_users_like_what_everyone_likes(engine: Engine) -> None:
    carrier = [("carrier", f"c{n}", "hit", 3) for n in range(6)]
    carrier += [("carrier", f"c{n}", f"own{n}", 3) for n in range(6, 12)]
    homes = [(f"home{n}", f"h{n}", "hit" if n % 2 else f"item{n}", 3) for n in range(28)]
    # 6 of the hit's 20 pushers behind a prefix with 12 of 40 users: exactly chance.
    assert pushed(engine, carrier + homes) == {}


def test_two_pushers_or_too_few_acts_push_nothing(engine: Engine) -> None:
    homes = [(f"home{n}", f"h{n}", f"item{n}", 4) for n in range(27)]
    pair = [("farm", f"f{n}", "pushed", 3) for n in range(2)]
    faint = [("farm", f"g{n}", "other", 2) for n in range(5)]
    assert pushed(engine, pair + faint + homes) == {}


def test_acts_without_a_prefix_say_nothing(engine: Engine) -> None:
    assert pushed(engine, [(None, f"f{n}", "pushed", 9) for n in range(9)]) == {}
