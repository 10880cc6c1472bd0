# SPDX-License-Identifier: Apache-2.0
"""What each of the exchange's codes means for a caller. Codes are matched, never message texts.

Sources: the exchange's table (https://www.bitget.com/api-doc/contract/error-code and its unified-account twin), answers
recorded in public issues of client libraries, and the libraries' own tables. Where they contradict each other the row's
``note`` says so, and the row follows the exchange's table and the recorded answers. Codes that the exchange took out
of its table in October 2025 are still understood.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

SUCCESS_CODE = "00000"


class ErrorCategory(StrEnum):
    """What a caller can do about an answer."""

    #: Does not exist any more, or there is nothing to do. How it ended has still to be asked.
    GONE = "gone"
    #: Busy: try again.
    TRANSIENT = "transient"
    #: Too many requests: refused before processing; wait at least a second.
    RATE_LIMIT = "rate_limit"
    #: May last hours: try again later, not in a tight loop.
    MAINTENANCE = "maintenance"
    #: May have been processed: ask before believing anything.
    AMBIGUOUS = "ambiguous"
    #: The timestamp is refused: compare the clocks once, then try again.
    CLOCK = "clock"
    #: Key, secret, passphrase, permission, address, environment: a person must mend it.
    AUTH = "auth"
    #: Classic call on a unified account or the other way round.
    ACCOUNT_MODE = "account_mode"
    #: The request is wrong: repeating cannot help.
    BAD_REQUEST = "bad_request"
    #: The account's state or risk control refuses: a person must look.
    ACCOUNT_RISK = "account_risk"
    #: Not in the table.
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class ErrorCode:
    """One row of the table.

    :param code: the exchange's code.
    :param category: what a caller can do about it.
    :param reason: what it means, in our words.
    :param note: quirks and contradictions between sources.
    :param whole_scope: in a batch, the code speaks of the symbol, the product type or the account, not of one order, so
        splitting the batch cannot help.
    :param repeats: how often the request may be repeated after this code; ``None`` leaves it to the category.
    """

    code: str
    category: ErrorCategory
    reason: str
    note: str = ""
    whole_scope: bool = False
    repeats: int | None = None


_C = ErrorCategory
_ROWS: tuple[ErrorCode, ...] = (
    # Gone, or nothing to do
    ErrorCode("22001", _C.GONE, "no order to cancel"),
    ErrorCode("43001", _C.GONE, "the order does not exist"),
    ErrorCode("43004", _C.GONE, "there is no order to cancel"),
    ErrorCode("40768", _C.GONE, "the order does not exist", note="left the exchange's table in 2025"),
    ErrorCode(
        "40109",
        _C.GONE,
        "the order's data was not found",
        note="also answered for plan orders on the detail endpoint and for very fresh orders: no proof of absence",
    ),
    ErrorCode("43025", _C.GONE, "the plan order does not exist", note="ccxt takes it for an invalid order"),
    ErrorCode("43026", _C.GONE, "the plan order has been closed"),
    ErrorCode("43020", _C.GONE, "the TP/SL order does not exist"),
    ErrorCode("43021", _C.GONE, "the TP/SL order has been closed"),
    ErrorCode("43033", _C.GONE, "the trailing order does not exist"),
    ErrorCode("45057", _C.GONE, "the order does not exist"),
    ErrorCode("45031", _C.GONE, "the order is final: filled or cancelled"),
    ErrorCode("45055", _C.GONE, "the order's state does not allow cancelling: filled, or being cancelled"),
    ErrorCode("50062", _C.GONE, "the order is cancelled or filled (margin)"),
    ErrorCode("31007", _C.GONE, "the order does not exist (copy trading)"),
    ErrorCode("31054", _C.GONE, "no order to cancel (copy trading)"),
    ErrorCode("80011", _C.GONE, "the order does not exist (legacy)"),
    ErrorCode("40819", _C.GONE, "the order does not exist", note="left the exchange's table in 2025"),
    ErrorCode("22002", _C.GONE, "no position to close"),
    ErrorCode("43043", _C.GONE, "no position to close"),
    ErrorCode("40838", _C.GONE, "not enough position to close"),
    ErrorCode("40755", _C.GONE, "not enough position"),
    ErrorCode("40757", _C.GONE, "not enough position"),
    ErrorCode("43023", _C.GONE, "not enough position"),
    ErrorCode("45003", _C.GONE, "not enough position"),
    ErrorCode("45006", _C.GONE, "not enough position"),
    ErrorCode("40709", _C.GONE, "no position for this order", note="left the exchange's table in 2025"),
    ErrorCode("25204", _C.GONE, "the order does not exist (unified account)"),
    ErrorCode("25227", _C.GONE, "no position to close (unified account)"),
    ErrorCode("25601", _C.GONE, "no position (unified account)"),
    ErrorCode("25226", _C.GONE, "not enough position (unified account)"),
    ErrorCode("25231", _C.GONE, "not enough position (unified account)"),
    ErrorCode("25597", _C.GONE, "the strategy was not found or has stopped (unified account)"),
    ErrorCode("25575", _C.GONE, "nothing to stop (unified account)"),
    ErrorCode("25577", _C.GONE, "nothing to stop (unified account)"),
    ErrorCode("25578", _C.GONE, "nothing to stop (unified account)"),
    ErrorCode("25596", _C.GONE, "the strategy has triggered or failed (unified account)"),
    ErrorCode(
        "25598",
        _C.GONE,
        "the strategy's state does not allow a change: triggered, or being cancelled (unified account)",
    ),
    ErrorCode("24056", _C.GONE, "does not exist (unified account, per order)", note="known from samples only"),
    # Rate limits
    ErrorCode("429", _C.RATE_LIMIT, "too many requests"),
    ErrorCode("50009", _C.RATE_LIMIT, "too many requests", note="not in the exchange's table; from ccxt"),
    ErrorCode("1001", _C.RATE_LIMIT, "too many requests", note="not in the exchange's table; from ccxt"),
    ErrorCode("25004", _C.RATE_LIMIT, "too many requests (unified account)"),
    # Try again
    ErrorCode("45129", _C.TRANSIENT, "this order was cancelled less than a second ago"),
    ErrorCode("40015", _C.TRANSIENT, "the system is abnormal, try later", note="answered in the release window"),
    ErrorCode("45001", _C.TRANSIENT, "unknown error at the exchange", note="the exchange asks to try again"),
    ErrorCode(
        "40808",
        _C.TRANSIENT,
        "a parameter could not be verified",
        note="the exchange asks to try again in its release window, recorded answers show truly bad input: two repeats",
        repeats=2,
    ),
    ErrorCode("40908", _C.TRANSIENT, "concurrent operation failed"),
    ErrorCode("50031", _C.TRANSIENT, "system error"),
    ErrorCode("80002", _C.TRANSIENT, "system error"),
    ErrorCode("49040", _C.TRANSIENT, "request failed, try again"),
    ErrorCode("43059", _C.TRANSIENT, "request failed, try again"),
    ErrorCode("70228", _C.TRANSIENT, "too frequent"),
    ErrorCode("22045", _C.TRANSIENT, "not enough liquidity, close later"),
    ErrorCode("25209", _C.TRANSIENT, "not enough liquidity, close later (unified account)"),
    ErrorCode("45023", _C.TRANSIENT, "the order could not be created"),
    ErrorCode("45024", _C.TRANSIENT, "the order could not be cancelled"),
    ErrorCode("40604", _C.TRANSIENT, "the server is busy", note="from ccxt"),
    ErrorCode("32003", _C.TRANSIENT, "a cancellation is in progress", note="legacy; from ccxt"),
    ErrorCode("25000", _C.TRANSIENT, "system error (unified account)"),
    ErrorCode("25003", _C.TRANSIENT, "concurrent operation failed (unified account)"),
    ErrorCode("25113", _C.TRANSIENT, "a cancellation is in progress (unified account)"),
    ErrorCode("25114", _C.TRANSIENT, "a modification is in progress (unified account)"),
    ErrorCode("25239", _C.TRANSIENT, "closing failed, try later (unified account)"),
    ErrorCode("25653", _C.TRANSIENT, "the order changed, try later (unified account)"),
    ErrorCode("25576", _C.TRANSIENT, "the strategy is being stopped (unified account)"),
    ErrorCode("25572", _C.TRANSIENT, "too many changes are pending (unified account)"),
    ErrorCode("25210", _C.TRANSIENT, "the price moves too fast, try again (unified account)"),
    ErrorCode("25222", _C.TRANSIENT, "there is no mark price just now (unified account)"),
    # May have been processed
    ErrorCode(
        "40010",
        _C.AMBIGUOUS,
        "the request timed out at the exchange",
        note="ccxt takes it for a signature error; the exchange's table says timeout",
    ),
    ErrorCode("40725", _C.AMBIGUOUS, "a service behind the gateway failed", note="seen with HTTP 500"),
    ErrorCode("40910", _C.AMBIGUOUS, "the operation timed out at the exchange"),
    ErrorCode("25001", _C.AMBIGUOUS, "the operation timed out (unified account)"),
    # Clock
    ErrorCode("40008", _C.CLOCK, "the timestamp is more than 30 s off"),
    ErrorCode("40004", _C.CLOCK, "the timestamp expired", note="legacy spelling of 40008"),
    ErrorCode("40005", _C.CLOCK, "the timestamp is not valid"),
    ErrorCode("40078", _C.CLOCK, "the request arrived after its receive window"),
    ErrorCode("40079", _C.BAD_REQUEST, "the receive window is longer than 60 s"),
    # Credentials and permissions
    ErrorCode("40001", _C.AUTH, "the API key is missing"),
    ErrorCode("40002", _C.AUTH, "the signature is missing", note="ccxt reads it as: secret missing"),
    ErrorCode("40003", _C.AUTH, "the signature is missing"),
    ErrorCode("40006", _C.AUTH, "the API key is not valid"),
    ErrorCode("40009", _C.AUTH, "the signature is wrong: the API secret does not belong to the key"),
    ErrorCode("40011", _C.AUTH, "the passphrase is missing"),
    ErrorCode("40012", _C.AUTH, "the API key or the passphrase is wrong"),
    ErrorCode("40014", _C.AUTH, "the key lacks a permission"),
    ErrorCode("40016", _C.AUTH, "the user must bind a phone or an authenticator first"),
    ErrorCode("40018", _C.AUTH, "the IP address is not allowed for this key"),
    ErrorCode("40036", _C.AUTH, "the passphrase is wrong"),
    ErrorCode("40037", _C.AUTH, "the API key does not exist"),
    ErrorCode("40038", _C.AUTH, "the IP address is not on the key's list"),
    ErrorCode("40040", _C.AUTH, "the key's permissions do not allow this"),
    ErrorCode("40041", _C.AUTH, "the key was changed or has expired"),
    ErrorCode("22010", _C.AUTH, "the key must be bound to an IP address"),
    ErrorCode("40022", _C.AUTH, "this business is restricted for the account"),
    ErrorCode("40023", _C.AUTH, "the API key is restricted"),
    ErrorCode("40024", _C.AUTH, "the account is frozen", note="ccxt has an answer of 2025 about a restricted region"),
    ErrorCode("40025", _C.AUTH, "this business is restricted for the account"),
    ErrorCode("40026", _C.AUTH, "the user is restricted"),
    ErrorCode("40061", _C.AUTH, "not allowed for sub-accounts"),
    ErrorCode("40068", _C.AUTH, "not allowed for sub-accounts"),
    ErrorCode("40199", _C.AUTH, "lead traders may not use the API"),
    ErrorCode("40000", _C.AUTH, "not available in this region"),
    ErrorCode("40103", _C.AUTH, "not available in this region"),
    ErrorCode("40104", _C.AUTH, "not available in this region"),
    ErrorCode("40027", _C.AUTH, "identity verification is required"),
    ErrorCode("40035", _C.AUTH, "identity verification is required"),
    ErrorCode("40101", _C.AUTH, "identity verification is required"),
    ErrorCode("40111", _C.AUTH, "identity verification is required"),
    ErrorCode("40086", _C.AUTH, "this host is for VIP accounts only"),
    ErrorCode("40099", _C.AUTH, "the key belongs to the other environment: demo and live are mixed up"),
    ErrorCode("40110", _C.AUTH, "not available in demo trading"),
    ErrorCode("22030", _C.AUTH, "not available in demo trading"),
    ErrorCode("25620", _C.AUTH, "permission denied (unified account)"),
    ErrorCode("25005", _C.AUTH, "the user does not exist (unified account)"),
    # Account mode
    ErrorCode("40085", _C.ACCOUNT_MODE, "the account is unified: the classic API does not serve it"),
    ErrorCode("40084", _C.ACCOUNT_MODE, "the account is classic: the unified API does not serve it"),
    ErrorCode(
        "40731",
        _C.ACCOUNT_MODE,
        "the product does not support copy trading",
        note="answered to unified and elite-trader keys on classic calls",
    ),
    ErrorCode("25245", _C.ACCOUNT_MODE, "the account is not unified"),
    # Bad request
    ErrorCode("00171", _C.BAD_REQUEST, "a parameter could not be verified"),
    ErrorCode("00172", _C.BAD_REQUEST, "a parameter could not be verified"),
    ErrorCode("400171", _C.BAD_REQUEST, "a parameter could not be verified"),
    ErrorCode("400172", _C.BAD_REQUEST, "a parameter could not be verified"),
    ErrorCode("40007", _C.BAD_REQUEST, "the content type is wrong"),
    ErrorCode("40017", _C.BAD_REQUEST, "a parameter could not be verified"),
    ErrorCode("40019", _C.BAD_REQUEST, "a parameter is empty"),
    ErrorCode("40020", _C.BAD_REQUEST, "a parameter is wrong"),
    ErrorCode("40034", _C.BAD_REQUEST, "a parameter does not exist", note="answered for unknown symbols"),
    ErrorCode("40053", _C.BAD_REQUEST, "a parameter is out of range"),
    ErrorCode("40057", _C.BAD_REQUEST, "a parameter is out of range"),
    ErrorCode("40058", _C.BAD_REQUEST, "a parameter has the wrong format"),
    ErrorCode("40059", _C.BAD_REQUEST, "a parameter has the wrong format"),
    ErrorCode("40064", _C.BAD_REQUEST, "too many values"),
    ErrorCode("40072", _C.BAD_REQUEST, "the symbol is not valid", whole_scope=True),
    ErrorCode("40102", _C.BAD_REQUEST, "the symbol does not exist", whole_scope=True),
    ErrorCode("40309", _C.BAD_REQUEST, "the symbol has been removed", whole_scope=True),
    ErrorCode("22012", _C.BAD_REQUEST, "symbol and product type do not belong together", whole_scope=True),
    ErrorCode("40402", _C.BAD_REQUEST, "the orderId or clientOid has the wrong format"),
    ErrorCode("40404", _C.BAD_REQUEST, "there is no such path", whole_scope=True),
    ErrorCode("40724", _C.BAD_REQUEST, "a value is missing"),
    ErrorCode("40811", _C.BAD_REQUEST, "a value is missing"),
    ErrorCode("40812", _C.BAD_REQUEST, "a value is missing"),
    ErrorCode("40813", _C.BAD_REQUEST, "a value is missing"),
    ErrorCode("40913", _C.BAD_REQUEST, "a value is missing"),
    ErrorCode("40924", _C.BAD_REQUEST, "orderId or clientOid is required"),
    ErrorCode("40912", _C.BAD_REQUEST, "more than 50 orders in one request"),
    ErrorCode(
        "40306",
        _C.BAD_REQUEST,
        "more than 20 orders in one request",
        note="older limit, still in a guide of the exchange",
    ),
    ErrorCode("40304", _C.BAD_REQUEST, "the clientOid is longer than 50 characters"),
    ErrorCode("40305", _C.BAD_REQUEST, "the clientOid is longer than 64 characters"),
    ErrorCode("40774", _C.BAD_REQUEST, "the order does not fit the position mode"),
    ErrorCode("43075", _C.BAD_REQUEST, "the order does not fit the position mode"),
    ErrorCode("45020", _C.BAD_REQUEST, "the order does not fit the position mode"),
    ErrorCode("45021", _C.BAD_REQUEST, "the order does not fit the position mode"),
    ErrorCode("45109", _C.BAD_REQUEST, "the order does not fit the position mode"),
    ErrorCode("25236", _C.BAD_REQUEST, "the position side is wrong (unified account)"),
    ErrorCode("25237", _C.BAD_REQUEST, "close orders go with hedge mode only (unified account)"),
    ErrorCode("25002", _C.BAD_REQUEST, "the operation is not supported (unified account)"),
    ErrorCode("25240", _C.BAD_REQUEST, "the operation is not supported (unified account)"),
    ErrorCode("25200", _C.BAD_REQUEST, "a parameter could not be verified (unified account)"),
    ErrorCode("25238", _C.BAD_REQUEST, "two parameters exclude each other (unified account)"),
    ErrorCode("25212", _C.BAD_REQUEST, "the clientOid is used twice (unified account)"),
    ErrorCode("25100", _C.BAD_REQUEST, "the symbol does not exist (unified account)", whole_scope=True),
    ErrorCode("25104", _C.BAD_REQUEST, "the contract has been removed (unified account)", whole_scope=True),
    ErrorCode("40786", _C.BAD_REQUEST, "the clientOid is used twice", note="left the exchange's table in 2025"),
    ErrorCode("43118", _C.BAD_REQUEST, "the clientOid is used twice"),
    ErrorCode("45034", _C.BAD_REQUEST, "the clientOid is used twice"),
    ErrorCode("30032", _C.BAD_REQUEST, "the V1 API has been switched off", whole_scope=True),
    ErrorCode("43011", _C.BAD_REQUEST, "a parameter does not meet the specification"),
    ErrorCode(
        "40108",
        _C.BAD_REQUEST,
        "the sub-account's name is taken",
        note="ccxt takes it for a wrong order quantity",
    ),
    ErrorCode(
        "50003",
        _C.BAD_REQUEST,
        "the coin does not support isolated margin",
        note="ccxt reads it as: no record",
    ),
    # Account and risk
    ErrorCode("45009", _C.ACCOUNT_RISK, "the account is at risk: trading is paused", whole_scope=True),
    ErrorCode("40931", _C.ACCOUNT_RISK, "risk control forbids closing positions", whole_scope=True),
    ErrorCode("45108", _C.ACCOUNT_RISK, "the API may not close positions here", whole_scope=True),
    ErrorCode("45107", _C.ACCOUNT_RISK, "the API may not open positions here", whole_scope=True),
    ErrorCode("40753", _C.ACCOUNT_RISK, "futures are disabled for the account", whole_scope=True),
    ErrorCode("40916", _C.ACCOUNT_RISK, "futures are restricted for the account", whole_scope=True),
    ErrorCode("40710", _C.ACCOUNT_RISK, "the account is frozen", whole_scope=True),
    ErrorCode("40013", _C.ACCOUNT_RISK, "the user's state is abnormal", whole_scope=True),
    ErrorCode("40760", _C.ACCOUNT_RISK, "the account's state is abnormal", whole_scope=True),
    ErrorCode("22041", _C.ACCOUNT_RISK, "closing is limited: delivery is near"),
    ErrorCode("22043", _C.ACCOUNT_RISK, "auto-deleveraging is running"),
    ErrorCode("22044", _C.ACCOUNT_RISK, "auto-deleveraging is running: no flash close"),
    ErrorCode("22067", _C.ACCOUNT_RISK, "auto-deleveraging is running"),
    ErrorCode("25008", _C.ACCOUNT_RISK, "liquidation is running (unified account)", whole_scope=True),
    ErrorCode("25012", _C.ACCOUNT_RISK, "the account is at risk (unified account)", whole_scope=True),
    ErrorCode("25006", _C.ACCOUNT_RISK, "the account's state is abnormal (unified account)", whole_scope=True),
    ErrorCode("25007", _C.ACCOUNT_RISK, "the account's state is abnormal (unified account)", whole_scope=True),
    ErrorCode("25013", _C.ACCOUNT_RISK, "the API may not trade here (unified account)", whole_scope=True),
    ErrorCode("25105", _C.ACCOUNT_RISK, "positions may not be opened here (unified account)", whole_scope=True),
    ErrorCode("95001", _C.ACCOUNT_RISK, "risk control refuses (unified account)", whole_scope=True),
    ErrorCode("40939", _C.ACCOUNT_RISK, "resting close orders lock the position: cancel them first"),
    ErrorCode("25232", _C.ACCOUNT_RISK, "resting close orders lock the position (unified account)"),
    ErrorCode("25225", _C.ACCOUNT_RISK, "the size is locked by close orders (unified account)"),
    ErrorCode("25242", _C.ACCOUNT_RISK, "less than this size can be closed (unified account)"),
    ErrorCode(
        "25224",
        _C.ACCOUNT_RISK,
        "a take-profit or stop-loss has triggered: cancel it first (unified account)",
        note="the exchange's table calls it a warning; no recorded answer",
    ),
    ErrorCode("25208", _C.ACCOUNT_RISK, "the size is larger than an order may be (unified account)"),
    ErrorCode("25233", _C.ACCOUNT_RISK, "the size is larger than its level allows (unified account)"),
    ErrorCode("25211", _C.ACCOUNT_RISK, "the account holds as many orders as it may (unified account)"),
    ErrorCode("25202", _C.ACCOUNT_RISK, "the balance is too small (unified account)"),
    ErrorCode("25203", _C.ACCOUNT_RISK, "the margin is too small (unified account)"),
    ErrorCode("40746", _C.ACCOUNT_RISK, "the size is locked by close orders"),
    ErrorCode("40867", _C.ACCOUNT_RISK, "the size is locked by close orders"),
    ErrorCode("40888", _C.ACCOUNT_RISK, "the position is larger than a flash close may be"),
    ErrorCode("45104", _C.ACCOUNT_RISK, "the position is larger than a flash close may be"),
    ErrorCode("40754", _C.ACCOUNT_RISK, "the balance is too small"),
    ErrorCode("40762", _C.ACCOUNT_RISK, "the size is larger than the balance allows"),
    ErrorCode("43012", _C.ACCOUNT_RISK, "the balance is too small"),
    ErrorCode("45002", _C.ACCOUNT_RISK, "the balance is too small"),
    ErrorCode("40711", _C.ACCOUNT_RISK, "the balance is too small", note="left the exchange's table in 2025"),
    ErrorCode("40712", _C.ACCOUNT_RISK, "the margin is too small", note="left the exchange's table in 2025"),
    ErrorCode("22035", _C.ACCOUNT_RISK, "positions are opened too often in demo trading"),
    # Maintenance
    ErrorCode("40200", _C.MAINTENANCE, "the server is being upgraded", whole_scope=True),
    ErrorCode("40308", _C.MAINTENANCE, "the symbol is under maintenance", whole_scope=True),
    ErrorCode("40844", _C.MAINTENANCE, "the contract is under maintenance", whole_scope=True),
    ErrorCode("40845", _C.MAINTENANCE, "the contract has been removed", whole_scope=True),
    ErrorCode("41113", _C.MAINTENANCE, "the symbol is offline", whole_scope=True),
    ErrorCode("41114", _C.MAINTENANCE, "the symbol is under maintenance", whole_scope=True),
    ErrorCode("43115", _C.MAINTENANCE, "the symbol opens soon", whole_scope=True),
    ErrorCode("45043", _C.MAINTENANCE, "settlement or maintenance is running", whole_scope=True),
    ErrorCode("43119", _C.MAINTENANCE, "the symbol is not open for trading", whole_scope=True),
    ErrorCode("43120", _C.MAINTENANCE, "the symbol is not open for trading", whole_scope=True),
    ErrorCode("25101", _C.MAINTENANCE, "the symbol is under maintenance (unified account)", whole_scope=True),
    ErrorCode("25102", _C.MAINTENANCE, "the symbol is under maintenance (unified account)", whole_scope=True),
    ErrorCode("25106", _C.MAINTENANCE, "the symbol is under maintenance (unified account)", whole_scope=True),
    ErrorCode("25103", _C.MAINTENANCE, "the symbol opens soon (unified account)", whole_scope=True),
    ErrorCode("25108", _C.MAINTENANCE, "the contract is being set up (unified account)", whole_scope=True),
)

ERROR_CODES: dict[str, ErrorCode] = {row.code: row for row in _ROWS}
"""The table, by code."""


BRIEF_CODES = frozenset({"40200", "45043"})
"""Maintenance that may be over in a moment: an upgrade of the server, a settlement. One such answer is no verdict."""

LOCK_CODES = frozenset({"40746", "40867", "40939", "25224", "25225", "25232", "25242"})
"""Refusals of a close because resting close orders or stops hold the position's size."""

