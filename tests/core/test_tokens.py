"""Renewing rotating tokens: once among all processes, never lost, never shown."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from mktool import errors as e
from mktool.core.tokens import EnvironmentCredential, StoredCredential
from mktool.http.target import Target
from mktool.model import Login, Secret
from mktool.store import accounts
from mktool.store.accounts import Home
from mktool.store.locks import lock, lock_path
from mktool.store.vault import open_vault
from tests.core.toy import Place
from tests.oauth_server import CONFIDENTIAL, PUBLIC, OAuthServer, serving
from tests.peers import answer, answers, python

KILLS = 20
LOGIN = """
import sys
from tests.core.toy import login_elsewhere
login_elsewhere(*sys.argv[1:])
"""
RENEW_FOR_EVER = """
import sys, threading
from tests.core.toy import Place
threading.Thread(target=threading.Event().wait, daemon=True).start()
place = Place(sys.argv[1])
credential = place.credential()
print("renewing", flush=True)
while True:
    credential.renew(credential.login())
"""
NO_ROOM = """
import resource, sys
from mktool.errors import StorageError
from tests.core.toy import Place
credential = Place(sys.argv[1]).credential()
resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
try:
    credential.login()
except StorageError as error:
    print(error.code)
"""


@pytest.fixture
def connected(place: Place) -> Place:
    place.connect()
    return place


class TestValidToken:
    def test_login_has_token_and_secrets_but_no_refresh_token(self, connected: Place) -> None:
        login = connected.credential().login()
        assert set(login.secrets) == {"access_token", "client_secret"}
        assert login.options["client_id"] == CONFIDENTIAL

    def test_token_is_accepted_by_the_server(
        self, connected: Place, oauth_server: OAuthServer
    ) -> None:
        assert oauth_server.accepts(connected.credential().login().value("access_token"))

    def test_a_valid_token_needs_neither_lock_nor_server(
        self, connected: Place, oauth_server: OAuthServer
    ) -> None:
        before = oauth_server.counts()
        with lock(lock_path(connected.key), 1):  # held: a slow path would wait 90 s
            connected.credential().login()
        assert oauth_server.counts() == before

    def test_the_vault_is_read_once(self, connected: Place) -> None:
        credential = connected.credential()
        first = credential.login()
        connected.vault.delete(connected.key)
        assert credential.login().generation == first.generation


class TestRenewal:
    def test_an_expired_token_is_renewed(self, connected: Place, oauth_server: OAuthServer) -> None:
        before = connected.record()
        connected.expire()
        login = connected.credential().login()
        after = connected.record()
        assert login.generation == after.generation == before.generation + 1
        assert oauth_server.accepts(login.value("access_token"))
        assert before.tokens
        assert after.tokens
        assert after.tokens.refresh != before.tokens.refresh
        assert after.pending is None

    def test_a_token_is_renewed_a_little_early(self, connected: Place) -> None:
        before = connected.record()  # it lives for 600 s, so early is a quarter of that
        connected.change(expires_at=time.time() + 160)
        assert connected.credential().login().generation == before.generation
        connected.change(expires_at=time.time() + 140)
        assert connected.credential().login().generation == before.generation + 1

    def test_a_token_in_memory_is_renewed_too(self, connected: Place) -> None:
        credential = connected.credential()
        first = credential.login()
        connected.now = lambda: time.time() + 599
        assert credential.login().generation == first.generation + 1

    def test_the_list_of_accounts_follows(self, connected: Place) -> None:
        before = connected.entry()
        connected.expire()
        connected.credential().login()
        after = connected.entry()
        assert after.expires_at == connected.record().expires_at
        assert after.fingerprint != before.fingerprint
        assert after.created_at == before.created_at
        assert after.updated_at > before.updated_at

    def test_refused_twice_renewed_once(self, connected: Place, oauth_server: OAuthServer) -> None:
        one, other = connected.credential(), connected.credential()
        old = one.login()
        assert other.login().generation == old.generation
        before = oauth_server.counts()["refreshed"]
        newer = [c.renew(old) for c in (one, other)]
        assert [x.generation for x in newer if x] == [old.generation + 1] * 2
        assert oauth_server.counts()["refreshed"] == before + 1

    def test_a_public_app_renews_without_a_secret(self, place: Place) -> None:
        place.connect(PUBLIC)
        place.expire()
        assert place.credential().login().has("access_token")

    def test_renewals_are_journaled_apart_from_acts(self, connected: Place) -> None:
        connected.expire()
        connected.exchange.scope = connected.exchange.scope._replace(act=7)
        connected.credential().login()
        assert connected.calls() == [("login", "ok"), ("refresh", "ok")]
        rows = connected.ledger.db.execute("select act, url from calls").fetchall()
        assert rows == [(0, f"{connected.url}/token")] * 2


@pytest.fixture(params=["file", "keyring"])
def shared(
    request: pytest.FixtureRequest, oauth_server: OAuthServer, vault_key: None
) -> Iterator[Place]:
    """A connected account in each of the two vaults; the keyring is a real one."""
    home: Home = request.param
    if home == "keyring":
        request.getfixturevalue("secret_service")
    place = Place(oauth_server.url, home)
    place.connect()
    yield place
    place.close()


class TestProcesses:
    def test_eight_processes_renew_once(self, shared: Place, oauth_server: OAuthServer) -> None:
        for _ in range(3):
            shared.expire()
            before = oauth_server.counts()
            found = answers([python(LOGIN, shared.url, shared.home) for _ in range(8)])
            after = oauth_server.counts()
            assert after["refreshed"] == before["refreshed"] + 1
            assert after["refused"] == before["refused"]
            assert len(set(found)) == 1
            tokens = shared.record().tokens
            assert tokens
            assert json.loads(found[0])[1] == tokens.access.fingerprint()
            assert oauth_server.accepts(tokens.access.reveal())


class TestSignals:
    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    def test_no_grant_is_lost(self, vault_key: None, number: signal.Signals) -> None:
        # The server has rotated the token 30 ms before its answer is out.
        with serving({"answerDelayMs": 30}) as server:
            place = Place(server.url)
            place.connect()
            for _ in range(KILLS // 2):
                child = python(RENEW_FOR_EVER, server.url)
                assert child.stdout
                assert child.stdout.readline() == "renewing\n"
                time.sleep(random.uniform(0.01, 0.12))
                child.send_signal(number)
                child.communicate(timeout=20)
                assert child.returncode == -number
                assert not place.record().pending
            place.expire()
            assert server.accepts(place.credential().login().value("access_token"))
            counts = server.counts()
            place.close()
        assert counts["refreshed"] > 0
        assert counts["refused"] == counts["revoked"] == 0


class TestFailures:
    def test_no_room_to_write_spends_nothing(
        self, connected: Place, oauth_server: OAuthServer
    ) -> None:
        connected.expire()
        before = oauth_server.counts()
        assert answer(NO_ROOM, connected.url) == "storage"
        assert oauth_server.counts() == before
        assert oauth_server.accepts(connected.credential().login().value("access_token"))

    def test_a_spent_token_is_dead_and_asked_about_once(
        self, connected: Place, oauth_server: OAuthServer
    ) -> None:
        spent = connected.vault.get(connected.key)
        assert spent
        connected.expire()
        connected.credential().login()
        connected.vault.put(connected.key, {**spent, "expires_at": 1.0})
        before = oauth_server.counts()["requests"]
        for _ in range(3):
            with pytest.raises(e.NeedsLogin, match=r"Toy: .*grant") as caught:
                connected.credential().login()
            assert caught.value.hint == "mktool authorize toy"
        assert oauth_server.counts()["requests"] == before + 1

    def test_a_dead_record_is_kept_and_listed(self, connected: Place) -> None:
        connected.change(refresh_token="unknown", expires_at=1.0)
        with pytest.raises(e.NeedsLogin):
            connected.credential().login()
        assert connected.record().dead
        assert connected.record().tokens
        assert accounts.state(connected.entry(), time.time(), 0) == "auth_failed"

    def test_a_lost_answer_is_said_so(self, connected: Place) -> None:
        pending = [1_790_000_000.0, 4711]
        connected.change(refresh_token="spent", expires_at=1.0, pending=pending)
        with pytest.raises(e.NeedsLogin, match=r"interrupted at 2026-09-21 .* answer was lost"):
            connected.credential().login()

    def test_logging_in_again_revives(self, connected: Place) -> None:
        generation = connected.record().generation
        connected.change(dead="because", expires_at=1.0)
        connected.connect()
        assert connected.credential().login().generation > generation
        assert not connected.entry().dead

    def test_no_server_keeps_token_and_mark(self, vault_key: None) -> None:
        with serving() as server:
            place = Place(server.url)
            place.connect()
        before = place.record()
        place.expire()
        with pytest.raises(e.Unavailable):
            place.credential().login()
        after = place.record()
        place.close()
        assert before.tokens
        assert after.tokens
        assert after.tokens.refresh == before.tokens.refresh
        assert after.pending
        assert after.pending.pid == os.getpid()
        assert not after.dead

    def test_no_server_does_not_spoil_a_token_that_is_still_good(self, vault_key: None) -> None:
        with serving() as server:
            place = Place(server.url)
            place.connect()
        place.change(expires_at=time.time() + 60)
        credential = place.credential()
        generations = {credential.login().generation for _ in range(5)}
        refreshes = [c for c in place.calls() if c[0] == "refresh"]
        assert generations == {place.record().generation}
        assert refreshes == [("refresh", "unsent")]  # and not one for each of the five
        with pytest.raises(e.Unavailable):
            credential.renew(credential.login())
        place.close()

    def test_a_refused_app_does_not_kill_the_grant(self, connected: Place) -> None:
        fields = {"client_secret": "canary-wrong-secret"}
        connected.change(fields=fields, expires_at=1.0)
        with pytest.raises(e.Unauthorized) as caught:
            connected.credential().login()
        assert "client_secret" in caught.value.hint
        assert not connected.record().dead
        assert not connected.record().pending

    def test_an_expired_token_that_cannot_be_renewed(self, connected: Place) -> None:
        before = connected.exchange.clock()
        connected.change(refresh_token=None, expires_at=before + 30)
        assert connected.credential().login()  # good to its last second
        connected.change(expires_at=before - 1)
        with pytest.raises(e.NeedsLogin, match="expired"):
            connected.credential().login()

    def test_a_credential_that_is_gone(self, connected: Place) -> None:
        connected.vault.delete(connected.key)
        with pytest.raises(e.NeedsLogin, match="gone from the file"):
            connected.credential().login()

    def test_a_vault_out_of_reach_is_not_a_missing_login(self, connected: Place) -> None:
        entry = replace(connected.entry(), home="keyring")  # and there is no session bus
        vault = open_vault("keyring")
        credential = StoredCredential(
            connected.spec, connected.target, connected.exchange, vault, entry
        )
        with pytest.raises(e.VaultUnreachable, match="toy:default lives in the keyring"):
            credential.login()

    @pytest.mark.parametrize(
        "damage",
        [
            {"fields": None},
            {"pending": 3},
            {"access_token": 5},
            {"v": 2},
            {"scopes": 1},
            {"expires_at": "soon"},
            {"fields": {"a": 1}},
        ],
    )
    def test_a_record_of_another_shape(self, connected: Place, damage: dict[str, object]) -> None:
        connected.change(**damage)
        with pytest.raises(e.VaultError):
            connected.credential().login()


class TestOrigin:
    def test_a_token_is_not_sent_elsewhere(
        self, connected: Place, oauth_server: OAuthServer
    ) -> None:
        connected.expire()
        before = oauth_server.counts()
        connected.target = Target(connected.url, override="https://elsewhere.test")
        with pytest.raises(e.NeedsLogin, match=r"authorized for .* points to https://elsewhere"):
            connected.credential().login()
        assert oauth_server.counts() == before

    def test_changing_the_list_of_accounts_does_not_help(self, connected: Place) -> None:
        connected.target = Target(connected.url, override="https://elsewhere.test")
        accounts.save(replace(connected.entry(), origin="https://elsewhere.test"))
        with pytest.raises(e.NeedsLogin, match="authorized for"):
            connected.credential().login()


class TestWithoutRefreshTokens:
    def test_a_key_is_read_and_never_renewed(self, place: Place) -> None:
        place.authorize({"api_key": "canary_key"}, place.person())
        login = place.credential().login()
        assert login.value("api_key") == "canary_key"
        assert place.credential().renew(login) is None
        assert place.calls() == []

    def test_client_credentials_are_traded_again(
        self, place: Place, oauth_server: OAuthServer
    ) -> None:
        fields = {"client_id": CONFIDENTIAL, "client_secret": "canary+secret/of the app%"}
        place.authorize(fields, place.person(), flow="client-credentials")
        first = place.credential().login()
        place.expire()
        second = place.credential().login()
        assert second.generation == first.generation + 1
        assert second.secrets["access_token"] != first.secrets["access_token"]
        assert place.entry().refreshable

    def test_the_environment_is_read_only(self) -> None:
        credential = EnvironmentCredential({"team": "a"}, {"api_key": Secret("k")})
        assert credential.login() == Login({"team": "a"}, {"api_key": Secret("k")})
        credential.renew(credential.login())
        assert credential.login() is credential.login()


class TestLeaks:
    def test_tokens_are_in_the_vault_and_nowhere_else(
        self, connected: Place, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
    ) -> None:
        caplog.set_level("DEBUG")
        seen = _secrets(connected)
        connected.expire()
        credential = connected.credential()
        credential.login()
        seen |= _secrets(connected)
        connected.change(refresh_token="canary-unknown-token", expires_at=1.0)
        with pytest.raises(e.NeedsLogin) as caught:
            connected.credential().login()
        seen.add("canary-unknown-token")
        shown = [
            caplog.text, *capfd.readouterr(), *connected.said, _chain(caught.value),
            repr(credential), repr(connected.record()), repr(connected.entry()),
        ]  # fmt: skip
        files = [p.read_bytes() for p in Path(os.environ["MKTOOL_HOME"]).rglob("*") if p.is_file()]
        assert len(files) > 4
        for secret in seen:
            assert not any(secret in text for text in shown)
            assert not any(secret.encode() in data for data in files)


def _secrets(place: Place) -> set[str]:
    record = place.record()
    assert record.tokens
    assert record.tokens.refresh
    return {
        record.tokens.access.reveal(),
        record.tokens.refresh.reveal(),
        record.fields["client_secret"].reveal(),
    }


def _chain(error: BaseException | None) -> str:
    texts = []
    while error is not None:
        texts.append(f"{error!r} {error} {vars(error)}")
        error = error.__context__
    return "\n".join(texts)
