"""What only a real connection can say: lengths that lie, bodies without end, broken bytes."""

import json
import socket
from collections.abc import Iterator
from contextlib import closing, suppress

import pytest

from tests.conftest import Services
from tests.factories.processes import Api, api_processes

LIMIT = 1_048_576


@pytest.fixture(scope="module")
def api(services: Services, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    folder = tmp_path_factory.mktemp("wire")
    settings = {
        "DATABASE_URL": services.app_url,
        "DATABASE_OWNER_URL": services.owner_url,
        "REDIS_URL": services.redis_url,
        "DATA_DIR": str(folder),
    }
    with api_processes(settings, folder, 1) as (started,):
        yield started


def head(target: bytes = b"/api/v1/sessions", *lines: bytes, method: bytes = b"POST") -> bytes:
    first = method + b" " + target + b" HTTP/1.1"
    return b"\r\n".join([first, b"Host: 127.0.0.1", b"Connection: close", *lines]) + b"\r\n\r\n"


JSON = b"Content-Type: application/json"
BODY = b'{"handle": "maria", "password": "kanari-17"}'


def exchange(api: Api, sent: bytes, *, half: bool = False) -> bytes:
    """Send bytes, and read until the server has nothing more to say."""
    with closing(socket.create_connection(("127.0.0.1", api.port), timeout=30)) as connection:
        with suppress(BrokenPipeError, ConnectionResetError):  # it has heard enough
            connection.sendall(sent)
        if half:
            connection.shutdown(socket.SHUT_WR)
        answer = b""
        while True:
            try:
                part = connection.recv(65_536)
            except ConnectionResetError:
                return answer
            if not part:
                return answer
            answer += part


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def problem(answer: bytes) -> dict[str, object]:
    """Return the problem that was answered; it must be one."""
    lines, _, body = answer.partition(b"\r\n\r\n")
    assert b"application/problem+json" in lines, answer[:500]
    found: dict[str, object] = json.loads(body)
    return found


def chunked(size: int, piece: int = 65_536) -> bytes:
    part = b"%x\r\n" % piece + b"x" * piece + b"\r\n"
    return part * (size // piece) + b"0\r\n\r\n"


def test_the_good_request_is_answered(api: Api) -> None:
    answer = exchange(
        api, head(b"/api/v1/sessions", JSON, b"Content-Length: %d" % len(BODY)) + BODY
    )
    assert (status(answer), problem(answer)["code"]) == (401, "credentials_wrong")


def test_a_body_without_end_is_not_read_to_its_end(api: Api) -> None:
    sent = head(b"/api/v1/sessions", JSON, b"Transfer-Encoding: chunked") + chunked(4 * LIMIT)
    answer = exchange(api, sent)
    assert (status(answer), problem(answer)["code"]) == (413, "body_too_large")


def test_a_declared_length_beyond_the_limit_is_refused_before_the_body(api: Api) -> None:
    answer = exchange(api, head(b"/api/v1/sessions", JSON, b"Content-Length: 2000000000"))
    assert (status(answer), problem(answer)["code"]) == (413, "body_too_large")


def test_a_length_shorter_than_the_body_is_half_a_request(api: Api) -> None:
    answer = exchange(api, head(b"/api/v1/sessions", JSON, b"Content-Length: 12") + BODY)
    assert (status(answer), problem(answer)["code"]) == (400, "json_syntax")
    assert answer.count(b"HTTP/1.1") == 1, "the rest is no second request"


def test_a_caller_who_leaves_in_the_middle_is_no_fault_of_ours(api: Api) -> None:
    before = api.said().count("[error")
    exchange(api, head(b"/api/v1/sessions", JSON, b"Content-Length: 500") + BODY, half=True)
    assert status(exchange(api, head(b"/livez", method=b"GET"))) == 200
    assert api.said().count("[error") == before, api.said()[-1500:]


BROKEN = {
    "two lengths": head(b"/api/v1/sessions", JSON, b"Content-Length: 5", b"Content-Length: 50"),
    "length and chunks": head(
        b"/api/v1/sessions", JSON, b"Content-Length: 5", b"Transfer-Encoding: chunked"
    )
    + b"zz\r\n",
    "negative length": head(b"/api/v1/sessions", JSON, b"Content-Length: -5"),
    "a length of 5,000 digits": head(b"/api/v1/sessions", JSON, b"Content-Length: " + b"9" * 5000),
    "no such chunk": head(b"/api/v1/sessions", JSON, b"Transfer-Encoding: chunked") + b"zz\r\n\r\n",
    "no HTTP": b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n",
    "raw bytes in the path": head(b"/api/v1/needs/caf\xe9", method=b"GET"),
    "a NUL in a header": head(b"/api/v1/needs", b"X-A: a\x00b", method=b"GET"),
    "a line without a colon": head(b"/api/v1/needs", b"nothing here", method=b"GET"),
    "a header of 200 kB": head(b"/api/v1/needs", b"X-A: " + b"a" * 200_000, method=b"GET"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_no_http_is_refused_and_breaks_nothing(api: Api, name: str) -> None:
    answer = exchange(api, BROKEN[name], half=True)
    assert answer == b"" or 400 <= status(answer) < 500 or name == "a header of 200 kB", answer[
        :300
    ]
    assert b"Traceback" not in answer
    assert status(exchange(api, head(b"/livez", method=b"GET"))) == 200


RAW = [b"/api/v1/needs?q=caf\xe9", b"/api/v1/needs?q=%ff", b"/api/v1/%ff", b"/api/v1/needs/%00",
       b"/api/v1/needs?q=%00", b"/api/v1/needs/%ed%a0%80", b"/api/v1/needs?limit=-1"]  # fmt: skip


@pytest.mark.parametrize("target", RAW)
def test_addresses_of_broken_bytes_are_refused(api: Api, target: bytes) -> None:
    answer = exchange(api, head(target, method=b"GET"))
    assert 400 <= status(answer) < 500, answer[:300]
    if b"\xe9" not in target:
        assert problem(answer)["code"]


@pytest.mark.parametrize("host", [b"[", b"[::1", b"\xff\xfe", b"evil.example:99999999", b"a@b"])
def test_the_host_header_breaks_and_turns_nothing(api: Api, host: bytes) -> None:
    for target in (b"/api/v1/needs?surprise=1", b"/needs", b"/nothing-here"):
        sent = head(target, method=b"GET").replace(b"127.0.0.1", host)
        answer = exchange(api, sent)
        assert status(answer) < 500, (target, answer[:300])
        assert b"evil.example" not in answer


def test_nothing_that_was_sent_is_in_the_log(api: Api) -> None:
    exchange(api, head(b"/api/v1/sessions", JSON, b"Content-Length: %d" % len(BODY)) + BODY)
    exchange(api, head(b"/api/v1/needs?q=kanari-17", b"Cookie: tornallom=kanari-17", method=b"GET"))
    said = api.said()
    assert "request" in said
    assert "kanari-17" not in said
    assert "Traceback" not in said
