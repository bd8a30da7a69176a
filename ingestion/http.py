"""One HTTP client for all vendors, on dlt's REST client: auth and its renewal, paging, limits, errors in our words.

A source gives its base address, dlt's auth and paginator, and says how its vendor wraps errors. What a page means is the
source's own.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from ingestion.ads import secret, setting
from ingestion.errors import SourceError

if TYPE_CHECKING:
    from dlt.sources.helpers.rest_client.auth import AuthConfigBase
    from dlt.sources.helpers.rest_client.client import RESTClient
    from dlt.sources.helpers.rest_client.paginators import BasePaginator

# The vendor's error envelope -> (code, message); None when the body is no error of theirs.
Envelope = Callable[[Any], tuple[str, str] | None]
# What the vendor says of waiting, beside Retry-After: (body, headers) -> seconds; None when it says nothing.
RetryHint = Callable[[Any, Mapping[str, str]], float | None]

GIVE_UP_AFTER = 2  # calls in a row that no retry could save: the service is down, and is not asked again by this client
GOOGLE_TOKEN_URL = "https://oauth2.googleapis.com/token"
MAX_WAIT = 300.0  # seconds; a vendor that wants us to wait longer is left for the next night
_STEPS = {
    401: "the token is not accepted; renew it",
    403: "the account may not read this; grant it access",
    404: "nothing is there; check the ids in the settings",
    429: "the vendor's limit is reached; the next night goes on",
}
_FILE = "application/octet-stream"  # what `download` accepts: its answer is no JSON, and may be cut off unseen
_CUT_OFF = object()  # a body that is no whole JSON though the vendor says all is well


def no_envelope(body: Any) -> tuple[str, str] | None:
    """For vendors that say everything with the status code."""
    return None


def google_envelope(body: Any) -> tuple[str, str] | None:
    """The reason of a Google error's first part (older APIs) or of its details (newer ones), else its status."""
    error = body.get("error") if isinstance(body, dict) else None
    if not isinstance(error, dict):
        return None
    parts = [*(error.get("errors") or ()), *(error.get("details") or ())]
    reasons = [str(p["reason"]) for p in parts if isinstance(p, dict) and p.get("reason")]
    return (reasons or [str(error.get("status", error.get("code")))])[0], str(error.get("message", ""))


def no_hint(body: Any, headers: Mapping[str, str]) -> float | None:
    """For vendors that say how long to wait in Retry-After, or not at all."""
    return None


