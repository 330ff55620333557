"""A real S3 server on the loopback that survives a SIGKILL.

moto keeps objects in memory; here each request that changed something is written to a journal
before it is answered, and a new process begins by doing them all again. Run by `servers.py`.
"""

import argparse
import base64
import io
import json
import threading
from pathlib import Path

from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.test import EnvironBuilder, run_wsgi_app
from werkzeug.wsgi import get_input_stream


class Journaled:
    """A WSGI application whose changes outlive it."""

    def __init__(self, application, path):
        self._application = application
        self._lock = threading.Lock()
        for line in path.read_bytes().splitlines() if path.exists() else ():
            environ, body = json.loads(line)
            _, status, _ = self._answer(environ, base64.b64decode(body))
            assert status.startswith("2"), (status, environ)
        self._journal = path.open("ab")

    def _answer(self, environ, body):
        whole = {
            **EnvironBuilder().get_environ(),
            **environ,
            "wsgi.input": io.BytesIO(body),
            "CONTENT_LENGTH": str(len(body)),
        }
        return run_wsgi_app(self._application, whole, buffered=True)

    def __call__(self, environ, start_response):
        if environ["REQUEST_METHOD"] in ("GET", "HEAD"):
            return self._application(environ, start_response)
        body = get_input_stream(environ).read()
        kept = {k: v for k, v in environ.items() if isinstance(v, str) and "." not in k}
        with self._lock:
            answer, status, headers = self._answer(kept, body)
            if status.startswith("2"):
                self._keep(kept, body)
        start_response(status, list(headers))
        return answer

    def _keep(self, environ, body):
        query = environ.get("QUERY_STRING", "")
        if "uploads" in query or "partNumber" in query:
            return  # parts of an upload that was not ended are gone with the process
        if "uploadId" in query:  # ids are drawn anew each time: keep what the parts became
            plain = {k: v.partition("?")[0] for k, v in environ.items()} | {"QUERY_STRING": ""}
            found, _, _ = self._answer(plain | {"REQUEST_METHOD": "GET"}, b"")
            environ, body = plain | {"REQUEST_METHOD": "PUT"}, b"".join(found)
        line = json.dumps([environ, base64.b64encode(body).decode()])
        self._journal.write(line.encode() + b"\n")
        self._journal.flush()


class _Quiet(WSGIRequestHandler):
    def log(self, *arguments):
        pass


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("journal", type=Path)
    parser.add_argument("--port", type=int, default=0)
    options = parser.parse_args()
    application = Journaled(DomainDispatcherApplication(create_backend_app), options.journal)
    server = make_server(
        "127.0.0.1", options.port, application, threaded=True, request_handler=_Quiet
    )
    print(server.port, flush=True)
    server.serve_forever()
