"""
Every error mktool raises on purpose, named for what the caller does next.

* MktoolError
  - InvalidInput           fix the command or the file; nothing was sent          2
  - ConfigError            fix the configuration                                  3
    + StorageError         free or unlock the disk                                3
      x Busy               wait for the other mktool process                      3
  - VaultError             unlock, reach or repair the credential store           4
    + VaultUnreachable, VaultLocked, VaultTimeout, VaultNoKey, VaultWrongKey, VaultTampered
  - Unsupported            this provider cannot do that; nothing was sent         5
  - Partial                some items did not go                                  6
  - NeedsLogin             log in again                                          11
  - ProviderError          the vendor said no, or said nothing                   10
    + Unauthorized         log in again                                          11
    + Forbidden            ask for the missing scope or role                     12
    + NotFound             the target is gone                                    13
    + Rejected             change the content                                    14
      x Duplicate          the vendor, or the ledger, already has it             14
    + RateLimited          wait ``retry_after`` seconds                          15
    + Unavailable          try again later                                       16
    + UnexpectedReply      the vendor changed its API, or this is not the vendor 17
    + OutcomeUnknown       a write was sent and no answer came; look first       18
  - Interrupted            Ctrl-C; progress is kept                             130

No message holds a header, a body, a query string or a secret.
"""

from __future__ import annotations

from typing import ClassVar, NamedTuple

DEFAULT_ACCOUNT = "default"


def login_command(provider: str, account: str = "") -> str:
    """Return the command that logs an account in, or in again: what many hints come down to."""
    return f"mktool authorize {provider}{_account_flag(account)}"


def _account_flag(account: str) -> str:
    return "" if account in ("", DEFAULT_ACCOUNT) else f" --account {account}"


class MktoolError(Exception):
    """Base class: caught at the edge (terminal, HTTP) and nowhere else."""

    code: ClassVar[str] = "error"
    exit_code: ClassVar[int] = 1
    default_hint: ClassVar[str] = ""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint or self.default_hint


class InvalidInput(MktoolError):
    """What was asked for breaks a rule; nothing was sent."""

    code = "invalid_input"
    exit_code = 2


class ConfigError(MktoolError):
    """The configuration is missing a value or holds a wrong one."""

    code = "config"
    exit_code = 3


class StorageError(ConfigError):
    """The disk refused a write, or a file of ours cannot be read."""

    code = "storage"


class Busy(StorageError):
    """Another mktool process holds what this one needs."""

    code = "busy"
    default_hint = "wait for the other process to end, then run the command again"


class VaultError(MktoolError):
    """The credential store cannot be used."""

    code = "vault"
    exit_code = 4
    default_hint = "mktool doctor"


class VaultUnreachable(VaultError):
    """There is no such store here; another store may be used."""

    code = "vault_unreachable"


class VaultLocked(VaultError):
    """The store is there and locked."""

    code = "vault_locked"


class VaultTimeout(VaultError):
    """The store did not answer in time."""

    code = "vault_timeout"


class VaultNoKey(VaultError):
    """The encrypted file needs a key and none was given."""

    code = "vault_no_key"


class VaultWrongKey(VaultError):
    """The encrypted file was written with another key."""

    code = "vault_wrong_key"


class VaultTampered(VaultError):
    """A record was altered or moved."""

    code = "vault_tampered"


class Unsupported(MktoolError):
    """The provider does not offer this; nothing was sent."""

    code = "unsupported"
    exit_code = 5
    default_hint = "mktool providers"


class Partial(MktoolError):
    """Some items went, some did not."""

    code = "partial"
    exit_code = 6
    default_hint = "run the same command again: what has gone is not sent twice"


class NeedsLogin(MktoolError):
    """There is no usable credential for this account."""

    code = "needs_login"
    exit_code = 11


class Interrupted(MktoolError):
    """Stopped by Ctrl-C or SIGTERM; progress is kept."""

    code = "interrupted"
    exit_code = 130
    default_hint = "run the same command again to go on"


class Context(NamedTuple):
    """Where a failure happened. Holds no credential, no query and no body."""

    provider: str
    account: str = ""
    operation: str = ""
    status: int | None = None
    vendor_code: str = ""
    request_id: str = ""


class ProviderError(MktoolError):
    """The vendor answered with a failure, or did not answer."""

    code = "provider"
    exit_code = 10

    def __init__(
        self,
        message: str,
        context: Context,
        *,
        hint: str = "",
        retry_after: float | None = None,
    ) -> None:
        filled = (hint or self.default_hint).format(
            provider=context.provider, account=_account_flag(context.account)
        )
        super().__init__(message, hint=filled)
        self.context = context
        self.retry_after = retry_after

    def __str__(self) -> str:
        status = f" ({self.context.status})" if self.context.status else ""
        where = f"{self.context.provider} {self.context.operation}".strip()
        return f"{where}{status}: {self.message}"


class Unauthorized(ProviderError):
    """The credential is wrong, expired or revoked."""

    code = "unauthorized"
    exit_code = 11
    default_hint = "mktool authorize {provider}{account}"


class Forbidden(ProviderError):
    """The credential is valid but lacks a scope, a role or a plan."""

    code = "forbidden"
    exit_code = 12
    default_hint = "mktool test-integration {provider}{account}"


class NotFound(ProviderError):
    """The target does not exist or is hidden from this account."""

    code = "not_found"
    exit_code = 13
    default_hint = "check the id or name, and that {provider} shows it to this account"


class Rejected(ProviderError):
    """The vendor refused the content."""

    code = "rejected"
    exit_code = 14
    default_hint = "change what the vendor's words name, then run it again"


class Duplicate(Rejected):
    """The same content is already there."""

    code = "duplicate"
    default_hint = "it is there already; to publish it once more, change the text"


class RateLimited(ProviderError):
    """Too many calls: refused, so it did not happen. ``retry_after`` is in seconds."""

    code = "rate_limited"
    exit_code = 15
    default_hint = "mktool limits"


class Unavailable(ProviderError):
    """The vendor is down or was not reached; nothing was written."""

    code = "unavailable"
    exit_code = 16
    default_hint = "try again later; mktool doctor checks proxy and TLS settings"


class UnexpectedReply(ProviderError):
    """The reply does not have the documented shape."""

    code = "unexpected_reply"
    exit_code = 17
    default_hint = "check base_url and proxy (mktool doctor); else the vendor changed its API"


class OutcomeUnknown(ProviderError):
    """A write was sent and its answer is lost: it may have happened."""

    code = "outcome_unknown"
    exit_code = 18
    default_hint = "look at the account, then: mktool outbox, mktool settle ID --sent|--not-sent"
