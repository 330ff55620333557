import inspect
import re

from core import errors


def tree() -> dict[str, tuple[str, int]]:
    """Reads name, parent and exit status from the drawing in the module's docstring."""
    drawn = {}
    parents: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        if not (found := re.match(r"( {4})([│ ]*)(?:[├└]── )?([A-Z]\w+) +(\d)?", line)):
            continue
        depth = len(found[2]) // 4 + ("──" in line)
        parents[depth:] = [found[3]]
        drawn[found[3]] = (parents[depth - 1] if depth else "", int(found[4] or 1))
    return drawn


def test_the_drawing_is_the_tree() -> None:
    defined = {
        name: ("" if kind is errors.DaybreakError else kind.__bases__[0].__name__, kind.exit_code)
        for name, kind in inspect.getmembers(errors, inspect.isclass)
        if kind.__module__ == errors.__name__
    }
    assert len(defined) == 13
    assert tree() == defined


def test_every_error_is_foreseen() -> None:
    for name in tree():
        assert issubclass(getattr(errors, name), errors.DaybreakError)