TOO_LARGE_CODES = frozenset({"40888", "45104", "25208", "25233"})
"""Refusals of a close because the position is larger than one close may be."""

CODES_ABOUT_THE_ID = frozenset({"40020", "40402", "40304", "40305"})
"""Refusals of the id's form: nothing by that name can rest anywhere."""


def describe(code: str) -> ErrorCode:
    """Return the row of ``code``; a code that is in no table gets a row of category ``unknown``."""
    return ERROR_CODES.get(code) or ErrorCode(code, ErrorCategory.UNKNOWN, "not in the table of known codes")


HINTS: dict[str, str] = {
    "40085": "This account is a unified one: set account_mode to unified (or auto) in the connection",
    "40084": "This account is a classic one: set account_mode to classic (or auto) in the connection",
    "25245": "This account is a classic one: set account_mode to classic (or auto) in the connection",
    "40731": "If the account is a unified one, set account_mode to unified in the connection",
    "40099": "Check demo_trading in the connection: a demo key needs it on, a live key needs it off, and the "
    "S* product types never go with it",
    "40009": "Check the connection's password (API secret)",
    "40012": "Check the connection's login (API key) and passphrase",
    "40036": "Check the connection's passphrase",
    "40011": "Set the passphrase in the connection",
    "40006": "Check the connection's login (API key)",
    "40037": "Check the connection's login (API key); a demo key exists in demo trading only",
    "40014": "Give the key the futures trade permission",
    "40018": "Add this machine's address to the key's IP list",
    "40038": "Add this machine's address to the key's IP list",
    "40008": "Check this machine's clock",
    "40746": "Cancel the resting close orders and stops of the position first",
    "40867": "Cancel the resting close orders and stops of the position first",
    "40939": "Cancel the resting close orders and stops of the position first",
    "25224": "Cancel the resting close orders and stops of the position first",
    "25225": "Cancel the resting close orders and stops of the position first",
    "25232": "Cancel the resting close orders and stops of the position first",
    "25242": "Cancel the resting close orders and stops of the position first",
    "40888": "Close the position in parts, by hand: a flash close takes none of this size",
    "45104": "Close the position in parts, by hand: a flash close takes none of this size",
    "25208": "Close the position in parts, by hand: one order takes none of this size",
    "25233": "Close the position in parts, by hand: one order takes none of this size",
    "40931": "Ask Bitget's support: no program can close these positions now",
    "45108": "Close the position in Bitget's app or on its site",
}
"""What a person can do about a code, where one thing is likely."""