class VendorClient:
    """Reads a vendor's API page by page. Raises SourceError naming the source, the path, the code and the next step.

    429, 5xx, lost connections, cut-off answers and the codes in `throttled` are tried again up to `attempts` times; the
    vendor's Retry-After or `retry_hint` is kept up to MAX_WAIT. A 401, or a code in `expired`, calls `renew` once, which
    brings the auth a new token. `next_steps` says by the vendor's code what to do. May be used by several threads.
    """

    def __init__(
        self,
        source: str,
        base_url: str,
        *,
        auth: AuthConfigBase | None = None,
        renew: Callable[[], None] | None = None,
        paginator: BasePaginator | None = None,
        headers: Mapping[str, str] | None = None,
        envelope: Envelope = no_envelope,
        next_steps: Mapping[str, str] | None = None,
        throttled: Collection[str] = (),
        expired: Collection[str] = (),
        retry_hint: RetryHint = no_hint,
        attempts: int = 5,
        timeout: float = 60.0,
    ) -> None:
        import requests
        from dlt.sources.helpers.requests import Client

        self._source = source
        self._envelope = envelope
        self._next_steps = dict(next_steps or {})
        self._throttled = frozenset(throttled)
        self._expired = frozenset(expired)
        self._retry_hint = retry_hint
        self._lost_in_a_row = 0
        lost = (requests.Timeout, requests.ConnectionError, requests.exceptions.ChunkedEncodingError)
        session = Client(
            request_timeout=timeout,
            request_max_attempts=attempts,
            raise_for_status=False,
            status_codes=(),  # all that is decided in _try_again
            exceptions=lost,
            retry_condition=self._try_again,
        ).session
        self._client = _client_class()(
            base_url, auth=auth, paginator=paginator, session=session, headers=dict(headers or {})
        )
        self._client.asking = self._asking  # type: ignore[attr-defined]
        self._client.answered = self._answered  # type: ignore[attr-defined]
        self._client.is_expired = self._is_expired  # type: ignore[attr-defined]
        self._client.renew = renew  # type: ignore[attr-defined]

    def pages(self, path: str, **kwargs: Any) -> Iterator[list[Any]]:
        """The rows of each page, in order. Takes what dlt's `RESTClient.paginate` takes (method, params, json, data_selector)."""
        try:
            for page in self._client.paginate(path, hooks={"response": []}, **kwargs):
                yield list(page)
        except Exception as e:
            raise self._told(path, e) from e

    def get(self, path: str, params: dict[str, Any] | None = None, **kwargs: Any) -> Any:
        """One answer as JSON."""
        return self.call("GET", path, params=params, **kwargs)

    def call(self, method: str, path: str, **kwargs: Any) -> Any:
        """One answer as JSON, by any method. Takes what dlt's `RESTClient.request` takes (params, json, data, headers)."""
        try:
            return self._client.request(path, method=method, **kwargs).json()  # type: ignore[arg-type]
        except Exception as e:
            raise self._told(path, e) from e

    def read(self, path: str, params: dict[str, Any]) -> bytes:
        """One answer as it came, for pages whose cells are not to pass through Python. Whether it is whole is the caller's to see."""
        try:
            return bytes(self._client.request(path, params=params, hooks={"response": [_unread]}).content)
        except Exception as e:
            raise self._told(path, e) from e

    def download(self, url: str) -> bytes:
        """The bytes behind an address that the vendor gave (a report's file): no token is sent along."""
        try:
            response = self._client.session.get(url, headers={"Accept": _FILE})
        except Exception as e:
            raise self._told("the report's file", e) from e
        if not response.ok:
            raise SourceError(
                self._source, f"the report's file: HTTP {response.status_code}; its address may have expired"
            )
        return bytes(response.content)

    def _try_again(self, response: Any, exception: BaseException | None) -> bool:
        """Whether dlt's session asks again. Leaves the parsed body on the response, and the vendor's hint in Retry-After."""
        if response is None:
            return False
        body = parsed(response)
        error = None if body is _CUT_OFF else self._envelope(body)
        again = (
            body is _CUT_OFF
            or response.status_code == 429
            or response.status_code >= 500
            or (error is not None and error[0] in self._throttled)
        )
        if again and (hint := self._retry_hint(body, response.headers)) is not None:
            response.headers["Retry-After"] = str(max(1, round(hint)))
        wait = response.headers.get("Retry-After", "")
        return again and not (wait.isdigit() and int(wait) > MAX_WAIT)

    def _asking(self) -> None:
        if self._lost_in_a_row >= GIVE_UP_AFTER:
            raise SourceError(self._source, "the service does not answer and is not asked again in this run; is it up?")

    def _is_expired(self, response: Any) -> bool:
        error = self._envelope(parsed(response)) if parsed(response) is not _CUT_OFF else None
        return response.status_code == 401 or (error is not None and error[0] in self._expired)

    def _answered(self, response: Any) -> None:
        where = f"{response.request.method} {response.url.split('?')[0]}"  # no query: addresses carry tokens
        body = parsed(response)
        self._lost_in_a_row = self._lost_in_a_row + 1 if response.status_code >= 500 else 0
        if body is _CUT_OFF:
            raise SourceError(self._source, f"{where}: the answer is no JSON; was it cut off?")
        error = self._envelope(body) if body is not None else None
        if error is None and response.ok:
            return
        code, message = error or (str(response.status_code), response.reason or "no reason given")
        step = self._next_steps.get(code) or _STEPS.get(response.status_code)
        raise SourceError(
            self._source,
            f"{where}: {message[:300]} (code {code}, HTTP {response.status_code})" + (f"; {step}" if step else ""),
            code,
        )

    def _told(self, path: str, error: Exception) -> SourceError:
        if isinstance(error, SourceError):
            return error
        self._lost_in_a_row += 1
        # the text of a transport error may hold the whole address, and with it a token: only its kind is told
        return SourceError(
            self._source, f"{path.split('?')[0]}: no usable answer ({type(error).__name__}); is the service up?"
        )


def parsed(response: Any) -> Any:
    """The JSON body, parsed once; None for an error without one; a mark when a good answer is no whole JSON."""
    try:
        return response.house_body
    except AttributeError:
        try:
            body = orjson.loads(response.content)
        except orjson.JSONDecodeError:
            # no JSON was asked for or announced: a file, or an empty 204
            is_file = response.request.headers.get("Accept") == _FILE
            body = _CUT_OFF if response.ok and response.content and not is_file else None
        response.house_body = body
        response.json = lambda **_: body
        return body


def _unread(response: Any, *_: Any, **__: Any) -> None:
    """Keeps a good answer from being parsed."""
    if response.ok:
        response.house_body = None


@cache
def _client_class() -> type[RESTClient]:
    """dlt's client, looking at each answer when the retries are over; made late, since importing dlt takes a second."""
    from dlt.sources.helpers.rest_client.client import RESTClient

    class Client(RESTClient):
        asking: Callable[[], None]
        answered: Callable[[Any], None]
        is_expired: Callable[[Any], bool]
        renew: Callable[[], None] | None

        def _send_request(self, request: Any, **kwargs: Any) -> Any:
            self.asking()
            response = super()._send_request(request, **kwargs)
            if self.renew and self.is_expired(response):
                self.renew()
                response = super()._send_request(request, **kwargs)
            self.answered(response)
            return response

    return Client


