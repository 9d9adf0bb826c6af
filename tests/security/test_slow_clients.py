"""Clients that take their time, over raw sockets."""

import socket
import time
from urllib.parse import urlsplit

import pytest

pytest.importorskip("hayhooks")

pytestmark = pytest.mark.security

HEAD = b"POST /feedback/run HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
WHOLE = b"GET /ready HTTP/1.1\r\nhost: localhost\r\n\r\n"


@pytest.fixture
def connect(strict):
    """Opens connections that wait half a minute at most for what must come within a second."""
    opened = []

    def connect() -> socket.socket:
        at = urlsplit(strict.url)
        opened.append(socket.create_connection((at.hostname, at.port), timeout=30))
        return opened[-1]

    yield connect
    for each in opened:
        each.close()


def rest(connection: socket.socket) -> bytes:
    """What still comes until the server closes; a connection that it resets has nothing more to say."""
    got = b""
    try:
        while part := connection.recv(65536):
            got += part
    except ConnectionError:
        pass
    return got


def trickle(connection: socket.socket, data: bytes) -> bytes:
    """Send byte by byte until the server closes, for half a minute at most."""
    until = time.monotonic() + 30
    try:
        for number in range(len(data)):
            connection.sendall(data[number : number + 1])
            time.sleep(0.05)
            assert time.monotonic() < until
    except ConnectionError:
        pass
    return rest(connection)


def flood(connection: socket.socket, data: bytes, pause: float = 0.0) -> None:
    """Send the same again and again, and read nothing."""
    for _ in range(10_000):
        connection.sendall(data)
        time.sleep(pause)


class TestSlowClients:
    def test_one_that_says_nothing_is_closed(self, connect):
        assert rest(connect()) == b""

    def test_a_head_that_does_not_end_is_given_up(self, connect):
        connection = connect()
        connection.sendall(HEAD)
        assert rest(connection).startswith(b"HTTP/1.1 408 ")

    def test_a_head_that_trickles_is_given_up(self, connect):
        trickle(connect(), HEAD + b"x-more: " + b"x" * 1000)

    def test_a_head_that_never_ends_is_cut_off(self, connect):
        connection = connect()
        connection.sendall(HEAD + b"x-more: ")
        with pytest.raises(ConnectionError):
            flood(connection, b"x" * 10_000)

    @pytest.mark.parametrize("length", [b"content-length: 1000\r\n\r\n", b"transfer-encoding: chunked\r\n\r\n"])
    def test_a_body_that_does_not_come_is_given_up(self, connect, length):
        connection = connect()
        connection.sendall(HEAD + length)
        answer = rest(connection)
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert b'{"detail":"the body did not arrive within 1 seconds"}' in answer

    def test_a_body_that_trickles_is_given_up(self, connect):
        connection = connect()
        connection.sendall(HEAD + b"content-length: 1000\r\n\r\n")
        assert trickle(connection, b"{" * 1000).startswith(b"HTTP/1.1 408 ")

    def test_a_connection_rests_for_a_moment_only(self, connect):
        connection = connect()
        connection.sendall(WHOLE)
        assert rest(connection).startswith(b"HTTP/1.1 200 ")

    def test_the_second_request_of_a_connection_must_come_in_time_too(self, connect):
        connection = connect()
        connection.sendall(WHOLE)
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")
        trickle(connection, HEAD + b"x-more: " + b"x" * 1000)

    def test_one_that_takes_nothing_of_its_answers_is_cut_off(self, connect):
        connection = connect()
        request = b"GET /openapi.json HTTP/1.1\r\nhost: localhost\r\n\r\n"
        with pytest.raises(ConnectionError):
            flood(connection, request * 20, pause=0.01)

    def test_others_are_served_meanwhile(self, connect, strict):
        for _ in range(50):
            connect().sendall(HEAD + b"content-length: 1000\r\n\r\n")
        assert strict.client.get("/ready").json()["ready"] is True


class TestRates:
    def test_one_address_gets_no_more_than_its_share_and_others_theirs(self, strict):
        def send(address: str):
            headers = {"X-Forwarded-For": f"127.0.0.9, {address}"}
            return strict.post("feedback", {}, headers=headers)

        # Two a second, ten at once. Without keys all that is named must be this machine itself.
        refused = next(answer for answer in (send("127.0.0.1") for _ in range(500)) if answer.status_code != 422)
        assert refused.status_code == 429
        assert refused.headers["retry-after"] == "1"
        assert refused.json() == {"detail": "too many requests from this address: the limit is 2 per second"}
        assert send("127.0.0.2").status_code == 422
        assert strict.client.get("/ready").status_code == 200
