"""Slack. Web API: https://docs.slack.dev/reference/methods (read 2026-09)."""

from __future__ import annotations

import re
from typing import Any

from .. import errors as e
from ..capability import CanCheck, CanSettle, CanThread
from ..http.auth import HeaderKey, UrlKey
from ..model import Account, Post, Posted
from ..spec import MB, MINUTE, Field, Files, Limit, Rule, Spec, Text
from ..text import blocks
from ..text.mrkdwn import from_markdown
from ._slack_chat import WEBHOOK, located, send
from ._slack_files import of, share
from ._slack_find import CHANNEL_FROM, WHOAMI, Place, by_webhook, place, wanted
from ._slack_reports import Reports

SCOPES = ("chat:write", "files:write", "channels:read", "groups:read", "im:write", "users:read",
          "users:read.email", "channels:history", "groups:history", "im:history")  # fmt: skip
APPS = "https://api.slack.com/apps"


class Slack(Reports, CanCheck, CanThread, CanSettle):
    spec = Spec(
        name="slack", title="Slack",
        docs="https://docs.slack.dev/apis/web-api/", base_url="https://slack.com/api",
        auth=(HeaderKey("bot_token", scopes=SCOPES),
              UrlKey("webhook_url", "https://hooks.slack.com/services/…")),
        fields=(
            Field("bot_token", "bot token of the app (xoxb-…)", True,
                  pattern=r"(xoxe\.)?xox[bp]-\S+", env=("SLACK_BOT_TOKEN",)),
            Field("webhook_url", "or an incoming webhook: one channel, text only", True,
                  env=("SLACK_WEBHOOK_URL",), pattern=r"(https://hooks\.slack(-gov)?\.com/services|"
                  r"http://(127\.0\.0\.1|localhost|\[::1\])(:\d+)?)/\S+"),
            Field("channel", "where to post: #name, ID or e-mail address", env=("SLACK_CHANNEL",)),
            Field("attach", "the report of a meeting as a file, with its transcript: file or none",
                  pattern="file|none", default="file"),
            Field("workspace", "https://NAME.slack.com, for links", pattern=r"https?://\S+")),
        # https://docs.slack.dev/apis/web-api/rate-limits; a tenth more, as the arrival counts.
        limits=(*(Limit(1, 1.1, bucket) for bucket in ("message", "webhook")),
                *(Limit(n, MINUTE, f"tier {tier}") for tier, n in ((2, 20), (3, 50), (4, 100)))),
        failed=("ok", False), error_code=("error",), error_text=("response_metadata.messages.0",),
        request_id=("x-slack-req-id",),
        rules=(
            # Whose address Slack does not know, or may not tell, is called by name.
            Rule(None, code="users_not_found|missing_scope", operation="owner"),
            # https://api.slack.com/changelog/2016-05-17-changes-to-errors-for-incoming-webhooks
            Rule(e.NotFound, operation="webhook", message="the webhook or its channel is gone",
                 code=r"no_service\w*|no_team|no_active_hooks|channel_(not_found|is_archived)",
                 hint=f"make a new one at {APPS}, then: mktool authorize {{provider}}{{account}}"),
            Rule(e.Unauthorized, code=r"invalid_(auth|token)|not_authed|token_\w+|account_\w+",
                 message="the token, or the webhook's address, is not valid (any more)"),
            Rule(e.Forbidden, code="missing_scope", hint=f"add it at {APPS}, reinstall the app",
                 message="the token lacks the scope {needed}; it has {provided}"),
            Rule(e.Forbidden, code="not_in_channel", message="the bot is not in the channel",
                 hint="write in that channel: /invite @BOT"),
            Rule(e.Forbidden, code=r"(restricted_action|access_denied|no_permission|ekm_access|"
                 r"not_allowed|posting_to|team_access|app_access|org_login|file_uploads)\w*"),
            Rule(e.NotFound, code="channel_not_found|invalid_channel", message="no such channel, or"
                 " a private one that the bot is not in", hint="write there: /invite @BOT"),
            Rule(e.NotFound, code=r"\w+_not_found|user_not_visible"),
            Rule(e.RateLimited, code="rate_?limited"),
            # In Slack's words, some of it may have succeeded before the error was raised.
            Rule(e.OutcomeUnknown, code="(fatal|internal)_error|service_unavailable")),
        # A text without blocks is cut at 4,000, all blocks together are refused above some 12,000:
        # https://github.com/slackapi/bolt-js/issues/2509 (2025-04).
        text=Text(12_000, "characters of mrkdwn", lambda text: len(from_markdown(text))),
        finds=("channel", "user"),
        files=Files(dict.fromkeys(("image", "gif", "video", "file"), (10, 1024 * MB)), frozenset(),
                    alt=1000, mixed=True),
        setup=f"""\
1. {APPS}: make an app (From scratch; no redirect URL) and give it Bot Token Scopes:
   {', '.join(SCOPES)}
   (the first two are enough to post; the others find channels, people and lost messages).
2. Install it, copy the Bot User OAuth Token, and write in each channel: /invite @BOT
3. mktool authorize slack --field channel=#NAME, then mktool test-integration slack
   Text to one channel needs no scopes: paste the address of an Incoming Webhook instead.""",
    )  # fmt: skip

    def check(self) -> Account:
        if by_webhook(self.client):
            raise e.Unsupported("Slack: a webhook can only be tried by posting to it")
        me = self.client.call(WHOAMI)
        scopes = frozenset(re.findall(r"[^,\s]+", me.headers.get("x-oauth-scopes", "")))
        return Account(me.need("user_id"), f"{me.get('user') or 'bot'} in {me.need('team')}",
                       scopes or None, details={"workspace": str(me.get("url") or "")})  # fmt: skip

    def refuses(self, post: Post) -> str:
        if wrong := blocks.fault(post.settings().get("blocks", [])):
            raise e.InvalidInput(f"Slack: {wrong}")
        if "metadata" in post.extra:
            return "metadata holds the mark by which a lost message is found"
        if not by_webhook(self.client):
            if not (post.root or wanted(self.client, post)):
                raise e.InvalidInput("Slack: no channel to post to", hint=CHANNEL_FROM)
            return ""
        odd = post.media or post.reply_to or "channel" in post.extra
        return "a webhook posts to its one channel, without files and threads" if odd else ""

    def post(self, post: Post, /) -> Posted:
        if reason := self.refuses(post):
            raise e.Unsupported(f"Slack: {reason}")
        body: dict[str, Any] = {"text": from_markdown(post.text)}
        body["blocks"] = blocks.from_text(post.text)
        if by_webhook(self.client):
            self.client.call(WEBHOOK, json=post.over(body))
            return Posted(post.token)  # Slack tells none
        where = place(self.client, post, by_id=bool(post.media))
        if post.media:
            return self._share(post, where)
        body |= {"unfurl_links": True, **where.below}
        return send(self.client, where, post.over(body, without=("channel",)), post.token)

    reply = post

    def settle(self, post: Post, since: float, known: frozenset[str], /) -> Posted | None:
        return located(self.client, post, since, known)

    def _share(self, post: Post, where: Place) -> Posted:
        body: dict[str, Any] = {}
        if post.text and "blocks" not in post.extra:  # beside a comment Slack ignores blocks
            body["initial_comment"] = from_markdown(post.text)
        told = post.over(body, without=("channel",))
        return share(self.client, where, of(post.media), told)


PROVIDER = Slack