def google_auth(source: str) -> Any:
    """dlt auth by the source's settings CLIENT_ID, CLIENT_SECRET and REFRESH_TOKEN; TOKEN_URL stands in for Google's address."""
    return refresh_token_auth(
        source,
        str(setting(source, "token_url", GOOGLE_TOKEN_URL)),
        client_id=secret(source, "client_id"),
        client_secret=secret(source, "client_secret"),
        refresh_token=secret(source, "refresh_token"),
    )


def google_client(
    source: str, base_url: str, path: str = "", *, auth: Any = None, envelope: Envelope = google_envelope, **more: Any
) -> VendorClient:
    """A client of one of Google's APIs, signed in by `google_auth` (`auth`: one that is there already).

    The setting BASE_URL stands in for Google's address; `path` follows the base. Takes what VendorClient takes.
    """
    auth = auth or google_auth(source)
    base = str(setting(source, "base_url", base_url)).rstrip("/")
    return VendorClient(source, f"{base}/{path}", auth=auth, renew=auth.renew, envelope=envelope, **more)


def unsigned(source: str) -> str:
    """The setting that a Google source cannot sign in without, in words; "" when all are there."""
    for name in ("client_id", "client_secret", "refresh_token"):
        if not secret(source, name):
            return f"no {name.replace('_', ' ')}; set SOURCES__{source.upper()}__{name.upper()}"
    return ""


def refresh_token_auth(
    source: str,
    token_url: str,
    *,
    client_id: str,
    client_secret: str,
    refresh_token: str,
    scope: str = "",
    keep_in: Path | None = None,
) -> Any:
    """dlt auth that fetches and renews OAuth access tokens by a refresh token (RFC 6749, section 6). Raises SourceError.

    `.token()` is one that holds, `.renew()` fetches a new one at once. Where the vendor rotates the refresh token, the
    newest one is kept in `keep_in` (mode 0600) and wins over the configured one for as long as that one stays the same.
    """
    return _refresh_auth_class()(  # type: ignore[call-arg]
        source, token_url, client_id, client_secret, refresh_token, scope, keep_in
    )


@cache
def _refresh_auth_class() -> type[AuthConfigBase]:
    from dlt.sources.helpers import requests
    from dlt.sources.helpers.rest_client.auth import AuthConfigBase

    class RefreshTokenAuth(AuthConfigBase):
        def __init__(
            self,
            source: str,
            url: str,
            client_id: str,
            secret: str,
            refresh_token: str,
            scope: str,
            keep_in: Path | None,
        ) -> None:
            self._source, self._url, self._scope, self._keep_in = source, url, scope, keep_in
            self._id, self._secret, self._refresh = client_id, secret, refresh_token
            self._configured = hashlib.sha256(refresh_token.encode()).hexdigest()[:16]
            self._token, self._until = "", 0.0
            self._lock = threading.Lock()
            if keep_in and keep_in.exists():
                kept = json.loads(keep_in.read_text())
                if kept["configured"] == self._configured:  # a token newly configured wins over an old kept one
                    self._refresh = kept["refresh_token"]

        def __call__(self, request: Any) -> Any:
            request.headers["Authorization"] = f"Bearer {self.token()}"
            return request

        def token(self) -> str:
            with self._lock:
                if time.monotonic() >= self._until:
                    self._fetch()
                return self._token

        def renew(self) -> None:
            with self._lock:
                self._fetch()

        def _fetch(self) -> None:
            form = {
                "grant_type": "refresh_token",
                "client_id": self._id,
                "refresh_token": self._refresh,
            }
            if self._secret:  # public clients have none, and some vendors refuse an empty one
                form["client_secret"] = self._secret
            if self._scope:
                form["scope"] = self._scope
            client = requests.Client(raise_for_status=False, request_timeout=30)
            try:
                response = client.post(self._url, data=form)
            except (OSError, ValueError) as e:  # requests' errors are OSErrors
                raise SourceError(
                    self._source, f"no token: the token service does not answer ({type(e).__name__})"
                ) from None
            body = parsed(response)
            if not response.ok or not isinstance(body, dict) or "access_token" not in body:
                why = body.get("error", "no reason given") if isinstance(body, dict) else "no reason given"
                raise SourceError(
                    self._source,
                    f"no token: {why} (HTTP {response.status_code}); "
                    f"grant access anew and set SOURCES__{self._source.upper()}__REFRESH_TOKEN",
                )
            self._token = str(body["access_token"])
            self._until = time.monotonic() + max(0.0, float(body.get("expires_in", 3600)) - 60)
            rotated = body.get("refresh_token")
            if rotated and rotated != self._refresh:
                self._refresh = str(rotated)
                if self._keep_in:
                    self._keep(self._keep_in)

        def _keep(self, path: Path) -> None:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            new = path.with_suffix(".new")
            handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(handle, "w") as f:
                json.dump({"configured": self._configured, "refresh_token": self._refresh}, f)
            new.replace(path)

    return RefreshTokenAuth
