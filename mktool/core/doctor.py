"""
What may be wrong with an installation, found without the network and without a secret.

Each check looks at one thing and says what to do about it. A check never repairs, and one
that fails itself is a finding, so that the others are still seen.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from .. import providers
from ..errors import MktoolError, login_command
from ..spec import DAY, MB, MINUTE
from ..store import accounts, config, vault
from ..store.config import SETTINGS, Config
from ..store.locks import Holder, holder, lock_path
from ..store.paths import config_dir, data_dir
from ..store.vault.environment import environment_sources, variable
from .settings import Settings, ledger_path, options_of, target_of

State = Literal["ok", "warning", "problem"]

# Ours, and neither a setting nor a provider's field.
OWN_VARIABLES = frozenset({
    "MKTOOL_HOME", "MKTOOL_CONFIG", "MKTOOL_SANDBOX", "MKTOOL_REHEARSAL", "MKTOOL_VAULT_KEY",
    "MKTOOL_VAULT_KEY_FILE", "MKTOOL_VAULT_PASSPHRASE", "MKTOOL_STRICT", "MKTOOL_SPECS",
})  # fmt: skip
PROXIES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY")
LEAST_SPACE = 100 * MB
LATE = 10 * MINUTE


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; ``hint`` says what to do unless it is ok."""

    check: str
    state: State
    detail: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Patient:
    """What is examined: the file of ``--config`` (None: the usual one), environment, time."""

    file: Path | None
    environ: Mapping[str, str]
    now: float

    def config(self) -> Config:
        return config.load(self.file, self.environ)


def examine(
    file: Path | None = None, environ: Mapping[str, str] | None = None, now: float | None = None
) -> list[Finding]:
    """Return what every check found, in a fixed order; nothing is changed or sent."""
    patient = Patient(
        file,
        dict(os.environ if environ is None else environ),
        time.time() if now is None else now,
    )
    found: dict[str, Finding] = {}
    for finding in (f for check in CHECKS for f in _guarded(check, patient)):
        found.setdefault(finding.detail, finding)  # a broken file stops several checks
    return list(found.values())


def _guarded(check: Callable[[Patient], Iterator[Finding]], patient: Patient) -> list[Finding]:
    name = check.__name__.strip("_").replace("_", "-")
    found: list[Finding] = []
    try:
        found.extend(check(patient))
    except MktoolError as error:
        found.append(Finding(name, "problem", error.message, error.hint or "mktool help config"))
    except OSError as error:
        detail = f"{error.filename or name}: {error.strerror or type(error).__name__}"
        found.append(Finding(name, "problem", detail, f"ls -ld {error.filename or '.'}"))
    except Exception as error:  # our bug: the other checks are still wanted
        found.append(Finding(name, "problem", f"the check failed: {type(error).__name__}",
                             "please report this line"))  # fmt: skip
    return found


# -- settings ----------------------------------------------------------------------------------


def _config(patient: Patient) -> Iterator[Finding]:
    loaded = patient.config()
    for setting in SETTINGS:
        loaded.get(setting.section, setting.key)  # raises where the value is wrong
    found = loaded.path.exists()
    yield Finding("config", "ok", str(loaded.path) if found else f"none at {loaded.path}")
    for name in loaded.data.get("providers", {}):
        yield from _provider_section(loaded, name)


def _provider_section(loaded: Config, name: str) -> Iterator[Finding]:
    where = f"{loaded.path}: [providers.{name}]"
    if name not in providers.names():
        yield Finding(
            "config", "warning", f"{where}: no such provider", _near(name, providers.names())
        )
        return
    known = ["base_url", *(f.name for f in providers.load(name).spec.fields)]
    for key in loaded.provider(name):
        if key not in known:
            yield Finding("config", "warning", f"{where} {key}: not read", _near(key, known))


def _address(patient: Patient) -> Iterator[Finding]:
    """Where the providers lead, if not to the vendor."""
    settings = Settings(patient.config(), patient.environ)
    for spec in providers.specs():
        target = target_of(settings, spec)
        if target.override:
            yield Finding("address", "warning", f"{spec.name} leads to {target.origin}",
                          f"unset {variable(spec.name, 'base_url')}, or base_url in config.toml, "
                          "unless you mean it")  # fmt: skip
    if patient.environ.get("MKTOOL_SANDBOX"):
        yield Finding("address", "warning", "MKTOOL_SANDBOX is set: nothing reaches a vendor",
                      "unset MKTOOL_SANDBOX")  # fmt: skip


def _environment(patient: Patient) -> Iterator[Finding]:
    known = set(OWN_VARIABLES) | {setting.env for setting in SETTINGS}
    for spec in providers.specs():
        known.add(variable(spec.name, "base_url"))
        known |= {variable(spec.name, field.name) for field in spec.fields}
        known |= {variable(spec.name, need) for scheme in spec.auth for need in scheme.needs}
        given = environment_sources(spec, patient.environ)
        if given:
            names = ", ".join(sorted(given.values()))
            yield Finding("environment", "ok", f"{spec.name}: {names}")
    for name in sorted(patient.environ):
        if name.startswith("MKTOOL_") and name not in known:
            yield Finding("environment", "warning", f"{name} is not read", _near(name, known))


