"""A signer's web server on the loopback, whose answers a test chooses."""

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class KeyServer:
    """Answers every GET with `status` and `content`.

    Attributes:
        content: the body.
        status: of the answer; a redirect goes to `/keys` of the same server.
        drip_seconds: pause between two bytes of the body.
        asked: the target of every request so far.
    """

    def __init__(self, content: bytes = b"", status: int = 200) -> None:
        self.content, self.status, self.drip_seconds = content, status, 0.0
        self.asked: list[str] = []
        self.start()

    def start(self, port: int = 0) -> None:
        """Listens, on the port that is given."""
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append(self.path)
                status = outer.status if self.path != "/keys" else 200
                self.send_response(status)
                if 300 <= status < 400:
                    self.send_header("location", "/keys")
                self.send_header("content-length", str(len(outer.content)))
                self.end_headers()
                for piece in outer.pieces():
                    self.wfile.write(piece)

            def log_message(self, *words: Any) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *told: Any) -> None:
                pass  # a client that hung up

        self._server = Server(("127.0.0.1", port), Handler)
        self.port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}/set?tenant=1"

    def pieces(self) -> Iterator[bytes]:
        """Yields the body, at its pace."""
        if not self.drip_seconds:
            yield self.content
            return
        for place in range(len(self.content)):
            time.sleep(self.drip_seconds)
            yield self.content[place : place + 1]

    def stop(self) -> None:
        """Closes the port."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
