"""Requests held against a vendor's OpenAPI document: the path, the parameters and the body."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from jsonschema import Draft202012Validator

from mktool.http.client import Client
from mktool.http.exchange import Exchange
from mktool.http.reply import Response
from mktool.http.request import Request
from mktool.http.target import Target
from mktool.model import Login, Secret
from mktool.provider import Provider
from mktool.store.ledger import Ledger
from tests.contract import NOW, FixedCredential


class Vendor:
    """Answers each path with what is given for it, and keeps what was asked."""

    def __init__(self, answers: Mapping[str, Any]) -> None:
        self.answers, self.requests = answers, list[Request]()

    def send(self, request: Request, timeout: float) -> Response:
        self.requests.append(request)
        answer = self.answers[urlsplit(request.url).path]
        return Response(200, {}, json.dumps(answer).encode())

    def close(self) -> None:
        """Nothing is open."""


def connect(
    cls: type[Provider],
    vendor: Vendor,
    folder: Path,
    *,
    secret: tuple[str, str] = ("api_key", "k"),
    **options: str,
) -> Any:
    """Return the provider, with one secret (its name and text), talking to ``vendor``."""
    naps = list[float]()
    ledger = Ledger(folder / "ledger.db", clock=lambda: NOW + sum(naps))
    exchange = Exchange(cls.spec, "default", lambda: vendor, ledger, sleep=naps.append)
    login = FixedCredential(Login(options, {secret[0]: Secret(secret[1])}))
    return cls(Client(exchange, Target(cls.spec.base_url), login, options))


class Document:
    """The operations that one or several documents describe, at a ``base`` path."""

    def __init__(self, *documents: Mapping[str, Any], base: str = "") -> None:
        self._documents, self._base = documents, base

    def check(self, request: Request, *, undocumented: frozenset[str] = frozenset()) -> None:
        """Fail unless the request is one that is documented, but for ``undocumented`` members."""
        document, item = self._find(urlsplit(request.url).path)
        operation = item[request.endpoint.method.lower()]
        named = [
            _resolved(p, document)
            for p in (*item.get("parameters", ()), *operation.get("parameters", ()))
        ]
        known = {p["name"]: p for p in named if p["in"] == "query"}
        asked = dict(parse_qsl(request.query))
        assert asked.keys() <= known.keys()
        assert {name for name, p in known.items() if p.get("required")} <= asked.keys()
        for name, value in asked.items():
            _validate(_typed(value, _kind(known[name], document)), known[name]["schema"], document)
        sent = request.form if request.json is None else request.json
        assert (sent is not None) == ("requestBody" in operation)
        if sent is not None:
            body = _resolved(operation["requestBody"], document)
            kind = request.content_type().partition(";")[0]
            if request.files:
                kind, sent = "multipart/form-data", {**sent, **dict.fromkeys(request.files, "")}
            schema = body["content"][kind]["schema"]
            _validate(sent, schema, document)
            assert set(_strangers(sent, schema, document)) <= undocumented

    def example(self, method: str, path: str, status: str = "200") -> Any:
        """Return the documented example of an answer."""
        _, item = self._find(path)
        content = item[method]["responses"][status]["content"]["application/json"]
        return content["examples"]["response"]["value"]

    def _find(self, path: str) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        assert path.startswith(self._base)
        path = path.removeprefix(self._base)
        for document in self._documents:
            for template in sorted(document["paths"], key=lambda path: path.count("{")):
                if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path):
                    return document, document["paths"][template]
        raise AssertionError(f"{path} is not documented")


def _resolved(node: Mapping[str, Any], document: Mapping[str, Any]) -> Mapping[str, Any]:
    while "$ref" in node:
        found: Any = document
        for key in node["$ref"].removeprefix("#/").split("/"):
            found = found[key]
        node = found
    return node


def _validate(value: Any, schema: Mapping[str, Any], document: Mapping[str, Any]) -> None:
    Draft202012Validator({**schema, "components": document["components"]}).validate(value)


def _kind(parameter: Mapping[str, Any], document: Mapping[str, Any]) -> Any:
    return _resolved(parameter["schema"], document).get("type")


def _typed(value: str, kind: Any) -> Any:
    """A value of a query, which is text, as the schema means it."""
    if kind == "array":
        return value.split(",")
    if kind == "boolean":
        return {"true": True, "false": False}[value]
    return int(value) if kind in ("integer", "number") else value


def _strangers(value: Any, schema: Any, document: Mapping[str, Any]) -> Iterator[str]:
    """Yield the properties of our body that the vendor does not know: it would ignore them."""
    schema = _resolved(schema, document)
    if isinstance(value, list):
        for item in value:
            yield from _strangers(item, schema.get("items", {}), document)
    if isinstance(value, dict) and (known := schema.get("properties")):
        for name, inner in value.items():
            if name not in known:
                yield name
            else:
                yield from _strangers(inner, known[name], document)
