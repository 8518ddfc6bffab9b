"""Notion: https://developers.notion.com/reference (read 2026-11, versions 2025-09-03 and later)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from .. import errors as e
from ..capability import CanCheck, CanExport, CanFind, CanLocate
from ..http.auth import HeaderKey, OAuth2
from ..model import Account, Post, Posted
from ..provider import Provider
from ..records import Found
from ..report import Export, Piece, Report
from ..spec import Endpoint, Field, Limit, Rule, Spec
from ..text import meeting
from . import _notion_find as finding
from ._notion_blocks import named, requests
from ._notion_place import id_in, parent, properties

CREATE = Endpoint("create page", "POST", "/v1/pages", timeout=60.0)
APPEND = Endpoint("append", "PATCH", "/v1/blocks/{}/children", timeout=60.0)
API = "https://api.notion.com"
APPS = "https://www.notion.so/profile/integrations"
PARENT_FROM = "--set parent=URL, $MKTOOL_NOTION_PARENT, or parent in [providers.notion]"


class Notion(Provider, CanCheck, CanExport, CanLocate, CanFind):
    spec = Spec(
        name="notion", title="Notion", docs="https://developers.notion.com/reference",
        base_url=API,
        auth=(HeaderKey("token"),
              # Redirect addresses are compared exactly: /docs/authorization
              OAuth2(f"{API}/v1/oauth/authorize", f"{API}/v1/oauth/token", (), pkce=False,
                     revoke_url=f"{API}/v1/oauth/revoke", client_auth="basic", token_body="json",
                     redirect_host="localhost", redirect_ports=(18920, 18921, 18922),
                     authorize_params={"owner": "user"})),
        fields=(
            Field("token", "secret of an internal integration (ntn_…)", True,
                  pattern=r"(ntn|secret)_\S+", env=("NOTION_TOKEN", "NOTION_API_KEY")),
            Field("client_id", "or the client id of a public one", env=("NOTION_CLIENT_ID",)),
            Field("client_secret", "its client secret", True, env=("NOTION_CLIENT_SECRET",)),
            Field("access_token", "a token of a public one", True),
            Field("parent", "the page or database that reports go to: its address or id"),
            Field("api_version", "version of the API: 2025-09-03, or 2026-03-11",
                  pattern=r"20\d\d-\d\d-\d\d", default="2025-09-03")),
        headers={"Notion-Version": "{api_version}"},
        limits=(Limit(3, 1.1),),  # "an average of three", and its plan's own: /request-limits
        error_code=("code",), error_text=("message",), exports=("page",), patience=60.0,
        request_id=("x-notion-request-id", "x-request-id"), finds=("page", "database", "user"),
        rules=(
            # Which of three kinds of things an id is, the refusals of the other two tell.
            Rule(None, 404, code="object_not_found", operation="as a .*"),
            Rule(None, 400, code="validation_error", operation="as a .*"),
            Rule(None, 403, code="restricted_resource", operation="owners"),
            # Both say that nothing was done: notion-sdk-js repeats them whatever was asked.
            Rule(e.RateLimited, 529, code="service_overload"),
            Rule(e.Unavailable, 409, code="conflict_error"),
            Rule(e.NotFound, 404, code="object_not_found",
                 hint="share it with the integration: ••• > Connections"),
            Rule(e.Forbidden, 403, hint=f"give the integration that capability: {APPS}")),
        setup=f"""\
1. {APPS}: make an internal integration that may read, insert and update content
   (and read user information with addresses, to mention people).
2. On the page or database that reports go to: ••• > Connections > that integration.
3. mktool authorize notion --field parent=ADDRESS (paste the integration's secret)
4. mktool test-integration notion
   A public integration logs in by browser: redirect URIs http://localhost:18920/callback, 18921
   and 18922, its client id and secret as --field client_id=… and $NOTION_CLIENT_SECRET.""",
    )  # fmt: skip

    def check(self) -> Account:
        me = self.client.call(finding.ME)
        space = str(me.get("bot.workspace_name") or "")
        name = str(me.get("name") or "an integration")
        told = {"workspace": space} if space else {}
        return Account(me.need("id"), f"{name} in {space}" if space else name, details=told)

    def pieces(self, export: Export, /) -> Sequence[Piece]:
        wanted = export.extra.get("parent") or self.client.options.get("parent", "")
        if not (id := id_in(wanted)):
            what = f"{wanted!r} is not the address of a page" if wanted else "no page to write to"
            raise e.InvalidInput(f"Notion: {what} or database", hint=PARENT_FROM)
        first, *more = requests(export)
        page = {"parent": id, "title": " ".join(export.report.title.split()), "children": first,
                "usual": _usual(export.report), "fields": dict(export.fields.get("page", {})),
                "extra": dict(export.extra)}  # fmt: skip
        return [Piece("page", page), *(Piece("append", {"children": part}) for part in more)]

    def write(self, piece: Piece, before: Sequence[Posted], /) -> Posted:
        children = named(piece.body["children"], self._id_of)
        if piece.kind == "append":
            return self._append(children, before)
        held, where = piece.body, parent(self.client, piece.body["parent"])
        filled = properties(where, held["title"], held["usual"], held["fields"], self._id_of)
        page = {"parent": where.ref, "properties": filled, "children": children}
        over = Post("", extra=held["extra"]).over(page, without=("parent",))
        done = self.client.call(CREATE, json=over)
        return _page(done.need("id"), done.get("url"), len(children))

    def _append(self, children: list[Any], before: Sequence[Posted]) -> Posted:
        done = self.client.call(APPEND, before[0].id, json={"children": children})
        return _appended(done.need("results.0.id"), before, len(children))

    def locate(
        self, piece: Piece, before: Sequence[Posted], since: float, known: frozenset[str], /
    ) -> Posted | None:
        children = piece.body["children"]
        if piece.kind == "append":
            rows = finding.children(self.client, before[0].id)
            at = finding.position(rows, children, int(before[-1].ref.get("count", 0)))
            return None if at is None else _appended(rows[at].need("id"), before, len(children))
        where = parent(self.client, piece.body["parent"])
        for page in finding.page_since(self.client, where, piece.body["title"], since):
            if (id := page.need("id")) not in known:
                return _page(id, page.get("url"), len(children))
        return None

    def find(self, kind: str, term: str, /) -> Iterator[Found]:
        return finding.find(self.client, kind, term)

    @cached_property
    def _people(self) -> Mapping[str, str]:
        return finding.people(self.client)

    @property
    def _id_of(self) -> Callable[[str], str]:
        return lambda email: self._people.get(email.lower(), "")


def _usual(report: Report) -> dict[str, str]:
    times = [at.isoformat() for at in (report.start, report.end) if at]
    emails = ",".join(p.email for p in report.participants if p.email)
    return {"when": "/".join(times) if report.start else "", "emails": emails,
            "names": meeting.people(report), "link": report.link}  # fmt: skip


def _page(id: str, url: Any, count: int) -> Posted:
    """``count``: how many blocks the page holds, which tells where the next are to be found."""
    return Posted(id, str(url or ""), {"count": str(count)})


def _appended(id: str, before: Sequence[Posted], count: int) -> Posted:
    url = f"{before[0].url}#{id.replace('-', '')}" if before[0].url else ""
    return Posted(id, url, {"count": str(int(before[-1].ref.get("count", 0)) + count)})


PROVIDER = Notion
