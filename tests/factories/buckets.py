"""A bucket that speaks enough S3: written from the public description, so that it can disagree.

Signatures are AWS Signature Version 4 (docs.aws.amazon.com, "Create a signed AWS API request"),
computed here a second time from what arrived on the wire.
"""

import hashlib
import hmac
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qsl, quote, urlsplit
from xml.sax.saxutils import escape

from app.infra import clock

ACCESS_KEY, SECRET_KEY, REGION, BUCKET = "reader", "a-secret-of-tests", "eu-south-2", "papers"


@dataclass
class Bucket:
    """What lies in a bucket, and how it misbehaves."""

    objects: dict[str, bytes] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    answer: int | None = None  # instead of the right one
    origin: str = ""

    @property
    def address(self) -> str:
        """The bucket as the setting names it, in a folder of its own."""
        return f"s3://{BUCKET}/tornallom?region={REGION}&endpoint={self.origin}"


def _hmac(key: bytes, message: str) -> bytes:
    return hmac.new(key, message.encode(), hashlib.sha256).digest()


class _Handler(BaseHTTPRequestHandler):
    bucket: Bucket
    protocol_version = "HTTP/1.1"

    def log_message(self, *args: object) -> None:
        """Say nothing."""

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", "0")))
        if self._let_in(body):
            self.bucket.objects[self._key()] = body
            self._answer(200)

    def do_GET(self) -> None:
        if not self._let_in(b""):
            return
        parts = urlsplit(self.path)
        if "list-type" in dict(parse_qsl(parts.query)):
            self._list(dict(parse_qsl(parts.query)).get("prefix", ""))
        elif self._key() in self.bucket.objects:
            self._answer(200, self.bucket.objects[self._key()], "application/octet-stream")
        else:
            self._answer(404, b"<Error><Code>NoSuchKey</Code></Error>")

    def do_POST(self) -> None:
        """Delete the objects named (DeleteObjects)."""
        body = self.rfile.read(int(self.headers.get("content-length", "0")))
        if self._let_in(body):
            keys = re.findall(r"<Key>([^<]+)</Key>", body.decode())
            for key in keys:
                self.bucket.objects.pop(key, None)
            gone = "".join(f"<Deleted><Key>{key}</Key></Deleted>" for key in keys)
            self._answer(200, f"<DeleteResult>{gone}</DeleteResult>".encode())

    def _key(self) -> str:
        return urlsplit(self.path).path.removeprefix(f"/{BUCKET}/")

    def _list(self, prefix: str) -> None:
        now = clock.now().strftime("%Y-%m-%dT%H:%M:%S.000Z")
        rows = "".join(
            f"<Contents><Key>{escape(key)}</Key><LastModified>{now}</LastModified>"
            f"<ETag>&quot;x&quot;</ETag><Size>{len(content)}</Size></Contents>"
            for key, content in sorted(self.bucket.objects.items())
            if key.startswith(prefix)
        )
        body = f"<ListBucketResult><IsTruncated>false</IsTruncated>{rows}</ListBucketResult>"
        self._answer(200, body.encode())

    def _let_in(self, body: bytes) -> bool:
        if self.bucket.answer is not None:
            self._answer(self.bucket.answer, b"<Error><Code>Other</Code></Error>")
            return False
        if not self._signed(body):
            self.bucket.refused.append(self.path)
            self._answer(403, b"<Error><Code>SignatureDoesNotMatch</Code></Error>")
            return False
        return True

    def _signed(self, body: bytes) -> bool:
        scheme, _, said = self.headers.get("authorization", "").partition(" ")
        if scheme != "AWS4-HMAC-SHA256":
            return False
        parts = dict(part.strip().split("=", 1) for part in said.split(","))
        claimed = self.headers.get("x-amz-content-sha256", "")
        if claimed not in {hashlib.sha256(body).hexdigest(), "UNSIGNED-PAYLOAD"}:
            return False
        login, _, scope = parts["Credential"].partition("/")
        day, region, *_ = scope.split("/")
        url = urlsplit(self.path)
        query = "&".join(
            f"{quote(k, safe='-_.~')}={quote(v, safe='-_.~')}"
            for k, v in sorted(parse_qsl(url.query, keep_blank_values=True))
        )
        names = parts["SignedHeaders"].split(";")
        headers = "".join(f"{name}:{self.headers.get(name, '').strip()}\n" for name in names)
        asked = "\n".join((self.command, url.path, query, headers, parts["SignedHeaders"], claimed))
        text = "\n".join(
            (scheme, self.headers["x-amz-date"], scope, hashlib.sha256(asked.encode()).hexdigest())
        )
        key = b"AWS4" + SECRET_KEY.encode()
        for step in (day, region, "s3", "aws4_request"):
            key = _hmac(key, step)
        right = hmac.compare_digest(_hmac(key, text).hex(), parts["Signature"])
        return right and login == ACCESS_KEY and region == REGION

    def _answer(self, status: int, body: bytes = b"", kind: str = "application/xml") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", '"x"')
        self.send_header("Last-Modified", "Mon, 02 Mar 2026 10:00:00 GMT")
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def serving_bucket() -> Iterator[Bucket]:
    """Serve an empty bucket on loopback."""
    bucket = Bucket()
    handler = type("Handler", (_Handler,), {"bucket": bucket})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    bucket.origin = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield bucket
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
