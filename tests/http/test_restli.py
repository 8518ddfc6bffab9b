from __future__ import annotations

import pytest

from mktool.http.restli import query


@pytest.mark.parametrize(
    ("values", "encoded"),
    [
        ({}, ""),
        ({"q": "author", "count": 100}, "q=author&count=100"),
        ({"author": "urn:li:organization:5"}, "author=urn%3Ali%3Aorganization%3A5"),
        ({"shares": ["urn:li:share:1", "a,b"]}, "shares=List(urn%3Ali%3Ashare%3A1,a%2Cb)"),
        ({"shares": []}, "shares=List()"),
        ({"entity": {"ugc": "urn:li:ugcPost:1"}}, "entity=(ugc:urn%3Ali%3AugcPost%3A1)"),
        (
            {"at": {"timeRange": {"start": 1, "end": 2}, "unit": "DAY"}},
            "at=(timeRange:(start:1,end:2),unit:DAY)",
        ),
        ({"text": "a (b) & c=d/é"}, "text=a%20%28b%29%20%26%20c%3Dd%2F%C3%A9"),
    ],
)
def test_query(values: dict[str, object], encoded: str) -> None:
    assert query(**values) == encoded
