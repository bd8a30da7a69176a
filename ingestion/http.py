"""One HTTP client for all vendors, on dlt's REST client: auth and its renewal, paging, 429 and 5xx, errors in our words.

A source gives its base address, dlt's auth and paginator, and says how its vendor wraps errors. What a page means is the
source's own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from ingestion.errors import SourceError

if TYPE_CHECKING:
    from dlt.sources.helpers.rest_client.auth import AuthConfigBase
    from dlt.sources.helpers.rest_client.client import RESTClient
    from dlt.sources.helpers.rest_client.paginators import BasePaginator

# The vendor's error envelope -> (code, message); None when the body is no error of theirs.
Envelope = Callable[[Any], tuple[str, str] | None]

_STEPS = {
    401: "the token is not accepted; renew it",
    403: "the account may not read this; grant it access",
    404: "nothing is there; check the ids in the settings",
    429: "the vendor's limit is reached; the next night goes on",
}


def no_envelope(body: Any) -> tuple[str, str] | None:
    """For vendors that say everything with the status code."""
    return None


class VendorClient:
    """Reads a vendor's API page by page. Raises SourceError naming the source, the path, the code and the next step.

    429 and 5xx are tried again up to `attempts` times, and Retry-After is kept (dlt's session does both). A 401 calls
    `renew` once, which brings the auth a new token. `next_steps` says by the vendor's code what to do.
    """

    def __init__(
        self,
        source: str,
        base_url: str,
        *,
        auth: AuthConfigBase | None = None,
        renew: Callable[[], None] | None = None,
        paginator: BasePaginator | None = None,
        envelope: Envelope = no_envelope,
        next_steps: Mapping[str, str] | None = None,
        attempts: int = 5,
        timeout: float = 60.0,
    ) -> None:
        from dlt.sources.helpers.requests import Client

        self._source = source
        self._envelope = envelope
        self._next_steps = dict(next_steps or {})
        session = Client(request_timeout=timeout, request_max_attempts=attempts, raise_for_status=False).session
        self._client = _client_class()(base_url, auth=auth, paginator=paginator, session=session)
        self._client.answered = self._answered  # type: ignore[attr-defined]
        self._client.renew = renew  # type: ignore[attr-defined]

    def pages(self, path: str, **kwargs: Any) -> Iterator[list[Any]]:
        """The rows of each page, in order. Takes what dlt's `RESTClient.paginate` takes (params, json, data_selector)."""
        try:
            for page in self._client.paginate(path, hooks={"response": []}, **kwargs):
                yield list(page)
        except Exception as e:
            raise self._told(path, e) from e

    def get(self, path: str, params: dict[str, Any] | None = None) -> Any:
        """One answer as JSON."""
        try:
            return self._client.get(path, params=params).json()
        except Exception as e:
            raise self._told(path, e) from e

    def _answered(self, response: Any) -> None:
        where = f"{response.request.method} {response.url.split('?')[0]}"  # no query: addresses carry tokens
        try:
            body = response.json()
        except ValueError as e:
            if response.ok:
                raise SourceError(self._source, f"{where}: the answer is no JSON; was it cut off?") from e
            body = None
        error = self._envelope(body) if body is not None else None
        if error is None and response.ok:
            return
        code, message = error or (str(response.status_code), response.reason or "no reason given")
        step = self._next_steps.get(code) or _STEPS.get(response.status_code)
        raise SourceError(
            self._source,
            f"{where}: {message[:300]} (code {code}, HTTP {response.status_code})" + (f"; {step}" if step else ""),
        )

    def _told(self, path: str, error: Exception) -> SourceError:
        if isinstance(error, SourceError):
            return error
        # the text of a transport error may hold the whole address, and with it a token: only its kind is told
        return SourceError(self._source, f"{path}: no usable answer ({type(error).__name__}); is the service up?")


@cache
def _client_class() -> type[RESTClient]:
    """dlt's client, looking at each answer when the retries are over; made late, since importing dlt takes a second."""
    from dlt.sources.helpers.rest_client.client import RESTClient

    class Client(RESTClient):
        answered: Callable[[Any], None]
        renew: Callable[[], None] | None

        def _send_request(self, request: Any, **kwargs: Any) -> Any:
            response = super()._send_request(request, **kwargs)
            if response.status_code == 401 and self.renew:
                self.renew()
                response = super()._send_request(request, **kwargs)
            self.answered(response)
            return response

    return Client
