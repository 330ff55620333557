import os
import socket
import threading
import time

import pytest

from core.errors import InputError
from serving.web.key_source import MAX_BYTES, read_keys, shown
from tests.key_server import KeyServer


@pytest.fixture
def server():
    server = KeyServer(b'{"keys":[]}')
    yield server
    server.stop()


def test_a_file_and_a_url_give_their_bytes(server, tmp_path):
    path = tmp_path / "keys.json"
    path.write_bytes(b"abc")
    assert read_keys(str(path), 5) == b"abc"
    assert read_keys(server.url, 5) == b'{"keys":[]}'
    assert server.asked == ["/set?tenant=1"]


def test_what_is_too_large_is_refused_and_the_limit_itself_is_read(server, tmp_path):
    path = tmp_path / "keys.json"
    server.content = b" " * MAX_BYTES
    path.write_bytes(server.content)
    assert len(read_keys(server.url, 5)) == len(read_keys(str(path), 5)) == MAX_BYTES
    server.content += b" "
    path.write_bytes(server.content)
    for source in (server.url, str(path)):
        with pytest.raises(InputError, match="more than 1,048,576 bytes"):
            read_keys(source, 5)


@pytest.mark.parametrize("status", [204, 301, 302, 307, 401, 404, 500])
def test_another_answer_than_200_is_refused_and_no_redirect_followed(server, status):
    server.status = status
    with pytest.raises(InputError, match=f"the answer was {status}, not 200"):
        read_keys(server.url, 5)
    assert server.asked == ["/set?tenant=1"]


def test_an_answer_that_drips_in_is_cut_off_in_time(server):
    server.drip_seconds = 0.1
    server.content = b"x" * 1000
    start = time.monotonic()
    with pytest.raises(TimeoutError, match=r"no whole answer within 0\.5 seconds"):
        read_keys(server.url, 0.5)
    assert time.monotonic() - start < 20


def test_a_server_that_says_nothing_or_no_http(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        with pytest.raises(OSError, match=r"timed out|no whole answer"):
            read_keys(url, 0.3)

        def answer():
            for _ in range(2):
                connection, _ = silent.accept()
                with connection:
                    connection.sendall(b"SSH-2.0-OpenSSH\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(OSError):
            read_keys(url, 5)
        thread.join()
    with pytest.raises(OSError, match="refused"):
        read_keys(url, 5)


def test_a_server_without_a_certificate_is_not_trusted(server):
    with pytest.raises(OSError):
        read_keys(server.url.replace("http:", "https:"), 5)


def test_what_is_no_regular_file(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe"):
        with pytest.raises(InputError, match="is no regular file"):
            read_keys(str(path), 5)
    with pytest.raises(FileNotFoundError):
        read_keys(str(tmp_path / "none"), 5)


def test_a_query_is_not_shown():
    assert shown("https://id.example/keys?code=secret") == "https://id.example/keys"
    assert shown("/etc/what?.json") == "/etc/what?.json"
