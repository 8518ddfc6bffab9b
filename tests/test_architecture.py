"""The rules of the layout that no linter knows. import-linter checks who may import whom."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from mktool import __version__, errors, providers
from mktool.errors import MktoolError

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "mktool"
VENDOR_FOLDERS = (PACKAGE / "providers", PACKAGE / "sandbox" / "vendors")
BUDGET, PROVIDER_BUDGET = 400, 150
VAGUE = {"utils", "util", "helpers", "helper", "manager", "managers", "base", "common", "misc"}


def sources(root: Path = PACKAGE) -> list[Path]:
    return sorted(root.rglob("*.py"))


PROTOCOLS = {"smtp"}  # a name that is no vendor's: it is spoken wherever mail is


def vendor_names() -> set[str]:
    known = {name: providers.load(name).spec.aliases for name in providers.names()}
    return {*known, *(alias for aliases in known.values() for alias in aliases)} - PROTOCOLS


def vendor_files() -> list[Path]:
    return sorted(p for p in VENDOR_FOLDERS[0].glob("*.py") if not p.name.startswith("_"))


def identifiers(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield every name that the code itself gives or uses, with its line."""
    for node in ast.walk(tree):
        line = getattr(node, "lineno", 0)
        match node:
            case ast.Name(id=name) | ast.arg(arg=name) | ast.Attribute(attr=name):
                yield line, name
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name) | ast.alias(name=name):
                yield line, name
            case ast.keyword(arg=str(name)):
                yield line, name


def words(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield every string literal of one word: not prose, such as an example in a help text."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
            continue
        if not re.search(r"\s", node.value):
            yield node.lineno, node.value


def names_a_vendor(text: str, names: set[str], separators: str) -> bool:
    return not names.isdisjoint(re.split(separators, text.lower()))


def test_vendors_are_named_in_their_own_files_only() -> None:
    names, found = vendor_names(), []
    for path in sources():
        if any(folder in path.parents for folder in VENDOR_FOLDERS):
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        hits = [i for i in identifiers(tree) if names_a_vendor(i[1], names, r"[_.]")]
        hits += [w for w in words(tree) if names_a_vendor(w[1], names, r"[^a-z0-9-]")]
        found += [f"{path.relative_to(ROOT)}:{line} {text}" for line, text in hits]
    assert not found, "\n".join(found)


def test_the_vendor_rule_sees_identifiers_and_words() -> None:
    tree = ast.parse("def post_to_acme(acme): return {'acme:default': 'an acme in prose'}")
    seen = [*identifiers(tree), *words(tree)]
    hits = [text for _, text in seen if names_a_vendor(text, {"acme"}, r"[^a-z0-9-]")]
    assert sorted(hits) == ["acme", "acme:default", "post_to_acme"]


def test_every_vendor_has_facts_and_a_sandbox() -> None:
    stems = [path.stem for path in vendor_files()]
    assert stems
    facts, played = ROOT / "tests" / "providers", VENDOR_FOLDERS[1]
    missing = [stem for stem in stems if not (facts / f"test_{stem}.py").exists()]
    played_by = set(stems) - PROTOCOLS  # mail has a server of its own
    missing += [stem for stem in played_by if not [*played.glob(f"{stem}.py"), *played.glob(stem)]]
    assert not missing, missing


@pytest.mark.parametrize("path", sources(), ids=lambda p: str(p.relative_to(ROOT)))
def test_modules_stay_small(path: Path) -> None:
    budget = PROVIDER_BUDGET if path in vendor_files() else BUDGET
    assert len(path.read_text(encoding="utf-8").splitlines()) <= budget


def test_modules_have_telling_names() -> None:
    assert not [p for p in (*sources(), *sources(ROOT / "tests")) if p.stem in VAGUE]


def test_every_module_says_what_it_is() -> None:
    silent = [p for p in sources() if not ast.get_docstring(ast.parse(p.read_text("utf-8")))]
    assert not silent


def test_one_module_knows_httpx() -> None:
    found = set()
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            imported = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                imported = [node.module or ""]
            if any(name.split(".")[0] in ("httpx", "httpcore") for name in imported):
                found.add(str(path.relative_to(PACKAGE)))
    assert found == {"http/wire.py"}


def kinds(root: type[MktoolError] = MktoolError) -> Iterator[type[MktoolError]]:
    yield root
    for kind in root.__subclasses__():
        if kind.__module__ == errors.__name__:
            yield from kinds(kind)


def test_errors_have_a_code_and_a_meaning_of_their_own() -> None:
    found = list(kinds())
    codes = [kind.__dict__["code"] for kind in found]
    assert len(set(codes)) == len(codes)
    assert all(kind.__doc__ for kind in found)
    assert not [kind.__name__ for kind in found if kind.__name__ not in (errors.__doc__ or "")]


def test_errors_are_raised_from_one_module() -> None:
    for path in sources():
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        if not name.endswith("__main__"):
            import_module(name)
    elsewhere = [k for k in subclasses(MktoolError) if k.__module__ != errors.__name__]
    assert not [kind for kind in elsewhere if kind.__module__.startswith("mktool.")]


def subclasses(root: type[MktoolError]) -> Iterator[type[MktoolError]]:
    for kind in root.__subclasses__():
        yield kind
        yield from subclasses(kind)


def test_the_wheel_holds_the_package_and_nothing_else(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=ROOT, check=True, capture_output=True,
    )  # fmt: skip
    (wheel,) = tmp_path.glob("*.whl")
    assert wheel.name == f"mktool-{__version__}-py3-none-any.whl"
    with zipfile.ZipFile(wheel) as archive:
        held = set(archive.namelist())
    meta = f"mktool-{__version__}.dist-info/"
    files = (p for p in PACKAGE.rglob("*") if p.is_file() and "__pycache__" not in p.parts)
    ours = {str(path.relative_to(ROOT)) for path in files}
    assert {name for name in held if not name.startswith(meta)} == ours
    assert {f"{meta}licenses/LICENSE", f"{meta}entry_points.txt"} <= held
