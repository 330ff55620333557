import asyncio

from serving.web.concurrency import Concurrency, Waiting


def test_what_comes_in_one_turn_is_in_progress_at_once():
    async def requests():
        together = Concurrency(3)
        together.start(asyncio.get_running_loop())
        first = [together.admits() for _ in range(5)]
        await asyncio.sleep(0)
        return first, [together.admits() for _ in range(2)]

    assert asyncio.run(requests()) == ([True] * 3 + [False] * 2, [True] * 2)


def test_what_waits_counts_until_it_is_done():
    waiting = Waiting(2)
    with waiting:
        assert not waiting.is_full
        with waiting:
            assert waiting.is_full
        assert not waiting.is_full
