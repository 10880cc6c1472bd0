# SPDX-License-Identifier: Apache-2.0
"""What wire faults do to a request and to its answer."""

from __future__ import annotations

from dataclasses import replace

from airflow_provider_bitget.sandbox.answers import TOO_MANY_REQUESTS, Reply, envelope, html, text_of
from airflow_provider_bitget.sandbox.faults import Effect

ALWAYS_PROCESSED = ("reset_after", "truncate", "slow_drip")


def too_many_requests(now_ms: int) -> Reply:
    """Return the answer to a request over the limit, as recorded in public logs.

    :param now_ms: the exchange's time in milliseconds since 1970-01-01 UTC.
    """
    return envelope(TOO_MANY_REQUESTS, text_of(TOO_MANY_REQUESTS), now_ms, None, 429)


def lets_through(effect: Effect) -> bool:
    """Return whether a request takes effect although this fault strikes it.

    :param effect: a wire fault.
    """
    return effect.kind.name in ALWAYS_PROCESSED or bool(effect.options.get("processed"))


def distorted(effect: Effect, reply: Reply, now_ms: int, *, chinese: bool) -> Reply:
    """Return what a client gets instead of a reply.

    :param effect: a wire fault.
    :param reply: the answer of the exchange, an empty one where the request did not take effect.
    :param now_ms: the exchange's time in milliseconds since 1970-01-01 UTC.
    :param chinese: whether texts are Chinese.
    """
    changed = _shape(effect, reply, now_ms, chinese)
    return replace(changed, processed=reply.processed, fault=effect.kind.name)


def _shape(effect: Effect, reply: Reply, now_ms: int, chinese: bool) -> Reply:
    options = effect.options
    match effect.kind.name:
        case "rate_limit":
            return too_many_requests(now_ms)
        case "reset_before":
            return replace(reply, drop="before")
        case "reset_after":
            return replace(reply, drop="after")
        case "bad_gateway":
            return html(options["status"], f"{options['status']} Bad Gateway")
        case "html":
            return html(options["status"], "Please wait a moment")
        case "truncate":
            return _truncated(reply, clean=options["clean"])
        case "hang":
            silent = replace(reply, delay=float(options["seconds"]))
            return silent if lets_through(effect) else replace(silent, drop="before")
        case "slow_drip":
            return replace(reply, drip=float(options["seconds"]))
        case _:
            message = options["msg"] or text_of(options["code"] or "40015", chinese=chinese)
            return envelope(options["code"] or "40015", message, now_ms, None, options["status"])


def _truncated(reply: Reply, *, clean: bool) -> Reply:
    """Cut the body in half: with a length that fits, or with one that promises the whole."""
    half = reply.body[: len(reply.body) // 2]
    return replace(reply, body=half, announced_length=None if clean else len(reply.body), code=None)
