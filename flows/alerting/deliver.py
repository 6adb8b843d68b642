"""Delivery: what the outbox promises goes out once a channel, within its limits, and is not given up before somebody has it.

A message is `sending` in the ledger before its request leaves. What is answered decides: delivered; not now, then later; refused or not taken for too
long, then another channel gets it, with a notice of the trouble; unknown, where it may have arrived: it is sent again after a pause, marked as perhaps
known already, a few times only. More messages than a person would read one by one become one digest.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sql

from flows.alerting import bundles
from flows.alerting.channels.contract import Answer, Channel, send
from flows.alerting.notice import Notice, from_json, to_json
from flows.store import outbox
from flows.store.ledger import Ledger
from flows.store.outbox import Promise

SINGLES = 10                                    # messages at once that are read one by one; more become a digest
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=30), timedelta(minutes=15)
UNKNOWN_PAUSE, LONGEST_UNKNOWN_PAUSE = timedelta(minutes=2), timedelta(hours=6)
GIVE_UP_ATTEMPTS, GIVE_UP_AFTER = 8, timedelta(hours=1)
GIVE_UP_UNKNOWNS = 3                            # each may have arrived
OF_AN_ALERT = frozenset({"firing", "reminder", "escalation", "resolved"})       # kinds of messages that belong into one thread
LONGEST_BREAK = timedelta(hours=1)              # that a channel's system may ask for


@dataclass(frozen=True, kw_only=True)
class Courier:
    """What a delivery needs. clock: of the company, by which messages are due. wall: real time, which signatures need. random: in [0, 1), spreads
    repeats. sleep: waits for a limit. step: called behind each change, for tests that die there."""

    ledger: Ledger
    channels: Mapping[str, Channel]
    clock: Callable[[], datetime]
    wall: Callable[[], datetime]
    random: Callable[[], float]
    sleep: Callable[[float], None]
    step: Callable[[str], None] = lambda name: None


@dataclass(frozen=True, kw_only=True)
class Message:
    promise: Promise
    notice: Notice

    @property
    def rank(self) -> int:
        return bundles.SEVERITIES.index(self.notice.severity)


class _TakenByAnother(Exception):
    """Another sender was faster; nothing is changed."""


def deliver_due(courier: Courier, *, patience: timedelta = timedelta(0)) -> Counter[str]:
    """Send what is due, each channel by itself so that a slow one keeps no other waiting. Counts what came of it by outcome, what was digested, handed on,
    and how often something was sent again that may have arrived. patience: how long to wait in all for limits; what is left is there the next time."""
    done = Counter({"recovered": outbox.recover(courier.ledger, now=courier.clock(), due=courier.clock() + UNKNOWN_PAUSE)})
    courier.step("recovered")
    for _ in range(2):                          # what was handed on is due at once, at another channel
        names = outbox.channels_waiting(courier.ledger)
        if not names:
            break
        before = done["handed on"]
        with ThreadPoolExecutor(max_workers=min(len(names), 8)) as pool:
            for counted in pool.map(lambda name: _of_channel(courier, name, patience), names):
                done += counted
        if done["handed on"] == before:
            break
    return +done


def _of_channel(courier: Courier, name: str, patience: timedelta) -> Counter[str]:
    done: Counter[str] = Counter()
    with courier.ledger.begin() as connection:
        promises = outbox.unfinished(connection, name)
        paused = outbox.paused_until(connection, name)
    messages = [Message(promise=promise, notice=notice) for promise in promises if (notice := _read(courier, promise, done))]
    channel = courier.channels.get(name)
    now = courier.clock()
    if channel is None:
        for message in messages:
            done["handed on"] += _hand_on(courier, message, "there is no channel of this name any more")
        return done
    if paused and now < paused <= now + LONGEST_BREAK * 1.1:       # further away: the clock was put back, and nobody asked for that
        return done
    singles, together = _chosen(messages, now)
    if together and (digest := _digest(courier, channel, together)):
        done["digested"] += len(together)
        singles.append(digest)
    left = patience
    if singles and courier.wall().minute in channel.kind.quiet_minutes:
        pause = timedelta(seconds=60 - courier.wall().second)
        if pause > left:
            return done
        courier.sleep(pause.total_seconds())
        left -= pause
    held: set[str] = set()
    for message in singles:
        if message.notice.thread in held:
            continue
        number, left = _claim(courier, channel, message.promise, left)
        if isinstance(number, datetime):
            return done
        if number is None:
            held.add(message.notice.thread)
        elif _send(courier, channel, message, number, done) in ("retry", "unknown"):
            return done                         # as a rule it is the system, not the message: the others wait with it
    return done


def _read(courier: Courier, promise: Promise, done: Counter[str]) -> Notice | None:
    try:
        return from_json(promise.notice)
    except (TypeError, ValueError, KeyError):
        if promise.state != "sending":
            with courier.ledger.begin() as connection:
                done["refused"] += outbox.end(connection, promise, state="refused", answer="what stands in the outbox is no notice")
        return None


def _chosen(messages: Sequence[Message], now: datetime) -> tuple[list[Message], list[Message]]:
    """(to be sent one by one, to be sent together). A message of a matter waits for the one before it, so that no 'resolved' overtakes its alert;
    what has failed before comes last, so that one message that a system cannot bear holds up no other."""
    due: list[tuple[tuple[bool, int, datetime], Message]] = []
    held: set[str] = set()
    latest: dict[str, tuple[bool, int, datetime]] = {}
    for message in messages:
        promise = message.promise
        # A pause that is longer than any of ours was written before the clock was put back.
        is_due = promise.due_at <= now or (promise.attempts > 0 and promise.due_at > now + LONGEST_UNKNOWN_PAUSE * 2)
        if message.notice.thread in held or promise.state == "sending" or not is_due:
            held.add(message.notice.thread)
        else:
            turn = (promise.attempts > 0, message.rank, promise.put_at)
            latest[message.notice.thread] = turn = max(turn, latest.get(message.notice.thread, turn))
            due.append((turn, message))
    due.sort(key=lambda one: one[0])
    ordered = [message for _, message in due]
    fresh = [message for (has_failed, *_), message in due if not has_failed and message.notice.kind != "digest"]
    if len(fresh) <= SINGLES:
        return ordered, []
    together = fresh[SINGLES - 1:]
    keys = {message.promise.key for message in together}
    return [message for message in ordered if message.promise.key not in keys], together


def _claim(courier: Courier, channel: Channel, promise: Promise, left: timedelta) -> tuple[int | datetime | None, timedelta]:
    """The attempt's number (or what `outbox.claim` says instead), and what is left of our patience for limits."""
    rates = [(rate.messages, rate.seconds) for rate in channel.kind.rates]
    while True:
        now = courier.clock()
        number = outbox.claim(courier.ledger, promise, now=now, rates=rates)
        if not isinstance(number, datetime) or (pause := number - now + timedelta(milliseconds=1)) > left:
            return number, left
        left -= pause
        courier.sleep(pause.total_seconds())


