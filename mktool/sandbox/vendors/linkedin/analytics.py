"""Figures of LinkedIn, and the pages of the member. Views and reactions are made up.

https://learn.microsoft.com/linkedin/marketing/community-management/members/post-statistics and
…/organizations/share-statistics (read 2026-11)
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote

from ...vendor import invent, on
from ...wire import Call, Reply
from .desk import MEMBER, PAGE, administered, error, listed, paged, raw
from .posts import Posts

_METRICS = ("IMPRESSION", "MEMBERS_REACHED", "RESHARE", "REACTION", "COMMENT")
_PLAIN_SINCE = 202605  # before this version the metric's name is wrapped in an object
_WRAPPED = "com.linkedin.adsexternalapi.memberanalytics.v1.CreatorPostAnalyticsMetricTypeV1"
_ADMIN = ("rw_organization_admin", "r_organization_admin")


class Analytics(Posts):
    """How posts did, and which pages there are."""

    @on("GET", "api.linkedin.com/rest/memberCreatorPostAnalytics")
    def member_statistics(self, call: Call) -> Reply:
        self.admit(call, "memberCreatorPostAnalytics.FINDER", "r_member_postAnalytics")
        metric, per = call.query.get("queryType", ""), call.query.get("aggregation", "TOTAL")
        if metric not in _METRICS or per not in ("TOTAL", "DAILY"):
            return error(400, "Invalid queryType or aggregation", "ILLEGAL_ARGUMENT")
        whole = call.query.get("q") == "me"
        if per == "DAILY" and (metric == "MEMBERS_REACHED" or not whole):
            return error(400, f"DAILY is not supported for {metric}", "ILLEGAL_ARGUMENT")
        element: dict[str, Any] = {"metricType": metric}
        if int(call.headers["linkedin-version"]) < _PLAIN_SINCE:
            element["metricType"] = {_WRAPPED: metric}
        if whole:
            posts = [urn for urn, post in self.posts.items() if post.author == MEMBER]
            element["count"] = sum(_figure(urn, metric) for urn in posts)
            return paged(call, [element])
        entity = re.fullmatch(r"\((share|ugc):(urn%3A[^)]+)\)", raw(call, "entity"))
        if call.query.get("q") != "entity" or not entity:
            return error(400, "Invalid entity", "ILLEGAL_ARGUMENT")
        urn = unquote(entity[2])
        if urn not in self.posts or self.posts[urn].author != MEMBER:
            return self.fails(404, call)
        element |= {"count": _figure(urn, metric), "targetEntity": {entity[1]: urn}}
        return paged(call, [element])

    @on("GET", "api.linkedin.com/rest/organizationAcls")
    def roles(self, call: Call) -> Reply:
        self.admit(call, "organizationAcls.FINDER-roleAssignee", *_ADMIN)
        if call.query.get("q") != "roleAssignee":
            return error(400, "Unknown finder", "ILLEGAL_ARGUMENT")
        role = {"role": "ADMINISTRATOR", "state": "APPROVED", "roleAssignee": MEMBER,
                "organization": f"urn:li:organization:{PAGE}"}  # fmt: skip
        asked = {name: call.query.get(name, role[name]) for name in ("role", "state")}
        return paged(call, [role] if role | asked == role else [])

    @on("GET", "api.linkedin.com/rest/organizations/{id}")
    def organization(self, call: Call) -> Reply:
        self.admit(call, "organizations.GET", *_ADMIN)
        number = call.params["id"]
        if not administered(number):
            return self.fails(404, call)
        name = "Sandbox Inc." if number == PAGE else f"Page {number}"
        return Reply(json={"id": int(number), "localizedName": name,
                           "vanityName": f"page-{number}"})  # fmt: skip

    @on("GET", "api.linkedin.com/rest/organizationalEntityShareStatistics")
    def page_statistics(self, call: Call) -> Reply:
        self.admit(call, "organizationalEntityShareStatistics.FINDER", "rw_organization_admin")
        page = call.query.get("organizationalEntity", "")
        if call.query.get("q") != "organizationalEntity" or ":organization:" not in page:
            return error(400, "Invalid organizationalEntity", "ILLEGAL_ARGUMENT")
        own = [urn for urn, post in self.posts.items() if post.author == page]
        asked = [("share", urn) for urn in listed(raw(call, "shares")) if urn in own]
        asked += [("ugcPost", urn) for urn in listed(raw(call, "ugcPosts")) if urn in own]
        if asked:
            return paged(call, [_statistics(page, [urn]) | {name: urn} for name, urn in asked])
        if raw(call, "shares") or raw(call, "ugcPosts"):
            return paged(call, [])
        return paged(call, [_statistics(page, own)])


def _figure(urn: str, metric: str) -> int:
    seen = invent(urn, 80, 3000)
    return {"IMPRESSION": seen, "MEMBERS_REACHED": seen * 4 // 5, "REACTION": seen // 30,
            "COMMENT": seen // 200, "RESHARE": seen // 250}[metric]  # fmt: skip


def _statistics(page: str, urns: list[str]) -> dict[str, Any]:
    total = {m: sum(_figure(urn, m) for urn in urns) for m in _METRICS}
    clicks = total["IMPRESSION"] // 60
    acted = clicks + total["REACTION"] + total["COMMENT"] + total["RESHARE"]
    return {"organizationalEntity": page, "totalShareStatistics": {
        "impressionCount": total["IMPRESSION"],
        "uniqueImpressionsCount": total["MEMBERS_REACHED"],
        "clickCount": clicks,
        "likeCount": total["REACTION"],
        "commentCount": total["COMMENT"],
        "shareCount": total["RESHARE"],
        "engagement": acted / total["IMPRESSION"] if urns else 0.0,
    }}  # fmt: skip
