"""What a set of packages needs, as their metadata says, and what a file of requirements pins."""

import importlib.metadata
from collections.abc import Iterable
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


def pins(path: Path) -> dict[str, str]:
    """Returns the version of each package that a file pins; anything else in it is an error."""
    found = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            name, mark, version = line.partition("==")
            assert mark, f"{path.name}: {line} is no pin"
            found[canonicalize_name(name)] = version
    return found


def closed(names: Iterable[str]) -> set[str]:
    """Returns the packages that those need, themselves included, by what is installed here."""
    todo, seen = [Requirement(name) for name in names], set[tuple[str, frozenset[str]]]()
    while todo:
        wanted = todo.pop()
        key = (canonicalize_name(wanted.name), frozenset(wanted.extras))
        if key in seen:
            continue
        seen.add(key)
        for text in importlib.metadata.requires(wanted.name) or []:
            needed = Requirement(text)
            extras = [{"extra": extra} for extra in (*wanted.extras, "")]
            if needed.marker is None or any(needed.marker.evaluate(extra) for extra in extras):
                todo.append(needed)
    return {name for name, _ in seen}
