"""Batches of SendGrid that are paused or cancelled before they go out.

https://www.twilio.com/docs/sendgrid/api-reference/cancel-scheduled-sends (read 2026-11)
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from hashlib import sha256

from ...vendor import on, text_of
from ...wire import Call, Refusal, Reply
from .desk import api, bad, object_of, refusal
from .mail import Mail

_STATUSES = ("pause", "cancel")


class Scheduled(Mail):
    """A batch id is made first, goes with the mails, and stops them all."""

    @on("POST", *api("mail/batch"))
    def create_batch(self, call: Call) -> Reply:
        headers = self.admit(call, "mail.batch.create")
        digest = sha256(f"{call.now}/{self.world.number()}".encode()).digest()
        batch = urlsafe_b64encode(digest[:24]).decode()
        self.batches[batch] = []
        return Reply(201, json={"batch_id": batch}, headers=headers)

    @on("GET", *api("mail/batch/{batch}"))
    def check_batch(self, call: Call) -> Reply:
        headers = self.admit(call, "mail.batch.read")
        return Reply(json={"batch_id": self._batch(call.params["batch"])}, headers=headers)

    @on("POST", *api("user/scheduled_sends"))
    def stop(self, call: Call) -> Reply:
        headers, body = self.admit(call, "user.scheduled_sends.create"), object_of(call)
        batch = self._batch(text_of(body, "batch_id"))
        if batch in self.stopped:
            raise bad("a status update already exists for this batch id", "batch_id")
        self._halt(batch, text_of(body, "status"))
        shown = {"batch_id": batch, "status": self.stopped[batch]}
        return Reply(201, json=shown, headers=headers)

    @on("GET", *api("user/scheduled_sends"))
    def list_stopped(self, call: Call) -> Reply:
        headers = self.admit(call, "user.scheduled_sends.read")
        found = [{"batch_id": batch, "status": status} for batch, status in self.stopped.items()]
        return Reply(json=found, headers=headers)

    @on("GET", *api("user/scheduled_sends/{batch}"))
    def get_stopped(self, call: Call) -> Reply:
        headers, batch = self.admit(call, "user.scheduled_sends.read"), call.params["batch"]
        known = batch in self.stopped
        found = [{"batch_id": batch, "status": self.stopped[batch]}] if known else []
        return Reply(json=found, headers=headers)

    @on("PATCH", *api("user/scheduled_sends/{batch}"))
    def change_stopped(self, call: Call) -> Reply:
        headers = self.admit(call, "user.scheduled_sends.update")
        batch = self._stopped(call)
        self._halt(batch, text_of(object_of(call), "status"))
        return Reply(204, headers=headers)

    @on("DELETE", *api("user/scheduled_sends/{batch}"))
    def resume(self, call: Call) -> Reply:
        headers, batch = self.admit(call, "user.scheduled_sends.delete"), self._stopped(call)
        status = self.stopped.pop(batch)
        # What was cancelled when its time came is gone; what was paused then goes now.
        for item in self.batches[batch]:
            if not item.number and (status == "pause" or item.time > call.now):
                self.world.inbox.add(item)
        return Reply(204, headers=headers)

    def _halt(self, batch: str, status: str) -> None:
        if status not in _STATUSES:
            raise bad("status must be pause or cancel", "status")
        self.world.inbox.release()
        self.stopped[batch] = status
        self.world.inbox.withdraw(self.batches[batch])

    def _batch(self, id: str) -> str:
        if id not in self.batches:
            raise bad("invalid batch id", "batch_id")
        return id

    def _stopped(self, call: Call) -> str:
        batch = call.params["batch"]
        if batch not in self.stopped:
            raise Refusal(refusal(404))
        return batch