def _send(courier: Courier, channel: Channel, message: Message, number: int, done: Counter[str]) -> str:
    promise, notice = message.promise, message.notice
    courier.step("claimed")
    begun = outbox.thread_begun(courier.ledger, channel=channel.name, thread=notice.thread) if notice.kind in OF_AN_ALERT and channel.kind.reply else ""
    answer = send(channel, bundles.again(notice) if promise.unknowns else notice, courier.wall(), begun)
    courier.step("answered")
    now = courier.clock()
    unknowns = promise.unknowns + (answer.outcome == "unknown")
    is_tired = unknowns >= GIVE_UP_UNKNOWNS or number >= GIVE_UP_ATTEMPTS or now - (promise.first_attempt or now) >= GIVE_UP_AFTER
    state, due = {"delivered": "delivered", "refused": "refused", "retry": "waiting", "unknown": "unknown"}[answer.outcome], None
    with courier.ledger.begin() as connection:
        if answer.outcome == "refused" or (answer.outcome != "delivered" and is_tired):
            moved = bundles.instead(bundles.again(notice) if unknowns else notice, channel.name)
            if _move(connection, courier, moved, channel.name, answer.said, now):
                state = "refused"
                done["handed on"] += 1
        elif answer.posted and notice.kind in OF_AN_ALERT:
            outbox.begin_thread(connection, channel=channel.name, thread=notice.thread, posted=answer.posted, at=now)
        elif answer.is_partial:
            _tell_trouble(connection, courier, notice, channel.name, answer.said, now, _elsewhere(courier, channel.name))
        if state in ("waiting", "unknown"):
            due = now + _pause(answer, number, unknowns) * (1 + courier.random() / 2)         # many that failed together do not come back together
            outbox.pause(connection, channel.name, now + min(_pause(answer, number, unknowns), LONGEST_BREAK if answer.retry_after else LONGEST_PAUSE))
        outbox.end_attempt(connection, promise, number, at=now, outcome=answer.outcome, answer=answer.said, state=state, due=due)
    courier.step("recorded")
    done[answer.outcome] += 1
    if promise.unknowns:
        done["perhaps twice"] += 1
    return answer.outcome


