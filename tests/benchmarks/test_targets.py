"""Requests as they go over the wire."""

import itertools
import re
from collections import Counter

from benchmarks.targets import Target


def drawn(target, n, part=0):
    return list(itertools.islice(target.requests(part), n))


def test_a_request_is_written_whole():
    target = Target("/x?y=%2F100%", headers={"authorization": "Bearer a%d"})
    assert (
        drawn(target, 2)
        == [b"GET /x?y=%2F100% HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer a%d\r\n\r\n"]
        * 2
    )


def test_every_place_is_drawn_by_itself_and_uniformly():
    target = Target("/r?user_id={user}&session={item},{item}", n_users=5, n_items=3)
    wanted = re.compile(
        rb"GET /r\?user_id=u0000000([0-4])&session=item-000000([0-2]),item-000000([0-2]) "
    )
    found = Counter(wanted.match(request).groups() for request in drawn(target, 45_000))
    assert len(found) == 5 * 3 * 3
    assert all(800 < n < 1200 for n in found.values())


def test_a_seed_fixes_the_draws_and_parts_differ():
    target = Target("/r?user_id={user}", n_users=1_000_000)
    assert drawn(target, 100) == drawn(target, 100)
    assert not set(drawn(target, 100)) & set(drawn(target, 100, part=1))
    assert drawn(target, 1) != drawn(Target(target.path, 1_000_000, seed=102), 1)
