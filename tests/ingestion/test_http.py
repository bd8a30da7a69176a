"""The vendors' client against a server on loopback that misbehaves as vendors do."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from dlt.sources.helpers.rest_client.auth import BearerTokenAuth
from dlt.sources.helpers.rest_client.paginators import JSONLinkPaginator

from ingestion.errors import SourceError
from ingestion.http import VendorClient


class _Vendor(BaseHTTPRequestHandler):
    answers: list[tuple[int, dict[str, str], Any]]
    seen: list[tuple[str, str | None]]

    def do_GET(self) -> None:
        self.seen.append((self.path, self.headers.get("Authorization")))
        status, headers, body = self.answers.pop(0)
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, *args: Any) -> None: ...


@pytest.fixture
def vendor() -> Iterator[tuple[str, type[_Vendor]]]:
    handler = type("Vendor", (_Vendor,), {"answers": [], "seen": []})
    server = HTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", handler
    server.shutdown()
    server.server_close()


def _envelope(body: Any) -> tuple[str, str] | None:
    return (
        (str(body["error"]["code"]), body["error"]["message"]) if isinstance(body, dict) and "error" in body else None
    )


def test_pages_are_followed_and_a_429_waits_as_long_as_the_vendor_says(vendor: tuple[str, type[_Vendor]]) -> None:
    url, handler = vendor
    handler.answers += [
        (200, {}, {"data": [1, 2], "next": f"{url}/rows?page=2"}),
        (429, {"Retry-After": "1"}, {"error": {"code": 17, "message": "too many calls"}}),
        (503, {"Retry-After": "1"}, b"busy"),
        (200, {}, {"data": [3]}),
    ]
    client = VendorClient("ads", url, paginator=JSONLinkPaginator("next"), envelope=_envelope)
    assert list(client.pages("/rows", data_selector="data")) == [[1, 2], [3]]
    assert [path for path, _ in handler.seen] == ["/rows", "/rows?page=2", "/rows?page=2", "/rows?page=2"]


def test_an_expired_token_is_renewed_once(vendor: tuple[str, type[_Vendor]]) -> None:
    url, handler = vendor
    auth = BearerTokenAuth("old")

    def renew() -> None:
        auth.token = "new"

    handler.answers += [(401, {}, {}), (200, {}, {"ok": True})]
    assert VendorClient("ads", url, auth=auth, renew=renew).get("/me") == {"ok": True}
    assert [token for _, token in handler.seen] == ["Bearer old", "Bearer new"]
    handler.answers += [(401, {}, {}), (401, {}, {})]
    with pytest.raises(SourceError, match="renew it"):
        VendorClient("ads", url, auth=auth, renew=renew).get("/me")


def test_an_error_in_the_vendors_envelope_is_told_in_our_words_without_the_query(
    vendor: tuple[str, type[_Vendor]],
) -> None:
    url, handler = vendor
    handler.answers += [(400, {}, {"error": {"code": 190, "message": "token expired"}})]
    client = VendorClient(
        "meta_ads", url, envelope=_envelope, next_steps={"190": "set SOURCES__META_ADS__ACCESS_TOKEN"}
    )
    with pytest.raises(SourceError) as caught:
        client.get("/me?access_token=secret")
    text = str(caught.value)
    assert text.startswith("meta_ads: GET http://127.0.0.1")
    assert text.endswith("/me: token expired (code 190, HTTP 400); set SOURCES__META_ADS__ACCESS_TOKEN")


def test_an_error_with_status_200_is_an_error(vendor: tuple[str, type[_Vendor]]) -> None:
    url, handler = vendor
    handler.answers += [(200, {}, {"error": {"code": 40100, "message": "no permission"}})]
    with pytest.raises(SourceError, match="no permission"):
        VendorClient("tiktok", url, envelope=_envelope).get("/x")


def test_a_cut_off_answer_is_an_error(vendor: tuple[str, type[_Vendor]]) -> None:
    url, handler = vendor
    handler.answers += [(200, {}, b'{"data": [1,')]
    with pytest.raises(SourceError, match="no JSON; was it cut off"):
        VendorClient("ads", url).get("/x")


def test_a_service_that_stays_down_is_told_without_its_address() -> None:
    with pytest.raises(
        SourceError, match=r"^ads: /x\?token=: no usable answer \(ConnectionError\); is the service up\?$"
    ):
        VendorClient("ads", "http://127.0.0.1:9", attempts=1).get("/x?token=")
