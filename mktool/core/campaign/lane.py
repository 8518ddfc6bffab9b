"""
A lane: one thread that sends batches, one request after another, and says how each ended.

It composes a batch before it is claimed, so that the vendor does not wait for that. It touches no
database: what it learns about its calls is kept in memory, and recorded by the engine together
with the outcomes.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import repeat
from typing import TYPE_CHECKING, NamedTuple, cast

from ... import errors as e
from ...capability import CanBroadcast, CanDeliver, CanTrace
from ...http.client import Client
from ...http.exchange import Exchange
from ...message import Batch, Message, Receipt, Refusal
from ...store.campaigns import Claim, Outcome, Recipient, State
from ...store.ids import ID, all_packed
from ...tuples import ByColumn, Filled
from .job import Done, Job
from .tally import Fixed, Tally

if TYPE_CHECKING:
    from ..session import Session
    from .run import Run

CERTAIN = ("refused", "unsent")  # ends of a call after which nothing was done
DOUBTS_IN_A_ROW = 3  # lost answers after which a lane stops asking for more


class Errand(NamedTuple):
    """A job on its way: the batch that its requests are made from, and how it goes.

    ``bug`` is what kept it from being composed.
    """

    job: Job
    batch: Batch
    messages: Sequence[Message | ValueError]
    done: Done
    bug: Exception | None = None

    def started(self, claim: Claim, call: int, key: str, without: frozenset[int]) -> Errand:
        """Return it as it goes out, once it is claimed and has a call in the ledger: under a key,
        ``without`` whoever must not be sent to any more, by number."""
        batch, people, messages = replace(self.batch, key=key), self.job.people, self.messages
        if without:
            batch = replace(batch, packed=b"")
            messages = [
                message for person, message in zip(people, messages, strict=False)
                if person.seq not in without
            ]  # fmt: skip
            people = [one for one in people if one.seq not in without]
        job = self.job._replace(claim=claim, people=people, call=call)
        return self._replace(job=job, batch=batch, messages=messages, done=Done(len(people)))


class Lane:
    """One account's client, for one thread.

    ``left_out`` says, by number, who must not be sent to any more.
    """

    def __init__(
        self, session: Session, run: Run, credential: Fixed, halt: threading.Event,
        left_out: Mapping[int, str],
    ) -> None:  # fmt: skip
        settings, spec = session.settings, session.spec
        self.delivery, self.timeout = run.delivery, spec.timeout
        self.halt, self.left_out = halt, left_out
        self.broadcast, self.max_errors = run.broadcast, run.max_errors
        self._course = run.course
        self._merges = run.courses[0].composer.merges  # all of them, or none
        self._room = 0 if self._merges else run.delivery.size  # merged, a thousand fit in any case
        self._tally = Tally(settings.sleep)
        exchange = Exchange(
            spec, session.account, lambda: session.exchange.wire, self._tally,
            max_wait=settings.max_wait, sleep=settings.sleep, clock=session.ledger.clock,
        )  # fmt: skip
        client = Client(exchange, session.target, credential, session.options)
        self.provider = type(session.provider)(client)

    def compose(self, job: Job) -> Errand:
        """Return a job ready to be sent, of which nothing is sent yet."""
        course = self._course(job.claim.variant)
        done = Done(len(job.people))
        try:
            messages = course.composer.messages(job.people)
            packed = self._packed(course.batch, messages) if not job.trace else course.batch
        except Exception as bug:
            return Errand(job, course.batch, (), done, bug)
        return Errand(job, packed, messages, done)

    def run(self, errand: Errand) -> Done:
        """Do a job that is claimed; whatever goes wrong is in the result."""
        self._tally.start(errand.job.pace)
        self._do(errand)
        return self._told(errand.done)

    def _packed(self, batch: Batch, messages: Sequence[Message | ValueError]) -> Batch:
        """Return the batch with the bulk of its request, where all are sent in one."""
        if self.broadcast is not None or not self._are_one_request(messages):
            return batch
        whole = replace(batch, messages=cast(Sequence[Message], messages))
        return replace(batch, packed=cast(CanDeliver, self.provider).pack(whole))

    def _do(self, errand: Errand) -> None:
        done = errand.done
        try:
            if errand.bug is not None:
                raise errand.bug
            if errand.job.trace:
                self._trace(errand)
            else:
                self._send(errand)
        except e.MktoolError as error:
            done.error = error
        except Exception as error:  # a bug of ours: nobody may be sent to again because of it
            known = {o.seq for o in done.outcomes} | set(done.implied)
            done.doubt = [p.seq for p in errand.job.people if p.seq not in known]
            done.error = e.MktoolError(f"{type(error).__name__}: {error}")

    def _told(self, done: Done) -> Done:
        """Return it with what the journal has of its calls."""
        patience = 500 * self.timeout  # half of it, in milliseconds
        done.slow = any(c.outcome == "unknown" and c.ms > patience for c in self._tally.ended)
        done.calls, done.seen = self._tally.ways(), self._tally.seen
        return done

    # -- sending -------------------------------------------------------------------------------

    def _send(self, errand: Errand) -> None:
        lost, done = 0, errand.done
        for place, messages in enumerate(self._requests(errand)):
            if self.halt.is_set():
                return
            before = len(done.doubt)
            # The same one again under the same key, also where somebody is left out meanwhile.
            number = messages[0].seq if self.delivery.batch == 1 else place
            key = f"{errand.batch.key}.{number}" if number else errand.batch.key
            self._deliver(errand, messages, key)
            lost = lost + 1 if len(done.doubt) > before else 0
            if lost >= DOUBTS_IN_A_ROW or self._goes_wrong(done):
                return

    def _goes_wrong(self, done: Done) -> bool:
        """Whether the run stops because of this job alone, as the engine will see when it ends."""
        refused = [outcome for outcome in done.outcomes if outcome.state == State.FAILED]
        return 0 < self.max_errors <= len(refused)

    def _requests(self, errand: Errand) -> Iterator[Sequence[Message]]:
        """Yield the messages of each request: as many as it takes, whole ones on their own
        where the others are merged."""
        job, _, messages, done, _ = errand
        if errand.batch.packed or self._are_one_request(messages):
            yield cast(Sequence[Message], messages)
            return
        merges, most, room = self._merges, self.delivery.batch, self._room
        bulk: list[Message] = []
        size = 0
        for person, message in zip(job.people, messages, strict=True):
            if why := self._why_not(person, message):
                done.outcomes.append(why)
                continue
            assert isinstance(message, Message)
            if merges and message.subject:
                yield [message]
                continue
            if room:
                size += _size(message)
            if len(bulk) == most or (bulk and size > room > 0):
                yield bulk
                bulk, size = [], _size(message) if room else 0
            bulk.append(message)
        if bulk:
            yield bulk

    def _are_one_request(self, messages: Sequence[Message | ValueError]) -> bool:
        """Whether messages go out together as they are: the usual case, seen at once."""
        if not isinstance(messages, ByColumn) or not 1 < len(messages) <= self.delivery.batch:
            return False
        return not self._room or _size_of_all(messages) <= self._room

    def _why_not(self, person: Recipient, message: Message | ValueError) -> Outcome | None:
        """Return what becomes of whoever is not sent to, None for the others."""
        if isinstance(message, ValueError):
            return Outcome(person.seq, State.FAILED, code="template", text=str(message))
        if self.delivery.batch == 1 and person.seq in self.left_out:
            return Outcome(person.seq, State.SUPPRESSED, code=self.left_out[person.seq])
        return None

    def _deliver(self, errand: Errand, messages: Sequence[Message], key: str) -> None:
        before = len(self._tally.ended)
        try:
            whole = messages is errand.messages
            batch = errand.batch if whole else replace(errand.batch, packed=b"")
            receipt = self._hand_over(batch, messages, key)
        except e.MktoolError as error:
            if self._may_have_happened(errand.job, before, error):
                self._doubt(errand.done, messages, error)
                if not isinstance(error, e.OutcomeUnknown | e.Rejected):
                    raise
            elif isinstance(error, e.Rejected):
                self._refused(errand, messages, key, error)
            else:
                raise
        else:
            _accept(errand.done, messages, receipt)

    def _may_have_happened(self, job: Job, before: int, error: e.MktoolError) -> bool:
        """Whether a failed request may have been carried out all the same.

        The last refusal proves it only where no earlier attempt was left open: neither in an
        earlier run (``redo``), nor among the attempts of this one. To an audience each person
        belongs once, however often: there the last answer is the whole truth.
        """
        if self.broadcast is not None and isinstance(error, e.Rejected):
            return False
        read = ("ok",) if isinstance(error, e.Rejected) else ()  # out of an answer that came
        ends = (*CERTAIN, *read)
        open_ended = any(call.outcome not in ends for call in self._tally.ended[before:])
        return job.redo or open_ended or isinstance(error, e.Duplicate | e.OutcomeUnknown)

    def _hand_over(self, batch: Batch, messages: Sequence[Message], key: str) -> Receipt:
        if self.broadcast is not None:
            return cast(CanBroadcast, self.provider).enlist(self.broadcast, messages)
        # Asking a protocol of 15 names costs more than composing the message.
        provider = cast(CanDeliver, self.provider)
        return provider.deliver(replace(batch, messages=messages, key=key))

    def _doubt(self, done: Done, messages: Sequence[Message], error: e.MktoolError) -> None:
        done.doubt += _seqs(messages)
        done.error = error

    def _refused(
        self, errand: Errand, messages: Sequence[Message], key: str, error: e.Rejected
    ) -> None:
        """Find out whom the refusal of a request was about: nobody of it was sent to."""
        done = errand.done
        if len(messages) == 1:
            done.outcomes.append(_failure(messages[0], error))
            return
        named = self._named(error, len(messages))
        if named is not None:
            done.outcomes.append(_failure(messages[named], error))
            rest = [*messages[:named], *messages[named + 1 :]]
            self._deliver(errand, rest, _key_of_part(key, rest))
            return
        if len(messages) == len(errand.job.people):
            self._campaign_itself(errand, messages, key, error)
            known = {o.seq for o in done.outcomes} | set(done.implied) | set(done.doubt)
            messages = [m for m in messages if m.seq not in known]
        half = (len(messages) + 1) // 2
        for part in filter(None, (messages[:half], messages[half:])):
            self._deliver(errand, part, _key_of_part(key, part))

    def _named(self, error: e.Rejected, count: int) -> int | None:
        found = re.search(self.delivery.culprit, error.context.vendor_code)
        if not self.delivery.culprit or found is None:
            return None
        place = int(found[1])
        return place if place < count else None

    def _campaign_itself(
        self, errand: Errand, messages: Sequence[Message], key: str, error: e.Rejected
    ) -> None:
        """Raise if the first and the last, each alone, are refused with the same words: then it
        is about what they share, and a million others would be refused as well."""
        done = errand.done
        for message in (messages[0], messages[-1]):
            before = len(done.outcomes)
            self._deliver(errand, [message], _key_of_part(key, [message]))
            last = done.outcomes[-1] if len(done.outcomes) > before else None
            if last is None or last.state != State.FAILED or last.text != error.message:
                return
        for _ in range(2):
            done.outcomes.pop()
        raise error

    # -- asking --------------------------------------------------------------------------------

    def _trace(self, errand: Errand) -> None:
        assert isinstance(self.provider, CanTrace)
        job = errand.job
        messages = [*map(_whole, errand.messages)]
        batch = replace(errand.batch, messages=messages)
        found = self.provider.trace(batch, job.claim.at, job.known)
        errand.done.outcomes += [
            Outcome(messages[place].seq, State.SENT, vendor=id) for place, id in found.items()
        ]


def _key_of_part(key: str, messages: Sequence[Message]) -> str:
    """Return the key of a request that holds some of a batch: with the key of another one the
    vendor would refuse it, or take it for that one."""
    return f"{key}.{messages[0].seq}-{len(messages)}"


def _whole(message: Message | ValueError) -> Message:
    if isinstance(message, ValueError):
        raise message
    return message


def _accept(done: Done, messages: Sequence[Message], receipt: Receipt) -> None:
    done.vendor = receipt.id or done.vendor
    if not receipt.ids and not receipt.refused:
        done.implied += _seqs(messages)
        return
    if len(receipt.ids) == len(messages) and not receipt.refused:
        seqs = _seqs(messages)
        if len(done.ids) == ID * len(done.implied) and (octets := all_packed(receipt.ids)):
            done.implied += seqs
            done.ids += octets
            return
        done.outcomes += map(Outcome, seqs, repeat(State.SENT), receipt.ids)
        return
    ids = receipt.ids or [""] * len(messages)
    for place, (message, id) in enumerate(zip(messages, ids, strict=True)):
        refusal = receipt.refused.get(place)
        if refusal is None:
            done.outcomes.append(Outcome(message.seq, State.SENT, id))
        else:
            done.outcomes.append(_refusal(message, refusal))


def _refusal(message: Message, why: Refusal) -> Outcome:
    return Outcome(message.seq, State.FAILED, "", why.code, why.text)


def _failure(message: Message, error: e.ProviderError) -> Outcome:
    code = error.context.vendor_code or error.code
    return Outcome(message.seq, State.FAILED, "", code, error.message)


def _seqs(messages: Sequence[Message]) -> Sequence[int]:
    if isinstance(messages, ByColumn):
        return messages.column("seq")
    return [message.seq for message in messages]


def _size(message: Message) -> int:
    """Return about how many bytes a message takes in a request."""
    return 2 * (len(message.html) + len(message.text)) + len(message.subject) + 500


def _size_of_all(messages: ByColumn[Message]) -> int:
    subjects, html, texts = (_length(messages.column(name)) for name in ("subject", "html", "text"))
    return 2 * (html + texts) + subjects + 500 * len(messages)


def _length(texts: Sequence[str]) -> int:
    return texts.size if isinstance(texts, Filled) else len("".join(texts))
