"""Which user agents belong to crawlers, by the crawler-user-agents list."""

import functools
import re

import polars as pl


@functools.cache
def _pattern() -> re.Pattern[str]:
    from crawleruseragents import CRAWLER_USER_AGENTS_DATA

    return re.compile("|".join(f"(?:{entry['pattern']})" for entry in CRAWLER_USER_AGENTS_DATA))


def crawler_agents(user_agents: pl.Series) -> pl.DataFrame:
    """Returns those of some distinct user agents that the list knows as crawlers.

    Distinct agents are few, so the list's regular expressions run in Python, outside the frame:
    engines differ in what a pattern may say.

    Args:
        user_agents: text, each once; nulls are skipped.

    Returns:
        One column, user_agent.
    """
    known = [agent for agent in user_agents.drop_nulls() if _pattern().search(agent)]
    return pl.DataFrame({"user_agent": sorted(known)}, schema={"user_agent": pl.String})
