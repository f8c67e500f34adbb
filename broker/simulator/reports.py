"""When each status event of a taken message is due."""

import asyncio
from collections import defaultdict

from broker.simulator import events
from broker.simulator.events import Kind, Sent, Step
from broker.simulator.fate import Fates
from broker.simulator.webhooks import Poster

_MEDIA_UNAVAILABLE = 4410
_ODD_TIMES = 3.0
_TICKS_PER_S = 200


class Reports:
    """Plan the events of messages, and hand them to the poster when they are due.

    What is due within the same 5 ms shares a timer. An event is made when it is due, so its time is true.
    """

    def __init__(self, poster: Poster, fates: Fates, *, delay_ms: float) -> None:
        self._poster = poster
        self._fates = fates
        self._delay_ms = delay_ms
        self._due: defaultdict[int, list[Step]] = defaultdict(list)
        self._timers: dict[int, asyncio.TimerHandle] = {}
        self.dropped = 0

    @property
    def planned(self) -> int:
        """How many events are not due yet."""
        return sum(map(len, self._due.values()))

    def plan(self, sent: Sent, *, lost: bool = False) -> None:
        """Put the message's events on the clock; `lost` says its media could not be fetched."""
        faults, dice = self._fates.faults, self._fates.dice
        delay_s = (self._delay_ms if faults.event_delay_ms is None else faults.event_delay_ms) / 1000
        stages = self._stages(sent, lost=lost)
        if dice.hits(faults.reorder_events):
            stages.reverse()
            # Messages overtake one another too, but within one the order stays reversed.
            delay_s *= 1 + dice.up_to(_ODD_TIMES)
        for number, steps in enumerate(stages, start=1):
            self._at(delay_s * number, self._kept(steps))

    async def send_now(self, sent: Sent) -> None:
        """Post the message's events at once, one stage after another."""
        for steps in self._stages(sent, lost=False):
            await self._poster.post([events.status(step) for step in self._kept(steps)])

    def clear(self) -> None:
        """Forget all plans."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        self._due.clear()
        self.dropped = 0

    def _at(self, wait_s: float, steps: list[Step]) -> None:
        loop = asyncio.get_running_loop()
        tick = int((loop.time() + wait_s) * _TICKS_PER_S) + 1
        if tick not in self._timers:
            self._timers[tick] = loop.call_at(tick / _TICKS_PER_S, self._post, tick)
        self._due[tick] += steps

    def _post(self, tick: int) -> None:
        del self._timers[tick]
        steps = self._due.pop(tick)
        if self._poster.target.urls:
            self._poster.put([events.status(step) for step in steps])
        else:
            self._poster.tally.nowhere += len(steps)

    def _stages(self, sent: Sent, *, lost: bool) -> list[list[Step]]:
        """Return the events by stage: an MMS is first handed on, then comes the end of each recipient."""
        faults, dice = self._fates.faults, self._fates.dice
        ends: list[Step] = []
        for recipient in sent.to:
            code = _MEDIA_UNAVAILABLE if lost else faults.recipient_failures.get(recipient)
            if code is None and faults.failures:
                code = dice.pick(faults.failures)
            ends.append((sent, recipient, Kind.DELIVERED if code is None else Kind.FAILED, code or 0))
        if lost or not sent.is_mms:
            return [ends]
        return [[(sent, recipient, Kind.SENDING, 0) for recipient in sent.to], ends]

    def _kept(self, steps: list[Step]) -> list[Step]:
        faults, dice = self._fates.faults, self._fates.dice
        if not (faults.drop_events or faults.duplicate_events):
            return steps
        kept: list[Step] = []
        for step in steps:
            if dice.hits(faults.drop_events):
                self.dropped += 1
                continue
            kept += [step, step] if dice.hits(faults.duplicate_events) else [step]
        return kept
