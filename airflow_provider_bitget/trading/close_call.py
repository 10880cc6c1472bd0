# SPDX-License-Identifier: Apache-2.0
"""One request that closes positions, and what its answer says about each of them."""

from __future__ import annotations

from dataclasses import dataclass

from airflow_provider_bitget.api.error_codes import ErrorCategory
from airflow_provider_bitget.api.exceptions import BitgetCallError
from airflow_provider_bitget.api.rows import CloseAnswer, CloseItem
from airflow_provider_bitget.trading.position_track import PositionTrack
from airflow_provider_bitget.trading.track import category_of


@dataclass(slots=True, eq=False)
class CloseCall:
    """One close request.

    :param symbol: ``None`` for the whole product type.
    :param hold_side: the side that it names, ``None`` for both.
    :param tracks: the positions that it is meant to close: all that it can touch, as the last read shows them.
    :param started: the request went out, or is about to.
    :param reached: the exchange may have processed it.
    :param answered: monotonic clock of its answer.
    """

    symbol: str | None
    hold_side: str | None
    tracks: list[PositionTrack]
    started: bool = False
    reached: bool = False
    answered: float = float("-inf")

    @property
    def is_narrowest(self) -> bool:
        """Whether no smaller request could tell its positions apart: a close cannot name the margin coin."""
        if len(self.tracks) == 1:
            return True
        sides = {track.hold_side for track in self.tracks if track.is_hedged}
        return self.symbol is not None and (self.hold_side is not None or len(sides) < 2)

    def touches(self, track: PositionTrack) -> bool:
        """Whether it could have closed this position, had it been open."""
        if self.symbol not in (None, track.symbol):
            return False
        return not track.is_hedged or self.hold_side in (None, track.hold_side)

    def take_answer(self, answer: CloseAnswer, now: float) -> None:
        """Note what an answer says about each of its positions.

        :param now: monotonic clock.
        """
        if answer.nothing_open:
            for track in self.tracks:
                track.refused(answer.nothing_open, "no position to close", ErrorCategory.GONE, now)
            return
        symbols = {track.symbol for track in self.tracks}
        names_all = len(answer.accepted) >= len(self.tracks) and not answer.refused
        for symbol in symbols:
            tracks = [track for track in self.tracks if track.symbol == symbol]
            # An older shape of the answer names no symbol.
            own = {symbol, ""} if len(symbols) == 1 or names_all else {symbol}
            _take_items(
                tracks,
                [item for item in answer.accepted if item.symbol in own],
                [item for item in answer.refused if item.symbol in own],
                now,
            )
        if len(symbols) > 1 and any(not item.symbol for item in answer.refused):
            # Whose refusal it is shows only when each symbol is asked about by itself.
            for track in self.tracks:
                track.alone = True


def _take_items(tracks: list[PositionTrack], accepted: list[CloseItem], refused: list[CloseItem], now: float) -> None:
    """Note what an answer says about the positions of one symbol: one, or two sides that its entries do not tell apart.

    Where it is not the same for both sides, each of them is asked about by itself the next time.
    """
    if len(accepted) >= len(tracks) and not refused:
        for track in tracks:
            track.accepted()
        return
    codes = {item.code for item in refused}
    if refused and not accepted and (len(tracks) == 1 or (len(refused) >= len(tracks) and len(codes) == 1)):
        for track in tracks:
            track.refused(refused[0].code, refused[0].message, category_of(refused[0].code), now)
        return
    for track in tracks:
        track.unclear(*((refused[0].code, refused[0].message) if refused else ()))
        track.alone |= len(tracks) > 1


def was_not_processed(error: BitgetCallError) -> bool:
    """Whether a request was refused before processing, or never arrived."""
    never_arrived = error.category is ErrorCategory.TRANSIENT and not error.http_status and not error.maybe_processed
    return never_arrived or error.category in (
        ErrorCategory.RATE_LIMIT,
        ErrorCategory.AUTH,
        ErrorCategory.ACCOUNT_MODE,
        ErrorCategory.CLOCK,
    )
