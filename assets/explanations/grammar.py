"""A small grammar: rules with alternatives, expanded into every sentence form they allow."""

import itertools
import re
from collections.abc import Mapping

Rules = Mapping[str, tuple[str, ...]]
_SYMBOL = re.compile(r"<(\w+)>")


def expand(text: str, rules: Rules) -> tuple[str, ...]:
    """Returns every form of a text in which no `<rule>` is left; `{slots}` stay.

    >>> expand("<greet> {name}", {"greet": ("Hello", "Good <time>,"), "time": ("day", "night")})
    ('Hello {name}', 'Good day, {name}', 'Good night, {name}')

    Raises:
        KeyError: the text names a rule that does not exist.
    """
    parts = _SYMBOL.split(text)  # literal, symbol, literal, …
    choices = [
        (part,) if place % 2 == 0 else tuple(f for a in rules[part] for f in expand(a, rules))
        for place, part in enumerate(parts)
    ]
    return tuple("".join(chosen) for chosen in itertools.product(*choices))


def slots(form: str) -> list[str]:
    """Splits a form into literal, slot name, literal, …, beginning and ending with a literal.

    >>> slots("{a} is {b}.")
    ['', 'a', ' is ', 'b', '.']
    """
    return re.split(r"\{(\w+)\}", form)
