"""A server of which the right measurement is known."""

import asyncio
import contextlib
import threading

from benchmarks.open_loop import FAILED

ANSWER = b"HTTP/1.1 %d X\r\nContent-Length: 2\r\n%b\r\nok"


class ToyServer:
    """Answers each request as `plan(number of the request)` says: (seconds, status, header)."""

    def __init__(self, plan, one_at_a_time=False):
        self._plan = plan
        self._n = 0
        self._turn = asyncio.Lock() if one_at_a_time else contextlib.nullcontext()
        self.requests = []
        self._loop = asyncio.new_event_loop()
        self._server = self._loop.run_until_complete(
            asyncio.start_server(self._serve, "127.0.0.1", 0)
        )
        self.port = self._server.sockets[0].getsockname()[1]
        self._thread = threading.Thread(target=self._loop.run_forever)

    async def _serve(self, reader, writer):
        try:
            while await self._answer(await reader.readuntil(b"\r\n\r\n"), writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _answer(self, request, writer):
        self.requests.append(request)
        number, self._n = self._n, self._n + 1
        seconds, status, header = self._plan(number)
        async with self._turn:
            await asyncio.sleep(seconds)
        if status == FAILED:
            return False
        answer = ANSWER % (status, header)
        writer.write(answer[:30])  # an answer may come in pieces
        await writer.drain()
        writer.write(answer[30:])
        return b"close" not in header

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        async def end():
            self._server.close()
            serving = asyncio.all_tasks() - {asyncio.current_task()}
            _, late = await asyncio.wait(serving, timeout=1) if serving else ((), ())
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
            await asyncio.sleep(0.01)  # the transports close

        asyncio.run_coroutine_threadsafe(end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
