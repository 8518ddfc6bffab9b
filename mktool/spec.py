"""
A provider described as data.

Everything here is frozen: it can be printed, compared, rendered into the table of
providers, and checked for every vendor by one test.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol

from .errors import ProviderError
from .model import Login

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0
MB = 1024 * 1024
Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]


@dataclass(frozen=True, slots=True, repr=False)
class Signed:
    """What an auth scheme adds to a request; never printed.

    ``body`` joins the form or the JSON object; ``url`` replaces base URL and path; ``options``
    are settings of the base URL that the credential itself tells, and ``home`` is another base URL.
    """

    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, str] = field(default_factory=dict)
    home: str = ""
    url: str = ""
    shown_url: str = ""  # the same address without its secret, for the ledger


class Scheme(Protocol):
    """A way to prove who is calling; the implementations are in `http.auth`."""

    @property
    def needs(self) -> tuple[str, ...]:
        """The fields this scheme cannot work without."""

    def sign(self, login: Login) -> Signed:
        """Return what proves that the request comes from this account."""


@dataclass(frozen=True)
class Field:
    """A value the user supplies: kept in the vault when secret, else beside the account.

    ``env`` are the vendor's usual variable names, asked after ``MKTOOL_<PROVIDER>_<FIELD>``.
    """

    name: str
    help: str
    secret: bool = False
    required: bool = False
    pattern: str = ".+"
    env: tuple[str, ...] = ()
    default: str = ""


@dataclass(frozen=True)
class Limit:
    """At most ``calls`` in ``per`` seconds, counted in the ledger so that it outlives us.

    ``bucket`` names the endpoints it counts ("*" is all of them); ``scope`` says whether each
    account has its own, or all accounts of the app share it. ``setting`` names the field by which
    an account that was granted another number of calls says so. Where some calls take more of a
    budget than others, ``calls`` is the budget of a day and ``costs`` what one of a bucket takes
    (1 where it is not named).
    """

    calls: int
    per: float
    bucket: str = "*"
    scope: Literal["account", "app"] = "account"
    setting: str = ""
    costs: Mapping[str, int] = field(default_factory=dict, hash=False)

    def cost(self, bucket: str) -> int:
        return self.costs.get(bucket, 1)


@dataclass(frozen=True)
class Endpoint:
    """One vendor operation.

    ``repeatable``: sending it twice does no harm (default: GET, PUT and DELETE do none).
    ``bucket``: what it counts as against the limits (default: the operation).
    ``key_header``: the vendor takes an idempotency key there. ``price`` is US dollars a call.
    ``timeout`` in seconds overrides the provider's, for uploads. ``answers_text``: a success
    is not JSON. ``answer``: where the answer stands; a 200 that has an error instead failed.
    ``exact``: numbers with a fraction are read as Decimal.
    """

    operation: str
    method: Method
    path: str
    repeatable: bool | None = None
    bucket: str = ""
    key_header: str = ""
    price: float = 0.0
    timeout: float | None = None
    answers_text: bool = False
    answer: str = ""
    exact: bool = False

    @property
    def counts_as(self) -> str:
        return self.bucket or self.operation

    @property
    def safe_to_repeat(self) -> bool:
        if self.repeatable is not None:
            return self.repeatable
        return self.method in ("GET", "PUT", "DELETE")


@dataclass(frozen=True)
class Rule:
    """Map one kind of failure reply to one error; the first match wins.

    ``raises`` None: such a refusal is an answer too, and is returned as one.
    ``code`` and ``text`` are regular expressions over the vendor's error code (full match)
    and error text (search), ``operation`` one over the endpoint's name (full match). A rule
    without a status also catches "200 with an error", but no 5xx. ``header`` is one that has to
    hold a value. ``message`` may name values of the reply by their paths, as in "needs the scope
    {needed}". ``after``: seconds until it is worth another try, whatever the reply says of it.
    """

    raises: type[ProviderError] | None
    status: int | None = None
    code: str | None = None
    text: str | None = None
    hint: str = ""
    message: str = ""
    operation: str | None = None
    header: tuple[str, str] | None = None
    after: float | None = None


@dataclass(frozen=True)
class Text:
    """How long a text may be, counted as the vendor counts it."""

    limit: int
    unit: str = "characters"
    count: Callable[[str], int] = len
    reply_limit: int | None = None

    def room(self, *, reply: bool) -> int:
        return self.reply_limit if reply and self.reply_limit is not None else self.limit


@dataclass(frozen=True)
class Files:
    """What may be attached to one post: counts, types and sizes in bytes."""

    kinds: Mapping[str, tuple[int, int]]  # kind -> (how many, bytes each)
    types: frozenset[str]
    alt: int = 0
    mixed: bool = False


@dataclass(frozen=True)
class Delivery:
    """How campaigns go out at a vendor.

    ``batch`` messages fit into one request, and ``group`` messages (or one request, if that is
    more) are claimed in the ledger at once, which bounds what a crash leaves in doubt.
    ``merge``: the vendor takes one template and each recipient's values, of at most
    ``merge_bytes``. ``key_seconds`` is how long it remembers an idempotency key (0: it takes
    none). ``hold`` is from how many to how many seconds ahead it can keep a message itself, and
    ``grid`` the seconds that such a time must be a multiple of (epoch; 0: any time).
    ``holder`` is how a sender begins who can have messages kept. ``replies``: answers may go to
    another address than the sender's. ``size`` is the most bytes of one
    request. ``endpoint`` is what is called. ``culprit`` is a regular expression whose first group
    is the position of a message in an error code.
    """

    channel: Literal["email", "sms"]
    endpoint: Endpoint
    batch: int = 1
    group: int = 100
    merge: bool = False
    merge_bytes: int = 0
    concurrency: int = 4
    key_seconds: float = 0.0
    hold: tuple[float, float] = (0.0, 0.0)
    grid: float = 0.0
    holder: str = ""
    replies: bool = True
    size: int = 0
    culprit: str = "(?!)"  # matches nothing


@dataclass(frozen=True)
class RecordKind:
    """A kind of record that a vendor holds.

    ``name`` is what people say ("contacts"), ``object`` the vendor's own word. ``key`` is the
    field by which one is known unless another is asked for; ``upserts``: the vendor itself finds
    a record by the key, so that the same write may be repeated. ``keys`` are the fields it can be
    upserted by ("*" is any that the account declares unique). ``batch`` rows fit into one write
    (0: it is read only) and ``page`` records into one read. ``tells_deletes``: what was deleted
    is among what was changed. ``bulk``: from so many rows on, `CanLoad` (0: never). ``lags``: a
    search by the key may not show yet what was written, so that it never proves absence.
    ``others`` names the field that holds further values of a key, by which a record is known too.
    ``aliases`` are other names for it.
    """

    name: str
    object: str
    key: str = ""
    upserts: bool = False
    keys: tuple[str, ...] = ()
    batch: int = 0
    page: int = 100
    tells_deletes: bool = False
    bulk: int = 0
    lags: bool = False
    others: Mapping[str, str] = field(default_factory=dict, hash=False)
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True)
class Throttle:
    """Where the vendor's own view of a limit stands in its reply headers.

    ``usage``: the header ``limit`` holds both what is used and the quota, the two groups of this
    regular expression. ``window``: seconds over which it slides, where no header tells a reset; a
    limit of ours of as many seconds is as high as the vendor says.
    ``bucket`` is what it limits (default: each operation has its own).
    """

    limit: str = ""
    remaining: str = ""
    reset: str = ""
    reset_is: Literal["epoch", "seconds"] = "epoch"
    usage: str = ""
    window: float = 0.0
    bucket: str = ""


@dataclass(frozen=True)
class Spec:
    """Everything about a vendor that is not behaviour."""

    name: str
    title: str
    docs: str
    base_url: str
    auth: tuple[Scheme, ...]
    fields: tuple[Field, ...] = ()
    aliases: tuple[str, ...] = ()
    setup: str = ""
    limits: tuple[Limit, ...] = ()
    throttle: Throttle | None = None
    rules: tuple[Rule, ...] = ()
    failed: tuple[str, Any] | None = None  # (path, value) in the body of a 200 that means failure
    error_code: tuple[str, ...] = ("error.code",)
    error_text: tuple[str, ...] = ("error.message",)
    request_id: tuple[str, ...] = ("x-request-id",)
    headers: Mapping[str, str] = field(default_factory=dict)  # values may hold {option}
    text: Text | None = None
    files: Files | None = None
    delivery: Delivery | None = None  # of messages
    audience: Delivery | None = None  # of people into an audience that the vendor sends to
    records: tuple[RecordKind, ...] = ()
    optout: tuple[str, ...] = ()  # fields of a person that are "true" where no mail is wanted
    finds: tuple[str, ...] = ()  # the kinds of things that `CanFind` knows
    exports: tuple[str, ...] = ()  # the objects of an export whose own fields can be filled in
    link: Literal["append", "attach", "none"] = "append"
    timeout: float = 20.0  # seconds
    patience: float = 0.0  # seconds, where a write may be under way longer than that

    @property
    def settles_after(self) -> float:
        """Seconds after which a write without an answer is under way no more."""
        return max(self.timeout, self.patience)

    @property
    def campaigns(self) -> Delivery | None:
        """How campaigns go out unless something else is asked for."""
        return self.delivery or self.audience

    def kind(self, name: str) -> RecordKind | None:
        """Return the kind of record that people, or the vendor, call so."""
        return next((k for k in self.records if name in (k.name, k.object, *k.aliases)), None)

    def setting(self, name: str) -> Field | None:
        return next((f for f in self.fields if f.name == name), None)

    def paced(self, options: Mapping[str, str]) -> Spec:
        """Return this spec with the limits that an account's settings say it has."""
        told = {n.setting: options.get(n.setting, "") for n in self.limits}
        calls = {name: int(text) for name, text in told.items() if _is_count(text)}
        if not calls:
            return self
        limits = (replace(n, calls=calls.get(n.setting, n.calls)) for n in self.limits)
        return replace(self, limits=tuple(limits))


def _is_count(text: str) -> bool:
    return text.isdecimal() and len(text) < 8 and int(text) > 0


def dig(data: Any, path: str) -> Any:
    """Return the value at a dotted path (list positions are numbers), or None; "" is the whole."""
    for key in path.split(".") if path else ():
        if isinstance(data, dict):
            data = data.get(key)
        elif isinstance(data, list) and key.isdigit() and int(key) < len(data):
            data = data[int(key)]
        else:
            return None
    return data
