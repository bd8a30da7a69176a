"""The vendors' client against a server on loopback that misbehaves as vendors do."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from dlt.sources.helpers.rest_client.auth import BearerTokenAuth
from dlt.sources.helpers.rest_client.paginators import JSONLinkPaginator

from ingestion.errors import SourceError
from ingestion.http import VendorClient, refresh_token_auth


class _Vendor(BaseHTTPRequestHandler):
    answers: list[tuple[int, dict[str, str], Any]]
    seen: list[tuple[str, str | None]]

    bodies: list[str]

    def do_POST(self) -> None:
        self.bodies.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
        self.do_GET()

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
    handler = type("Vendor", (_Vendor,), {"answers": [], "seen": [], "bodies": []})
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


def test_a_cut_off_answer_is_asked_for_again_and_then_an_error(vendor: tuple[str, type[_Vendor]]) -> None:
    url, handler = vendor
    cut: tuple[int, dict[str, str], Any] = (200, {"Retry-After": "0"}, b'{"data": [1,')
    handler.answers += [cut, (200, {}, {"data": [1, 2]})]
    assert VendorClient("ads", url).get("/x") == {"data": [1, 2]}
    handler.answers += [cut, cut]
    with pytest.raises(SourceError, match="no JSON; was it cut off"):
        VendorClient("ads", url, attempts=2).get("/x")


def test_a_throttle_in_the_vendors_own_words_waits_as_its_hint_says(vendor: tuple[str, type[_Vendor]]) -> None:
    url, handler = vendor
    handler.answers += [(200, {}, {"error": {"code": 17, "message": "slow down", "wait": 1}}), (200, {}, {"ok": True})]
    client = VendorClient(
        "ads", url, envelope=_envelope, throttled={"17"}, retry_hint=lambda body, headers: body["error"]["wait"]
    )
    assert client.get("/me") == {"ok": True}


def test_a_wait_longer_than_a_night_can_spare_is_told_instead(vendor: tuple[str, type[_Vendor]]) -> None:
    url, handler = vendor
    handler.answers += [(429, {"Retry-After": "86400"}, {"error": {"code": 17, "message": "daily limit"}})]
    with pytest.raises(SourceError, match=r"daily limit .* the next night goes on"):
        VendorClient("ads", url, envelope=_envelope).get("/me")


def test_a_service_that_is_down_is_not_asked_again_and_again(vendor: tuple[str, type[_Vendor]]) -> None:
    url, handler = vendor
    handler.answers += [(503, {}, b"busy"), (503, {}, b"busy")]
    client = VendorClient("ads", url, attempts=1)
    for said in ("HTTP 503", "HTTP 503", "is not asked again"):
        with pytest.raises(SourceError, match=said):
            client.get("/me")
    assert len(handler.seen) == 2


def test_a_refresh_token_that_rotates_is_kept_and_wins_until_another_is_configured(
    vendor: tuple[str, type[_Vendor]], tmp_path: Path
) -> None:
    url, handler = vendor
    kept = tmp_path / "credentials" / "ads.json"

    def auth(token: str) -> Any:
        return refresh_token_auth(
            "ads", f"{url}/token", client_id="id", client_secret="s", refresh_token=token, keep_in=kept
        )

    handler.answers += [(200, {}, {"access_token": "a1", "expires_in": 3600, "refresh_token": "r2"}), (200, {}, {})]
    VendorClient("ads", url, auth=auth("r1")).get("/me")
    assert kept.stat().st_mode & 0o777 == 0o600
    for configured, used in (("r1", "r2"), ("r9", "r9")):
        handler.answers += [(400, {}, {"error": "invalid_grant"})]
        with pytest.raises(SourceError, match=r"invalid_grant.*set SOURCES__ADS__REFRESH_TOKEN"):
            VendorClient("ads", url, auth=auth(configured)).get("/me")
        assert f"refresh_token={used}" in handler.bodies[-1]


def test_a_service_that_stays_down_is_told_without_its_address() -> None:
    with pytest.raises(SourceError, match=r"^ads: /x: no usable answer \(ConnectionError\); is the service up\?$"):
        VendorClient("ads", "http://127.0.0.1:9", attempts=1).get("/x?token=")


def test_a_file_is_downloaded_once_without_the_token_though_it_is_no_json(vendor: tuple[str, type[_Vendor]]) -> None:
    url, handler = vendor
    handler.answers += [(503, {"Retry-After": "1"}, b"busy"), (200, {}, b"PK\x03\x04"), (403, {}, b"gone")]
    client = VendorClient("ads", url, auth=BearerTokenAuth("t"))
    assert client.download(f"{url}/file.zip") == b"PK\x03\x04"
    assert handler.seen == [("/file.zip", None), ("/file.zip", None)]
    with pytest.raises(SourceError, match="its address may have expired"):
        client.download(f"{url}/file.zip")