# -- credentials -------------------------------------------------------------------------------


def _vault(patient: Patient) -> Iterator[Finding]:
    found = vault.status()
    for one in found:
        if not one.problem:
            note = f", key from {one.key}" if one.key else ""
            state: State = "warning" if one.warning else "ok"
            detail = f"{one.home}: {one.accounts} accounts in {one.where}{note}"
            yield Finding("vault", state, "; ".join(filter(None, (detail, one.warning))),
                          "keep the key in another folder" if one.warning else "")  # fmt: skip
        elif one.accounts:
            detail = f"{one.home}: {one.accounts} accounts, and {one.problem}"
            yield Finding("vault", "problem", detail, one.hint)
    if all(one.problem and not one.accounts for one in found):
        reasons = "; ".join(f"{one.home}: {one.problem}" for one in found)
        hint = next((one.hint for one in reversed(found) if one.hint), "")
        yield Finding("vault", "warning", f"no place for credentials: {reasons}", hint)


def _accounts(patient: Patient) -> Iterator[Finding]:
    entries = accounts.read_all()
    if not entries:
        yield Finding("accounts", "ok", "none yet")
    settings = Settings(patient.config(), patient.environ)
    oldest = float(settings.config.get("accounts", "key_age_days"))
    for entry in entries:
        if entry.provider not in providers.names():
            yield Finding("accounts", "warning", f"{entry.key}: its provider is not installed")
            continue
        spec = providers.load(entry.provider).spec
        yield _account(entry, patient.now, oldest)
        options = options_of(settings, spec, entry, environment=False)
        origin = target_of(settings, spec).at(options).origin
        if entry.origin != origin:
            yield Finding("accounts", "warning",
                          f"{entry.key} was authorized for {entry.origin}, not for {origin}",
                          _login_again(entry))  # fmt: skip


def _account(entry: accounts.Entry, now: float, oldest: float) -> Finding:
    state = accounts.state(entry, now)
    if state in ("expired", "auth_failed"):
        detail = f"{entry.key}: {state.replace('_', ' ')} {entry.dead}".rstrip()
        return Finding("accounts", "problem", detail, _login_again(entry))
    if state == "expiring" and entry.expires_at is not None:
        days = (entry.expires_at - now) / DAY
        return Finding("accounts", "warning", f"{entry.key}: expires in {days:.0f} days",
                       _login_again(entry))  # fmt: skip
    age = (now - entry.updated_at) / DAY
    if entry.expires_at is None and age > oldest:
        return Finding("accounts", "warning", f"{entry.key}: its key is {age:.0f} days old",
                       f"make a new one at the vendor, then {_login_again(entry)}")  # fmt: skip
    return Finding("accounts", "ok", f"{entry.key}: {state}, in the {entry.home}")


def _login_again(entry: accounts.Entry) -> str:
    return login_command(entry.provider, entry.account)


# -- files -------------------------------------------------------------------------------------


def _ledger(patient: Patient) -> Iterator[Finding]:
    path = ledger_path()
    if not path.exists():
        yield Finding("ledger", "ok", f"none yet at {path}")
        return
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=5)) as db:
            yield from _ledger_inside(db, path, patient.now)
    except sqlite3.Error as error:
        yield Finding("ledger", "problem", f"{path}: {error}",
                      "keep it, it is the record of what went out; put a backup back, or "
                      f"mv {path} {path}.broken")  # fmt: skip


def _ledger_inside(db: sqlite3.Connection, path: Path, now: float) -> Iterator[Finding]:
    from ..store.migrations import version

    version(db)
    (answer,) = db.execute("pragma integrity_check").fetchone()
    if answer != "ok":
        yield Finding("ledger", "problem", f"{path}: {answer}", "put a backup back")
        return
    calls, last = db.execute("select count(*), max(at) from calls").fetchone()
    yield Finding("ledger", "ok", f"{path}: {calls:,} calls, {path.stat().st_size / MB:.1f} MB")
    if last and last > now + MINUTE:
        yield Finding("clock", "warning", "the newest entry of the ledger lies in the future",
                      "set the clock: limits and due times depend on it")  # fmt: skip
    (unknown,) = db.execute("select count(*) from acts where state = 'unknown'").fetchone()
    if unknown:
        yield Finding("outbox", "warning", f"{unknown} acts with an unknown outcome",
                      "mktool outbox, then mktool settle ID --sent|--not-sent")  # fmt: skip
    (late,) = db.execute(
        "select count(*) from acts where state = 'scheduled' and due < ?", (now - LATE,)
    ).fetchone()
    if late:
        yield Finding("schedule", "warning", f"{late} scheduled posts are overdue",
                      "let cron call mktool run-due every minute")  # fmt: skip


