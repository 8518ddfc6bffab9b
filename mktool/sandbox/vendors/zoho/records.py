"""Records of Zoho CRM: made, changed, upserted and deleted by the hundred, each row for itself.

https://www.zoho.com/crm/developer/docs/api/v8/insert-records.html (read 2026-11)
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ...inbox import Item
from ...people import company, email, person
from ...shelf import Data, Entry, Shelf
from ...vendor import on, whole
from ...wire import Call, Refusal, Reply
from ...world import World
from .desk import API, BY, USER, Desk, body_of, failure, outcome, stamp
from .modules import EXTERNAL, INDEXED, MODULES, Module, keys, problem

MOST = 100  # rows of one call


class Records(Desk):
    """A shelf for each module. Fields that a module does not have are kept: any may be custom."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.shelves = {name: Shelf(keys) for name in MODULES}
        self.gone: dict[str, list[int]] = {name: [] for name in MODULES}

    def fill(self, kind: str, count: int) -> None:
        module = MODULES.get(kind)
        if module is None or kind not in _INVENTED:
            raise LookupError(kind)
        shelf, now, first = self.shelves[kind], self.world.clock(), module.first
        invented = _INVENTED[kind]

        def make(id: int) -> Data:
            return invented(id - first)

        for id in range(self._next(module), self._next(module) + count):
            addressed = kind in ("Leads", "Contacts")
            shelf.invent(id, make, now, [f"Email={email(id - first)}"] if addressed else ())

    @on("POST", f"{API}/{{module}}")
    def create(self, call: Call) -> Reply:
        module, rows = self._asked(call, "CREATE")
        done = [self._made(module, row, n, call.now) for n, row in enumerate(rows)]
        return _rows(done, 201)

    @on("PUT", f"{API}/{{module}}")
    def change(self, call: Call) -> Reply:
        module, rows = self._asked(call, "UPDATE")
        done = [self._changed(module, row, n, call.now) for n, row in enumerate(rows)]
        return _rows(done, 200)

    @on("PUT", f"{API}/{{module}}/{{id}}")
    def change_one(self, call: Call) -> Reply:
        module, rows = self._asked(call, "UPDATE")
        row = {**rows[0], "id": call.params["id"]}
        return _rows([self._changed(module, row, 0, call.now)], 200)

    @on("POST", f"{API}/{{module}}/upsert")
    def upsert(self, call: Call) -> Reply:
        module, rows = self._asked(call, "UPDATE")
        asked = body_of(call).get("duplicate_check_fields")
        if asked is not None and not (
            isinstance(asked, list) and all(isinstance(name, str) for name in asked)
        ):
            raise Refusal(failure("INVALID_DATA", "invalid data", expected_data_type="jsonarray",
                                  api_name="duplicate_check_fields"))  # fmt: skip
        check = tuple(asked or module.check)
        return _rows([self._upserted(module, row, n, call.now, check)
                      for n, row in enumerate(rows)], 200)  # fmt: skip

    @on("DELETE", f"{API}/{{module}}")
    def delete(self, call: Call) -> Reply:
        ids = [id for id in call.query.get("ids", "").split(",") if id]
        module = self.module(call, "DELETE", credits=max(1, math.ceil(len(ids) / 10)))
        if not ids:
            raise Refusal(failure("REQUIRED_PARAM_MISSING",
                                  "One of the expected parameter is missing",
                                  param_name="ids"))  # fmt: skip
        if len(ids) > MOST:
            raise Refusal(_limit(MOST, param_name="ids"))
        return _rows([self._deleted(module, id, call.now) for id in ids], 200)

    @on("DELETE", f"{API}/{{module}}/{{id}}")
    def delete_one(self, call: Call) -> Reply:
        module = self.module(call, "DELETE")
        return _rows([self._deleted(module, call.params["id"], call.now)], 200)

    @on("POST", f"{API}/{{module}}/{{id}}/Notes")
    def note(self, call: Call) -> Reply:
        self.module(call, "READ", credits=0)
        _, rows = self._asked(call, "CREATE", MODULES["Notes"])
        parent = {"module": {"api_name": call.params["module"]}, "id": call.params["id"]}
        done = [self._made(MODULES["Notes"], {**row, "Parent_Id": parent}, n, call.now)
                for n, row in enumerate(rows)]  # fmt: skip
        return _rows(done, 201)

    def module(self, call: Call, right: str, *, credits: int = 1) -> Module:
        """Return the module that the path names, if the token may do this to it."""
        found = MODULES.get(call.params["module"])
        if found is None:
            text = "the module name given seems to be invalid"
            raise Refusal(failure("INVALID_MODULE", text, resource_path_index=0))
        self.admit(call, f"modules.{found.name.lower()}", right, credits)
        return found

    def shown(self, module: Module, entry: Entry) -> Data:
        """Return a record with all of its fields."""
        data = {"id": str(entry.id), "Owner": USER, **dict.fromkeys(module.fields), **entry.data}
        for name, kind in module.fields.items():
            pointed = data[name]
            if kind.startswith("lookup ") and pointed and "name" not in pointed:
                other = self.shelves[kind.partition(" ")[2]].get(whole(pointed["id"]))
                data[name] = {"name": title(other) if other else None, "id": pointed["id"]}
        if "Full_Name" in module.fields:
            parts = (data["First_Name"], data["Last_Name"])
            data["Full_Name"] = " ".join(filter(None, parts))
        return data | {"Created_Time": stamp(entry.created), "Modified_Time":
                       stamp(entry.modified), "Created_By": USER, "Modified_By": USER}  # fmt: skip

    def _asked(
        self, call: Call, right: str, module: Module | None = None
    ) -> tuple[Module, list[Data]]:
        found = body_of(call).get("data")
        count = len(found) if isinstance(found, list) else 1
        if module is None:
            module = self.module(call, right, credits=max(1, math.ceil(count / 10)))
        else:
            self.admit(call, f"modules.{module.name.lower()}", right)
        if not isinstance(found, list) or not found or not all(isinstance(r, dict) for r in found):
            raise Refusal(failure("INVALID_DATA", "invalid data", expected_data_type="jsonarray",
                                  api_name="data", json_path="$.data"))  # fmt: skip
        if count > MOST:
            raise Refusal(_limit(MOST, api_name="data", json_path="$.data"))
        return module, found

    def _made(self, module: Module, row: Data, number: int, now: float) -> Data:
        wrong = self._wrong(module, row, number, None)
        if wrong:
            return wrong
        kept = {name: value for name, value in row.items() if not _own(name)}
        entry = self.shelves[module.name].add(self._next(module), kept, now)
        self._tell(module, entry, "created")
        return _success("record added", entry)

    def _changed(self, module: Module, row: Data, number: int, now: float) -> Data:
        entry = self.shelves[module.name].live(whole(str(row.get("id"))))
        path = f"$.data[{number}].id"
        if "id" not in row:
            return outcome("MANDATORY_NOT_FOUND", "required field not found", "error",
                           api_name="id", json_path=path)  # fmt: skip
        if entry is None:
            return outcome("INVALID_DATA", "the id given seems to be invalid", "error",
                           api_name="id", json_path=path)  # fmt: skip
        wrong = self._wrong(module, row, number, entry)
        if wrong:
            return wrong
        kept = {name: value for name, value in row.items() if not _own(name)}
        self.shelves[module.name].change(entry, kept, now)
        self._tell(module, entry, "updated")
        return _success("record updated", entry)

    def _upserted(
        self, module: Module, row: Data, number: int, now: float, check: tuple[str, ...]
    ) -> Data:
        field, known = "", None
        if "id" not in row:
            for field in check:
                known = self._same(module, field, row.get(field))
                if known:
                    break
        if "id" in row or known:
            named = {**row, "id": str(known.id)} if known else row
            return self._changed(module, named, number, now) | {
                "action": "update", "duplicate_field": field if known else None,
            }  # fmt: skip
        return self._made(module, row, number, now) | {"action": "insert", "duplicate_field": None}

    def _deleted(self, module: Module, id: str, now: float) -> Data:
        entry = self.shelves[module.name].live(whole(id))
        if entry is None:
            return outcome("INVALID_DATA", "record not deleted", "error", id=id)
        self.shelves[module.name].delete(entry, now)
        self.gone[module.name].append(entry.id)
        self._tell(module, entry, "deleted")
        return outcome("SUCCESS", "record deleted", "success", id=id)

    def _same(self, module: Module, field: str, value: Any) -> Entry | None:
        """Return the oldest record that has this value."""
        shelf = self.shelves[module.name]
        if not isinstance(value, str) or not value:
            return None
        if field in INDEXED:
            return next(iter(shelf.find(f"{field}={value}")), None)
        return next((e for e in shelf.after() if not e.deleted and e.data.get(field) == value),
                    None)  # fmt: skip

    def _wrong(self, module: Module, row: Data, number: int, entry: Entry | None) -> Data | None:
        path = f"$.data[{number}]"
        wrong = problem(module, row, path, whole=entry is None)
        if wrong:
            return wrong
        for name, kind in module.fields.items():
            if row.get(name) is not None and not self._points(kind, row[name]):
                text = "the related id given seems to be invalid"
                return outcome("INVALID_DATA", text, "error", api_name=name,
                               json_path=f"{path}.{name}")  # fmt: skip
        known = self._same(module, EXTERNAL, row.get(EXTERNAL))
        if known and known is not entry:
            record = {"Owner": BY, "module": {"api_name": module.name}, "id": str(known.id)}
            return outcome("DUPLICATE_DATA", "duplicate data", "error", api_name=EXTERNAL,
                           json_path=f"{path}.{EXTERNAL}", id=str(known.id), more_records=False,
                           duplicate_record=record)  # fmt: skip
        return None

    def _points(self, kind: str, value: Data) -> bool:
        """Tell whether what a lookup points at is there."""
        kind, _, target = kind.partition(" ")
        if kind == "parent":
            named = value.get("module")
            target = str(named.get("api_name")) if isinstance(named, dict) else ""
        elif kind != "lookup":
            return True
        shelves = [self.shelves[target]] if target in self.shelves else []
        if kind == "lookup" and not target:  # Who_Id and What_Id may point anywhere
            shelves = list(self.shelves.values())
        return any(shelf.live(whole(value["id"])) for shelf in shelves)

    def _next(self, module: Module) -> int:
        return max(self.shelves[module.name].last, module.first) + 1

    def _tell(self, module: Module, entry: Entry, act: str) -> None:
        data, kind = entry.data, module.name.lower().removesuffix("s")
        item = Item(self.world.clock(), self.name, "Sandbox", kind, str(entry.id), title(entry),
                    extra={"act": act}, deleted=act == "deleted")  # fmt: skip
        if module.name == "Notes":
            item.subject = str(data.get("Note_Title") or "")
            item.text = str(data.get("Note_Content") or "")
            item.extra = {"act": act, "on": data["Parent_Id"]["id"]}
        elif module.name == "Tasks":
            item.extra = {"act": act} | {
                name: str(data[name]) for name in ("Due_Date", "Priority", "Status")
                if data.get(name)
            }  # fmt: skip
        if module.name in ("Notes", "Tasks"):
            self.world.inbox.add(item)
        else:
            self.world.inbox.record(item)