def _pause(answer: Answer, number: int, unknowns: int) -> timedelta:
    """What the system asked for, else longer every time."""
    if answer.retry_after is not None:
        return min(timedelta(seconds=answer.retry_after), LONGEST_BREAK)
    if answer.outcome == "unknown":
        return min(UNKNOWN_PAUSE * 2 ** min(unknowns - 1, 10), LONGEST_UNKNOWN_PAUSE)
    return min(FIRST_PAUSE * 2 ** min(number - 1, 10), LONGEST_PAUSE)


# ---- elsewhere

def _elsewhere(courier: Courier, name: str) -> list[str]:
    """Where a channel's messages may go when it cannot deliver them: its fallback, then the others as they are configured."""
    channel = courier.channels.get(name)
    first = [channel.fallback] if channel and channel.fallback in courier.channels else []
    return [other for other in dict.fromkeys([*first, *courier.channels]) if other and other != name]


def _move(connection: sql.Connection, courier: Courier, notice: Notice, name: str, why: str, now: datetime) -> bool:
    """Promise a message to the next channel that does not have it yet; False where none is left, and then it stays."""
    targets = [target for target in _elsewhere(courier, name) if notice.thread != bundles.trouble_thread(target)]     # nobody is told there that it is broken
    target = outbox.move(connection, key=notice.key, notice=to_json(notice), targets=targets, at=now, again_at=now + LONGEST_PAUSE)
    _tell_trouble(connection, courier, notice, name, why, now, [target] if target else targets)
    return target is not None


def _tell_trouble(connection: sql.Connection, courier: Courier, notice: Notice, name: str, why: str, now: datetime, targets: Sequence[str]) -> None:
    """That messages do not arrive is a message itself."""
    for target in targets[:1]:
        told = bundles.trouble(name, notice.title, why, courier.channels[target].language, now)
        outbox.put(connection, key=told.key, channel=target, notice=to_json(told), at=now)


def _hand_on(courier: Courier, message: Message, why: str) -> int:
    """Give a message whose channel is gone to another; 0 where there is none, or another sender did it."""
    now, promise = courier.clock(), message.promise
    try:
        with courier.ledger.begin() as connection:
            if promise.state == "sending" or not _move(connection, courier, bundles.instead(message.notice, promise.channel), promise.channel, why, now):
                return 0
            if not outbox.end(connection, promise, state="refused", answer=why):
                raise _TakenByAnother
    except _TakenByAnother:
        return 0
    return 1


def _digest(courier: Courier, channel: Channel, messages: Sequence[Message]) -> Message | None:
    """Put one message in the place of many, in one transaction; None where another sender was faster."""
    now = courier.clock()
    notice = bundles.digest(channel.name, channel.language, [message.notice for message in messages])
    try:
        with courier.ledger.begin() as connection:
            for message in messages:
                if not outbox.end(connection, message.promise, state="digested", answer=f"in {notice.key}"):
                    raise _TakenByAnother
            outbox.put(connection, key=notice.key, channel=channel.name, notice=to_json(notice), at=now)
    except _TakenByAnother:
        return None
    courier.step("digested")
    return Message(notice=notice, promise=Promise(
        key=notice.key, channel=channel.name, notice=to_json(notice), state="waiting", put_at=now, due_at=now, attempts=0))