def _files(patient: Patient) -> Iterator[Finding]:
    if sys.platform == "win32":
        return
    wrong = list(_exposed())
    yield from wrong
    if not wrong:
        yield Finding("files", "ok", f"{data_dir()}: nobody else can read it")
    place = next(p for p in (data_dir(), *data_dir().parents) if p.exists())
    if (free := shutil.disk_usage(place).free) < LEAST_SPACE:
        yield Finding("files", "warning", f"{free / MB:.0f} MB are left on the disk of {place}",
                      "free some space: what cannot be recorded is not sent")  # fmt: skip


def _exposed() -> Iterator[Finding]:
    data, settings = data_dir(), config_dir()
    inside = [p for p in data.rglob("*") if not p.is_symlink()] if data.exists() else []
    for path in (data, *inside):
        if path.exists() and (reason := _reach(path.stat(), 0o077)):
            mode = "700" if path.is_dir() else "600"
            yield Finding("files", "problem", f"{path} {reason}", f"chmod {mode} {path}")
    for path in (settings, settings / "config.toml"):
        if settings != data and path.exists() and (reason := _reach(path.stat(), 0o022)):
            yield Finding("files", "problem", f"{path} {reason}", f"chmod go-w {path}")


def _reach(found: os.stat_result, forbidden: int) -> str:
    if found.st_uid != os.geteuid():
        return f"belongs to user {found.st_uid}"
    others = stat.S_IMODE(found.st_mode) & forbidden
    if others & 0o022:
        return "can be written by others"
    return "can be read by others" if others else ""


# -- the machine -------------------------------------------------------------------------------


def _clock(patient: Patient) -> Iterator[Finding]:
    installed = os.stat(__file__).st_mtime
    if patient.now < installed - DAY:
        yield Finding("clock", "problem", "the clock is earlier than this installation",
                      "set the clock: tokens, signatures and due times depend on it")  # fmt: skip
    else:
        zone = time.strftime("%Z", time.localtime(patient.now))
        yield Finding("clock", "ok", time.strftime(f"%Y-%m-%d %H:%M {zone}"))


def _network(patient: Patient) -> Iterator[Finding]:
    environ = patient.environ
    wrong = [*_proxies(environ), *_certificates(environ)]
    yield from wrong
    if not wrong:
        used = [n for n in PROXIES if environ.get(n) or environ.get(n.lower())]
        yield Finding("network", "ok", f"proxy from {', '.join(used)}" if used else "no proxy")


def _proxies(environ: Mapping[str, str]) -> Iterator[Finding]:
    for name in PROXIES:
        value = environ.get(name) or environ.get(name.lower(), "")
        if value and not urlsplit(value if "://" in value else f"http://{value}").hostname:
            yield Finding("network", "problem", f"{name} is not an address",
                          "write http://HOST:PORT")  # fmt: skip


def _certificates(environ: Mapping[str, str]) -> Iterator[Finding]:
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        if (value := environ.get(name)) and not Path(value).exists():
            yield Finding("network", "problem", f"{name} names {value}, which is not there",
                          f"unset {name}, or name the file of your certificates")  # fmt: skip
    if environ.get("SSLKEYLOGFILE"):
        yield Finding("network", "warning", "SSLKEYLOGFILE is set; mktool does not follow it",
                      "unset SSLKEYLOGFILE: who reads that file reads all traffic")  # fmt: skip


def _start_up(patient: Patient) -> Iterator[Finding]:
    from importlib.util import cache_from_source, find_spec

    found = find_spec("httpx")
    source = found.origin if found else None
    if source and not os.path.exists(cache_from_source(source)):
        never = " (PYTHONDONTWRITEBYTECODE is set)" if sys.dont_write_bytecode else ""
        folder = Path(source).parent.parent
        yield Finding("start-up", "warning", f"the libraries are not compiled{never}",
                      f"{sys.executable} -m compileall -q {folder}")  # fmt: skip
    else:
        yield Finding("start-up", "ok", f"Python {sys.version.split()[0]}, libraries compiled")


def _run_due(patient: Patient) -> Iterator[Finding]:
    path = lock_path("run-due")
    who = holder(path)
    if who is None or not _is_here(who):
        return
    if not _is_alive(who.pid):
        yield Finding("run-due", "ok", f"a run was killed ({who}); the next one goes on")
    elif patient.now - who.since > LATE:
        yield Finding("run-due", "warning", f"held for long by {who}", f"see: ps {who.pid}")


def _is_here(who: Holder) -> bool:
    return not hasattr(os, "uname") or who.host == os.uname().nodename


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # another user's
        return True
    return True


def _near(word: str, known: set[str] | list[str]) -> str:
    close = get_close_matches(word, sorted(known), n=1)
    return f"did you mean {close[0]}?" if close else "mktool help environment"


CHECKS: tuple[Callable[[Patient], Iterator[Finding]], ...] = (
    _config, _address, _environment, _accounts, _vault, _files, _ledger, _clock, _network,
    _start_up, _run_due,
)  # fmt: skip
