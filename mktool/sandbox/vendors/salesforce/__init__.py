"""Salesforce as documented at https://developer.salesforce.com/docs (read 2026-11)."""

from __future__ import annotations

from .bulk_query import QueryJobs
from .collections import Collections
from .ingest import Ingest
from .login import Login


class Salesforce(Login, Collections, QueryJobs, Ingest):
    """One organization, at every My Domain.

    A person with the e-mail address and last name of another one is a duplicate, unless the call
    allows it. ``External_Id__c`` is an external id of every object. The limit ``salesforce`` is
    the calls of a day.
    """


VENDOR = Salesforce
