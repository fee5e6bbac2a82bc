"""Every way a request can fail, as a type. Messages hold nothing that varies, so that Locust groups equal errors."""


class LlhttpError(Exception):
    """A request without a good answer. `repr` is what Locust's statistics group by."""


class ConnectError(LlhttpError):
    """No connection: refused, unreachable, unknown host, or TLS was not agreed on."""


class ConnectTimeoutError(ConnectError):
    """No connection within `connection_timeout` seconds."""


class ReadTimeoutError(LlhttpError):
    """The server sent nothing, or took nothing, for `network_timeout` seconds."""


class ConnectionLostError(LlhttpError):
    """Closed or reset before a single byte of the answer came."""


class TruncatedAnswerError(LlhttpError):
    """Closed or reset in the middle of an answer."""


class MalformedAnswerError(LlhttpError):
    """Not HTTP: llhttp refused it, or the protocol was switched without being asked."""


class ExcessDataError(LlhttpError):
    """More bytes came than the answer announced."""


class HeaderTooLargeError(LlhttpError):
    """The answer's header section passed `max_header_bytes`."""


class BodyTooLargeError(LlhttpError):
    """The answer's body passed `max_body_bytes`."""


class ContentEncodingError(LlhttpError):
    """The body is not what its Content-Encoding says."""


class TooManyRedirectsError(LlhttpError):
    """More than `max_redirects` redirects in a row, or one that leads nowhere."""


class BadStatusError(LlhttpError):
    """A whole answer with a status of 400 or more."""

    def __init__(self, status: int) -> None:
        super().__init__(f"status {status}")
        self.status = status
