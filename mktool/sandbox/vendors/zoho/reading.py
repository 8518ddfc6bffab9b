"""Reading Zoho CRM: lists by page and by token, search, COQL, what was deleted, and who asks.

https://www.zoho.com/crm/developer/docs/api/v8/get-records.html (read 2026-11)
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from ...shelf import Data, Entry
from ...vendor import on, whole
from ...wire import Call, Refusal, Reply
from . import query
from .desk import API, BY, USER, body_of, failure, moment, stamp
from .modules import EXTERNAL, MODULES, Module
from .records import Records, title

MOST_FIELDS = 50
PER_PAGE = 200
BY_PAGE = 2000  # records that can be paged through by number
BY_TOKEN = 100_000  # and by token
TOKEN_LIFE = 86400.0
LAG = 3.0  # seconds until the search has heard of a change
COQL = 2000  # records of one query


class Reading(Records):
    """Nothing found is 204, without a body."""

    @on("GET", f"{API}/{{module}}")
    def listing(self, call: Call) -> Reply:
        module = self.module(call, "READ")
        fields, per = _fields(call), _per_page(call)
        order = call.query.get("sort_by", "id"), call.query.get("sort_order", "desc")
        if order[0] not in ("id", "Created_Time", "Modified_Time") or order[1] not in _ORDERS:
            raise Refusal(failure("INVALID_DATA", "invalid data", param_name="sort_by"))
        since = _since(call)
        place = _Place(call, (module.name, *fields, per, *order, since or 0))
        if since is not None and not next(self.shelves[module.name].changed(since), None):
            return Reply(304)
        entries = self._ordered(call, module, order, place)
        fresh = (e for e in entries if not e.deleted and int(e.modified) >= (since or 0))
        page = list(islice(fresh, place.skip, place.skip + per + 1))
        if not page:
            return Reply(204)
        more, page = len(page) > per, page[:per]
        rows = [_cut(self.shown(module, entry), fields) for entry in page]
        token = place.token(page[-1], len(page)) if more else None
        info = {
            "call": False, "per_page": per, "count": len(page), "page": place.page,
            "sort_by": order[0], "sort_order": order[1], "email": False, "more_records": more,
            "next_page_token": token, "previous_page_token": None,
            "page_token_expiry": stamp(call.now + TOKEN_LIFE) if token else None,
        }  # fmt: skip
        return Reply(json={"data": rows, "info": info})

    @on("GET", f"{API}/{{module}}/actions/count")
    def count(self, call: Call) -> Reply:
        module = self.module(call, "READ")
        return Reply(json={"count": self.shelves[module.name].alive})

    @on("GET", f"{API}/{{module}}/deleted")
    def deleted(self, call: Call) -> Reply:
        module = self.module(call, "READ")
        if call.query.get("type", "all") not in ("all", "recycle", "permanent"):
            text = "Please check whether the input values are correct"
            raise Refusal(failure("PATTERN_NOT_MATCHED", text, param_name="type"))
        since = _since(call) or 0
        shelf, gone = self.shelves[module.name], self.gone[module.name]
        wanted = [] if call.query.get("type") == "permanent" else gone[::-1]
        found = (e for e in map(shelf.get, wanted) if e and int(e.modified) >= since)
        return _paged(call, map(_gone, found))

    @on("GET", f"{API}/{{module}}/search")
    def find(self, call: Call) -> Reply:
        module = self.module(call, "READ")
        heard = call.now - LAG
        found = (e for e in self._matching(call, module) if not e.deleted and e.modified <= heard)
        fields = tuple(filter(None, call.query.get("fields", "").split(",")))
        return _paged(call, (_cut(self.shown(module, e), fields) for e in found))

    @on("POST", f"{API}/coql")
    def coql(self, call: Call) -> Reply:
        text = body_of(call).get("select_query")
        try:
            asked = query.parsed(text if isinstance(text, str) else "")
        except query.Unreadable as wrong:
            text = "error occured while parsing the query"
            raise Refusal(failure("SYNTAX_ERROR", text, near=str(wrong))) from None
        module = MODULES.get(asked.module)
        if module is None:
            text = "the module name given seems to be invalid"
            raise Refusal(failure("INVALID_QUERY", text, module=asked.module))
        self.admit(call, "coql", "READ")
        self.admit(call, f"modules.{module.name.lower()}", "READ", 0)
        if asked.limit > COQL or asked.offset > BY_TOKEN:
            raise Refusal(failure("LIMIT_EXCEEDED", "limit exceeded", limit=COQL))
        entries = self.shelves[module.name].after(asked.after)
        rows = (self.shown(module, entry) for entry in entries if not entry.deleted)
        found: Iterable[Data] = (row for row in rows if asked.test(row))
        if asked.order != "id" or asked.down:
            found = sorted(found, key=lambda row: str(row.get(asked.order) or ""),
                           reverse=asked.down)  # fmt: skip
        page = list(islice(found, asked.offset, asked.offset + asked.limit + 1))
        if not page:
            return Reply(204)
        shown = [_cut(row, asked.fields) for row in page[: asked.limit]]
        info = {"count": len(shown), "more_records": len(page) > asked.limit}
        return Reply(json={"data": shown, "info": info})

    @on("GET", f"{API}/org")
    def about_company(self, call: Call) -> Reply:
        self.admit(call, "org", "READ")
        return Reply(json={"org": [{
            "id": "4150868000000225001", "company_name": "Sandbox", "domain_name": "sandbox",
            "primary_email": USER["email"], "time_zone": "UTC", "iso_code": "USD", "zgid": "1",
            "currency": "US Dollar", "country_code": "US", "alias": None, "mc_status": False,
            "license_details": {"paid": True, "paid_type": "enterprise", "trial_type": None,
                                "users_license_purchased": 1, "trial_expiry": None},
        }]})  # fmt: skip

    @on("GET", f"{API}/users")
    def about_users(self, call: Call) -> Reply:
        self.admit(call, "users", "READ")
        user = {**USER, "full_name": USER["name"], "first_name": "Sandy", "last_name": "Box",
                "status": "active", "zuid": "1", "confirm": True, "time_zone": "UTC",
                "locale": "en_US", "country_locale": "en_US"}  # fmt: skip
        info = {"per_page": 200, "count": 1, "page": 1, "more_records": False}
        return Reply(json={"users": [user], "info": info})

    @on("GET", f"{API}/settings/fields")
    def fields(self, call: Call) -> Reply:
        self.admit(call, "settings.fields", "READ")
        module = MODULES.get(call.query.get("module", ""))
        if module is None:
            raise Refusal(failure("REQUIRED_PARAM_MISSING", "required param is missing",
                                  param_name="module"))  # fmt: skip
        return Reply(json={"fields": [
            {"api_name": name, "field_label": name.replace("_", " "),
             "data_type": kind.partition(" ")[0].replace("title", "text"),
             "json_type": _JSON.get(kind.partition(" ")[0], "string"),
             "system_mandatory": name in module.required, "custom_field": name == EXTERNAL,
             "unique": {"casesensitive": ""} if name == EXTERNAL else {},
             "read_only": False, "visible": True, "id": str(module.first - number)}
            for number, (name, kind) in enumerate(module.fields.items())
        ]})  # fmt: skip

    @on("GET", f"{API}/settings/modules")
    def modules(self, call: Call) -> Reply:
        self.admit(call, "settings.modules", "READ")
        return Reply(json={"modules": [
            {"api_name": name, "module_name": name, "api_supported": True, "creatable": True,
             "editable": True, "deletable": True, "viewable": True, "id": str(module.first)}
            for name, module in MODULES.items()
        ]})  # fmt: skip

    @on("GET", f"{API}/{{module}}/{{id}}/Notes")
    def noted(self, call: Call) -> Reply:
        module = self.module(call, "READ")
        fields = _fields(call)
        self._one(call, module)
        notes = MODULES["Notes"]
        found = (e for e in self.shelves["Notes"].before()
                 if not e.deleted and e.data["Parent_Id"]["id"] == call.params["id"])  # fmt: skip
        return _paged(call, (_cut(self.shown(notes, e), fields) for e in found))

    @on("GET", f"{API}/{{module}}/{{id}}")
    def read(self, call: Call) -> Reply:
        module = self.module(call, "READ")
        fields = tuple(filter(None, call.query.get("fields", "").split(",")))
        return Reply(json={"data": [_cut(self.shown(module, self._one(call, module)), fields)]})

    def _one(self, call: Call, module: Module) -> Entry:
        found = self.shelves[module.name].live(whole(call.params["id"]))
        if found is None:
            text = "the id given seems to be invalid"
            raise Refusal(failure("INVALID_DATA", text, resource_path_index=1))
        return found

    def _ordered(
        self, call: Call, module: Module, order: tuple[str, str], place: _Place
    ) -> Iterator[Entry]:
        shelf = self.shelves[module.name]
        if "ids" in call.query:
            named = (shelf.get(whole(id)) for id in call.query["ids"].split(",")[:100])
            return filter(None, named)
        if order[0] == "Modified_Time":
            if order[1] == "desc":
                return shelf.latest(place.version)
            version = -1 if place.version is None else place.version
            return shelf.changed(_since(call) or 0.0, version)
        return shelf.before(place.id) if order[1] == "desc" else shelf.after(place.id or 0)

    def _matching(self, call: Call, module: Module) -> Iterable[Entry]:
        asked, shelf = call.query, self.shelves[module.name]
        if asked.get("criteria"):
            try:
                test = query.criteria(asked["criteria"])
            except query.Unreadable as wrong:
                text = "Invalid query formed"
                raise Refusal(failure("INVALID_QUERY", text, near=str(wrong))) from None
            return (e for e in shelf.after() if not e.deleted and test(self.shown(module, e)))
        if asked.get("email"):
            return shelf.find(f"Email={asked['email']}")
        if asked.get("phone"):
            return [*shelf.find(f"Phone={asked['phone']}"), *shelf.find(f"Mobile={asked['phone']}")]
        word = asked.get("word", "").lower()
        if len(word) < 2:
            raise Refusal(failure("REQUIRED_PARAM_MISSING",
                                  "One of the expected parameter is missing"))  # fmt: skip
        return (e for e in shelf.after() if any(
            word in value.lower() for value in e.data.values() if isinstance(value, str)
        ))  # fmt: skip


class _Place:
    """Where a page begins: by number, or by a token, which holds for the same call only."""

    def __init__(self, call: Call, asked: tuple[object, ...]) -> None:
        self._asked, self._now = hash_of(asked), call.now
        self.id: int | None = None
        self.version: int | None = None
        self.skip, self.seen, self.page = 0, 0, 1
        if call.query.get("page_token"):
            self._resume(call.query["page_token"])
            return
        page, per = whole(call.query.get("page", "1")), _per_page(call)
        if not page:
            raise Refusal(failure("INVALID_DATA", "invalid data", param_name="page"))
        if page * per > BY_PAGE:
            text = "You can only get the first 2000 records without using page_token param"
            raise Refusal(failure("DISCRETE_PAGINATION_LIMIT_EXCEEDED", text, limit=BY_PAGE))
        self.page, self.skip, self.seen = page, (page - 1) * per, (page - 1) * per

    def token(self, last: Entry, count: int) -> str:
        """Return the token of the page that follows."""
        told = [self._asked, last.id, last.version, self.seen + count, self.page + 1, self._now]
        return base64.urlsafe_b64encode(json.dumps(told).encode()).decode()

    def _resume(self, token: str) -> None:
        try:
            told: Any = json.loads(base64.urlsafe_b64decode(token.encode()))
            asked, id, version, seen, page, made = told
            self.id, self.version, self.seen, self.page = (
                int(id),
                int(version),
                int(seen),
                int(page),
            )
            expires = float(made) + TOKEN_LIFE
        except (ValueError, TypeError, OverflowError):
            asked, expires = None, 0.0
        if asked != self._asked:
            text = ("The page_token given seems to be invalid or input param is added or altered "
                    "or deleted")  # fmt: skip
            raise Refusal(failure("TOKEN_BOUND_DATA_MISMATCH", text, param_name="page_token"))
        if self._now > expires:
            raise Refusal(failure("EXPIRED_VALUE", "Page token expired", api_name="page_token"))
        if self.seen >= BY_TOKEN:
            text = "You can only get upto 100000 records using page_token param"
            raise Refusal(failure("PAGINATION_LIMIT_EXCEEDED", text, param_name="page_token"))


_ORDERS = ("asc", "desc")
# Of the values of a field by its type; those of all others are strings.
_JSON = {"boolean": "boolean", "integer": "integer", "currency": "double", "lookup": "jsonobject",
         "parent": "jsonobject"}  # fmt: skip


def hash_of(asked: tuple[object, ...]) -> str:
    return json.dumps(asked)


def _fields(call: Call) -> tuple[str, ...]:
    found = tuple(filter(None, call.query.get("fields", "").split(",")))
    if not found:
        raise Refusal(failure("REQUIRED_PARAM_MISSING", "required param is missing",
                              param_name="fields"))  # fmt: skip
    if len(found) > MOST_FIELDS:
        raise Refusal(failure("LIMIT_EXCEEDED", "limit exceeded", limit=MOST_FIELDS,
                              param_name="fields"))  # fmt: skip
    return found


def _per_page(call: Call) -> int:
    found = whole(call.query.get("per_page", str(PER_PAGE)))
    if not found or found > PER_PAGE:
        raise Refusal(failure("INVALID_DATA", "invalid data", param_name="per_page"))
    return found


def _since(call: Call) -> float | None:
    given = call.headers.get("if-modified-since", "")
    found = moment(given) if given else None
    if given and found is None:
        raise Refusal(failure("INVALID_DATA", "invalid data", header_name="If-Modified-Since"))
    return found


def _paged(call: Call, rows: Iterable[Data]) -> Reply:
    page, per = whole(call.query.get("page", "1")), _per_page(call)
    if not page or page * per > BY_PAGE:
        text = "You can only get the first 2000 records"
        raise Refusal(failure("LIMIT_REACHED", text, limit=BY_PAGE))
    found = list(islice(rows, (page - 1) * per, page * per + 1))
    if not found:
        return Reply(204)
    info = {"per_page": per, "count": len(found[:per]), "page": page,
            "more_records": len(found) > per}  # fmt: skip
    return Reply(json={"data": found[:per], "info": info})


def _cut(row: Data, fields: tuple[str, ...]) -> Data:
    """Return the fields that were asked for; unknown ones are left out in silence."""
    if not fields:
        return row
    return {"id": row["id"]} | {name: _part(row, name) for name in fields
                                if name.partition(".")[0] in row}  # fmt: skip


def _part(row: Data, name: str) -> Any:
    field, _, part = name.partition(".")
    value = row[field]
    return value.get(part) if part and isinstance(value, dict) else value


def _gone(entry: Entry) -> Data:
    return {"deleted_by": BY, "id": str(entry.id), "display_name": title(entry), "type": "recycle",
            "created_by": BY, "deleted_time": stamp(entry.modified)}  # fmt: skip