def _own(name: str) -> bool:
    """Tell whether Zoho keeps this field itself."""
    return name in ("id", "Created_Time", "Modified_Time", "Created_By", "Modified_By") or (
        name.startswith("$") and name != "$se_module"
    )


def title(entry: Entry) -> str:
    """Return what a record is called."""
    data = entry.data
    name = " ".join(str(data[n]) for n in ("First_Name", "Last_Name") if data.get(n))
    other = ("Account_Name", "Deal_Name", "Campaign_Name", "Subject", "Note_Title")
    return name or next((str(data[n]) for n in other if isinstance(data.get(n), str)), "")


def _success(message: str, entry: Entry) -> Data:
    times = {"Created_Time": stamp(entry.created), "Modified_Time": stamp(entry.modified)}
    return outcome("SUCCESS", message, "success", id=str(entry.id), Created_By=BY, Modified_By=BY,
                   **times)  # fmt: skip


def _rows(done: list[Data], status: int) -> Reply:
    """Return what became of the rows: 207 when some failed, 400 when all did."""
    failed = sum(row["status"] == "error" for row in done)
    if failed:
        status = 400 if failed == len(done) else 207
    return Reply(status, json={"data": done})


def _limit(most: int, **where: str) -> Reply:
    return failure("LIMIT_EXCEEDED", "limit exceeded", 400, limit=most, **where)


def _person(number: int) -> Data:
    one = person(number)
    return {"First_Name": one.first, "Last_Name": one.last, "Email": one.email, "Phone": one.phone}


_INVENTED: dict[str, Callable[[int], Data]] = {
    "Leads": lambda number: {**_person(number), "Company": company(number)},
    "Contacts": _person,
    "Accounts": lambda number: {"Account_Name": company(number)},
    "Deals": lambda number: {"Deal_Name": f"Deal {number}", "Stage": "Qualification",
                             "Amount": number % 9000 + 100},
    "Campaigns": lambda number: {"Campaign_Name": f"Campaign {number}"},
}  # fmt: skip
