"""What every call to Twilio goes through: the credential, and how a refusal is worded.

https://www.twilio.com/docs/usage/twilios-response (read 2026-11): ``code`` is Twilio's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import formatdate
from hashlib import md5
from typing import ClassVar
from urllib.parse import parse_qs

from ...vendor import Vendor
from ...wire import Call, Refusal, Reply

API = "api.twilio.com/2010-04-01/Accounts/{account}"
SERVICES = "messaging.twilio.com/v1/Services"

# https://www.twilio.com/docs/api/errors
MEANINGS: dict[int, str] = {
    20001: "Invalid parameter",
    20003: "Authenticate",
    20004: "Method not allowed",
    20404: "The requested resource was not found",
    20429: "Too Many Requests",
    20500: "An internal server error has occurred",
    20503: "Service unavailable",
    21211: "Invalid 'To' Phone Number",
    21212: "Invalid 'From' Phone Number",
    21266: "'To' and 'From' number cannot be the same",
    21408: "Permission to send an SMS has not been enabled for the region of the 'To' number",
    21603: "A 'From' or 'MessagingServiceSid' parameter is required",
    21604: "A 'To' phone number is required",
    21606: "The 'From' number is not a valid, message-capable number of this account",
    21610: "Attempt to send to unsubscribed recipient",
    21611: "This 'From' number has exceeded the maximum number of queued messages",
    21612: "Message cannot be sent with the current combination of 'To' and 'From'",
    21614: "'To' number is not a valid mobile number",
    21617: "The concatenated message body exceeds the 1600 character limit",
    21619: "A text message body or media urls must be specified",
    21620: "Invalid media URL(s)",
    21623: "Number of media files exceeds the allowed limit",
    21656: "The ContentVariables parameter is invalid",
    21701: "The Messaging Service does not exist",
    30003: "Unreachable destination handset",
    30409: "This message cannot be canceled",
    35111: "SendAt timestamp is missing",
    35114: "SendAt time must be between 300 seconds and 35 days in the future",
    35115: "Scheduling does not support this timestamp",
    35118: "MessagingServiceSid is required to schedule a message",
    35126: "The ScheduleType value provided is not supported for this channel",
}
_STATUSES = {401: 20003, 404: 20404, 405: 20004, 429: 20429, 500: 20500, 503: 20503}


class Desk(Vendor):
    """Identity and refusals."""

    name: ClassVar[str] = "twilio"
    title: ClassVar[str] = "Twilio"
    color: ClassVar[str] = "#b3262e"
    hosts: ClassVar[tuple[str, ...]] = ("api.twilio.com", "messaging.twilio.com")
    scopes: ClassVar[frozenset[str]] = frozenset()
    environment: ClassVar[Mapping[str, str]] = {
        "MKTOOL_TWILIO_ACCOUNT_SID": "ACsandbox0000000000000000000000run",
        "MKTOOL_TWILIO_AUTH_TOKEN": "sandbox-run",
    }

    def admit(self, call: Call) -> str:
        """Check the credential; return the account that it speaks for.

        It is SID and auth token, or key (SK…) and secret with the SID in the path.
        """
        user, password = call.basic or ("", "")
        account = call.params.get("account", user)
        made_up = "sandbox" in password and "sandbox" in account and "sandbox" in user
        if not made_up or not (user == account or user.startswith("SK")):
            raise Refusal(refusal(20003, 401))
        return account

    def fails(self, status: int, call: Call) -> Reply:
        return refusal(_STATUSES.get(status, 20500 if status >= 500 else 20001), status)


def refusal(code: int, status: int = 400) -> Reply:
    """Return the answer that says no; its headers tell how many calls were under way."""
    body = {
        "code": code,
        "message": MEANINGS[code],
        "more_info": f"https://www.twilio.com/docs/errors/{code}",
        "status": status,
    }
    return Reply(status, json=body, headers={"twilio-concurrent-requests": "1"})


def fields(call: Call) -> dict[str, list[str]]:
    """Return the form with all values of every field, as MediaUrl may be given ten times."""
    return parse_qs(call.body.decode(errors="replace"))


def sid(prefix: str, seed: object) -> str:
    """Return an id that is always the same for this seed: two letters and 32 hex digits."""
    return prefix + md5(f"{prefix}/{seed}".encode(), usedforsecurity=False).hexdigest()


def rfc2822(seconds: float) -> str:
    """Return epoch seconds as the classic API writes them: ``Fri, 24 May 2019 17:44:46 +0000``."""
    return formatdate(seconds)[:-5] + "+0000"
