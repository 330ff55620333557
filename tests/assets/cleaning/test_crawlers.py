"""Which user agents are crawlers'."""

import polars as pl

from assets.cleaning.crawlers import crawler_agents
from tests import toy


def test_crawlers_are_told_from_browsers() -> None:
    agents = pl.Series([toy.CRAWLER, toy.BROWSER, None, "", "curl/8.5.0", "AhrefsBot/7.0"])
    found = crawler_agents(agents)
    assert found["user_agent"].to_list() == ["AhrefsBot/7.0", toy.CRAWLER, "curl/8.5.0"]


def test_no_agents_give_a_typed_empty_frame() -> None:
    found = crawler_agents(pl.Series([None], dtype=pl.String))
    assert dict(found.schema) == {"user_agent": pl.String()}
    assert found.height == 0
