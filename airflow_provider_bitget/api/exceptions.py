# SPDX-License-Identifier: Apache-2.0
"""Everything that can go wrong between an argument and a trustworthy answer.

::

    BitgetError
    |-- BitgetConfigError             an argument or a connection field is unusable; nothing was sent
    |   `-- BitgetScopeError          the request would have meant "all"; nothing was sent
    |-- BitgetNotSentError            the deadline passed, or a stop was asked for, before the request went out
    `-- BitgetCallError               the exchange (or the way to it) gave this answer: code, http_status, category
        |-- BitgetGoneError           the order or position does not exist, or there is nothing to do
        |-- BitgetTransientError      try again
        |   |-- BitgetRateLimitError  429
        |   |   `-- BitgetIpBanError  429 on every attempt for ten seconds
        |   `-- BitgetMaintenanceError  the symbol or the exchange is under maintenance; try again later
        |-- BitgetAmbiguousError      sent, but no trustworthy answer: it may have been processed
        |-- BitgetAuthError           key, secret, passphrase, permission, IP address, demo/live mismatch
        |   |-- BitgetClockError      the timestamp is refused even after the clocks were compared
        |   `-- BitgetAccountModeError  a classic call on a unified account, or the other way round
        |-- BitgetBadRequestError     the request itself is wrong: repeating it cannot help
        |-- BitgetAccountRiskError    the account or the exchange's risk control refuses
        `-- BitgetUnknownCodeError    a code that is in no table

Messages never hold a header, a key, a secret, a passphrase or a signature.
"""

from __future__ import annotations

from typing import Any, Final, TypeVar

from airflow_provider_bitget.api.error_codes import ErrorCategory

CallError = TypeVar("CallError", bound="BitgetCallError")


class BitgetError(Exception):
    """Base class of everything that this package raises by itself."""


class BitgetConfigError(BitgetError, ValueError):
    """An argument or a connection field cannot be used. Raised before anything is sent.

    :param message: says what came, what was expected and how to mend it, without the value of a secret.
    :param field: the argument's or the connection field's name.
    """

    #: Of a run that only the account's answers could tell that an argument does not fit it.
    report: dict[str, Any] | None = None

    def __init__(self, message: str, *, field: str = "") -> None:
        super().__init__(message)
        self.field = field


class BitgetScopeError(BitgetConfigError):
    """A request in which a missing or empty field would have meant "everything" was stopped before sending."""


class BitgetNotSentError(BitgetError):
    """The deadline passed, or a stop was asked for, before this request was sent.

    :param reason: ``"deadline"`` or ``"stopped"``.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(
            "the deadline passed before the request could be sent"
            if reason == "deadline"
            else "a stop was asked for before the request was sent"
        )
        self.reason = reason
        self.maybe_processed = False


class BitgetBatchTooLargeError(BitgetNotSentError):
    """More ids than this kind of account takes in one request: nothing was sent, send smaller batches."""

    def __init__(self) -> None:
        BitgetError.__init__(self, "nothing was sent: the account takes fewer orders in one request")
        self.reason = "too_large"
        self.maybe_processed = False


class BitgetCallError(BitgetError):
    """The exchange, or the way to it, answered with something other than success.

    :param code: the exchange's code, or ``""`` where the answer had none.
    :param message: the exchange's text in short, or what happened on the way.
    :param http_status: HTTP status, 0 where there was no answer.
    :param category: what kind of failure the code stands for.
    :param endpoint: the path that was called.
    """

    def __init__(
        self,
        message: str,
        *,
        category: ErrorCategory,
        code: str = "",
        http_status: int = 0,
        endpoint: str = "",
        hint: str = "",
    ) -> None:
        text = f"{endpoint or 'Bitget'}: {message}"
        if code:
            text += f" (code {code}, HTTP {http_status})"
        elif http_status:
            text += f" (HTTP {http_status})"
        if hint:
            text += f". {hint}"
        super().__init__(text)
        self.message = message
        self.code = code
        self.http_status = http_status
        self.category = category
        self.endpoint = endpoint
        self.hint = hint
        #: Whether this attempt, or one before it in the same call, may have been carried out.
        self.maybe_processed = False

    def as_type(
        self, kind: type[CallError], category: ErrorCategory, *, message: str = "", hint: str = ""
    ) -> CallError:
        """Return an error of another type that says the same of the same answer.

        :param kind: its type.
        :param category: its category.
        :param message: another text than the exchange's, if not empty.
        :param hint: what its reader may do.
        """
        return kind(
            message or self.message,
            category=category,
            code=self.code,
            http_status=self.http_status,
            endpoint=self.endpoint,
            hint=hint,
        )


class BitgetGoneError(BitgetCallError):
    """What was named does not exist (any more), or there was nothing to do."""


class BitgetTransientError(BitgetCallError):
    """Worth repeating: the exchange was busy, or the connection could not be made."""


class BitgetRateLimitError(BitgetTransientError):
    """The request was refused by a rate limit, before it was processed."""


class BitgetIpBanError(BitgetRateLimitError):
    """Every attempt of the last ten seconds was refused: the address is taken for banned (five minutes)."""


class BitgetMaintenanceError(BitgetTransientError):
    """The symbol or the exchange is under maintenance; that may last hours."""


class BitgetAmbiguousError(BitgetCallError):
    """Sent, but no trustworthy answer came back: the exchange may have acted on it."""


class BitgetAuthError(BitgetCallError):
    """The exchange refuses the credentials, their permissions, the address or the environment."""

    #: What a run that was ended by this had done by then, where there was one.
    report: dict[str, Any] | None = None


HOPELESS: Final = (BitgetAuthError, BitgetConfigError)
"""What is the same for every request of a run and for every other try of it: the credentials, or an argument."""


class BitgetClockError(BitgetAuthError):
    """The timestamp is refused although the clocks were compared."""


class BitgetAccountModeError(BitgetAuthError):
    """The account is of the other kind (classic or unified) than the call."""


class BitgetBadRequestError(BitgetCallError):
    """The request is wrong in itself."""


class BitgetAccountRiskError(BitgetCallError):
    """The account's state or the exchange's risk control refuses the request."""


class BitgetUnknownCodeError(BitgetCallError):
    """The exchange answered with a code that is in no table."""


ERROR_CLASSES: dict[ErrorCategory, type[BitgetCallError]] = {
    ErrorCategory.GONE: BitgetGoneError,
    ErrorCategory.TRANSIENT: BitgetTransientError,
    ErrorCategory.RATE_LIMIT: BitgetRateLimitError,
    ErrorCategory.MAINTENANCE: BitgetMaintenanceError,
    ErrorCategory.AMBIGUOUS: BitgetAmbiguousError,
    ErrorCategory.CLOCK: BitgetClockError,
    ErrorCategory.AUTH: BitgetAuthError,
    ErrorCategory.ACCOUNT_MODE: BitgetAccountModeError,
    ErrorCategory.BAD_REQUEST: BitgetBadRequestError,
    ErrorCategory.ACCOUNT_RISK: BitgetAccountRiskError,
    ErrorCategory.UNKNOWN: BitgetUnknownCodeError,
}
"""Which exception stands for which category."""
