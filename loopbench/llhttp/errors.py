"""One error type per way a request can fail. Its `repr` contains nothing that varies, so that Locust groups errors."""


class LlhttpError(Exception):
    """A request without a good answer."""

    url: str | None = None  # The URL that was requested; part of the text. `LlhttpClient.send` does not set it.

    def __str__(self) -> str:
        text = super().__str__()
        return f"{self.url}: {text}" if self.url else text


class ConnectError(LlhttpError):
    """No connection: refused, unreachable, unknown host, or a failed TLS handshake."""


class ConnectRefusedError(ConnectError, ConnectionRefusedError):
    """No connection: the server refused it."""


class ConnectTimeoutError(ConnectError):
    """No connection within `connection_timeout` seconds."""


class ReadTimeoutError(LlhttpError):
    """The request was not sent, or its answer not whole, within `network_timeout` seconds."""


class ConnectionLostError(LlhttpError):
    """Closed or reset before a single byte of the answer came."""


class TruncatedAnswerError(LlhttpError):
    """Closed or reset in the middle of an answer."""


class MalformedAnswerError(LlhttpError):
    """Not HTTP: llhttp refused it, or the server switched protocols unasked."""


class ExcessDataError(LlhttpError):
    """The server sent more bytes than the answer announced."""


class HeaderTooLargeError(LlhttpError):
    """The answer's header section is larger than `max_header_bytes`."""


class BodyTooLargeError(LlhttpError):
    """The answer's body is larger than `max_body_bytes`, or all that are being received are together too large."""


class ContentEncodingError(LlhttpError):
    """The body is not what its Content-Encoding says."""


class TooManyRedirectsError(LlhttpError):
    """More than `max_redirects` consecutive redirects, or a redirect to an unusable URL."""


class ForeignRedirectError(LlhttpError):
    """A redirect to another scheme, host or port, which is never followed."""


class BadStatusError(LlhttpError):
    """A whole answer with a status of 400 or more, or a redirect where none is followed."""

    def __init__(self, status: int) -> None:
        super().__init__(f"status {status}")
        self.status = status
