"""Messaging services, numbers and balance.

https://www.twilio.com/docs/messaging/api/service-resource (read 2026-11).
"""

from __future__ import annotations

import re
from typing import Any

from ...inbox import iso
from ...vendor import invent, on, whole
from ...wire import Call, Refusal, Reply
from .desk import API, SERVICES, Desk, refusal, rfc2822, sid

NUMBER = "+15005550006"  # the one that can send
_OPENED = 1_780_000_000.0  # when everything here was made
_SID = re.compile(r"MG[0-9A-Za-z-]{6,32}")


class Services(Desk):
    """What belongs to an account."""

    def service(self, wanted: str) -> str | None:
        """Return a service's SID, None when there is no such service."""
        known = _SID.fullmatch(wanted) and not wanted.startswith("MG0404")
        return wanted if known else None

    @on("GET", SERVICES)
    def services(self, call: Call) -> Reply:
        account = self.admit(call)
        return Reply(json=_listing(call, "services", [_service(account, sid("MG", account))]))

    @on("GET", SERVICES + "/{service}")
    def one_service(self, call: Call) -> Reply:
        account = self.admit(call)
        return Reply(json=_service(account, self._named(call)))

    @on("GET", SERVICES + "/{service}/PhoneNumbers")
    def pool(self, call: Call) -> Reply:
        account, service = self.admit(call), self._named(call)
        number = sid("PN", account)
        url = f"https://{SERVICES}/{service}/PhoneNumbers/{number}"
        row = {"sid": number, "account_sid": account, "service_sid": service,
               "date_created": iso(_OPENED), "date_updated": iso(_OPENED), "phone_number": NUMBER,
               "country_code": "US", "capabilities": ["SMS", "MMS"], "url": url}  # fmt: skip
        return Reply(json=_listing(call, "phone_numbers", [row]))

    @on("GET", API + "/IncomingPhoneNumbers.json")
    def numbers(self, call: Call) -> Reply:
        account = self.admit(call)
        made = rfc2822(_OPENED)
        able = {"sms": True, "mms": True, "voice": False, "fax": False}
        row = {"sid": sid("PN", account), "account_sid": account, "phone_number": NUMBER,
               "friendly_name": "(500) 555-0006", "date_created": made, "date_updated": made,
               "api_version": "2010-04-01", "status": "in-use", "beta": False,
               "capabilities": able}  # fmt: skip
        path = f"/2010-04-01/Accounts/{account}/IncomingPhoneNumbers.json?PageSize=50&Page=0"
        page = {"page": 0, "page_size": 50, "start": 0, "end": 0, "uri": path,
                "first_page_uri": path, "next_page_uri": None,
                "previous_page_uri": None}  # fmt: skip
        return Reply(json={**page, "incoming_phone_numbers": [row]})

    @on("GET", API + "/Balance.json")
    def balance(self, call: Call) -> Reply:
        account = self.admit(call)
        amount = f"{invent(account, 1000, 90_000) / 100:.2f}"
        return Reply(json={"account_sid": account, "balance": amount, "currency": "USD"})

    def _named(self, call: Call) -> str:
        found = self.service(call.params["service"])
        if found is None:
            raise Refusal(refusal(20404, 404))
        return found


def _service(account: str, id: str) -> dict[str, Any]:
    url = f"https://{SERVICES}/{id}"
    return {
        "sid": id, "account_sid": account, "friendly_name": "Sandbox",
        "date_created": iso(_OPENED), "date_updated": iso(_OPENED), "inbound_request_url": None,
        "inbound_method": "POST", "fallback_url": None, "fallback_method": "POST",
        "status_callback": None, "sticky_sender": True, "mms_converter": True,
        "smart_encoding": False, "scan_message_content": "inherit", "fallback_to_long_code": False,
        "area_code_geomatch": True, "synchronous_validation": False, "validity_period": 36_000,
        "usecase": "marketing", "us_app_to_person_registered": True,
        "use_inbound_webhook_on_number": False, "url": url,
        "links": {"phone_numbers": f"{url}/PhoneNumbers"},
    }  # fmt: skip


def _listing(call: Call, key: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return a page of the newer APIs, whose links are absolute; all fits on one here."""
    given = call.query.get("PageSize", "50")
    size = whole(given)
    if size is None or not 1 <= size <= 1000:
        raise Refusal(refusal(20001))
    url = f"https://{call.path}?PageSize={size}&Page=0"
    meta = {"page": 0, "page_size": size, "first_page_url": url, "previous_page_url": None,
            "url": url, "next_page_url": None, "key": key}  # fmt: skip
    return {key: rows, "meta": meta}
