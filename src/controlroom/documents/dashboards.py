"""Grafana dashboards as they are kept in a repository: which there are, and the metrics each reads.

JSON as Grafana exports it, bare or in ``{"dashboard": …}``, one or many in a file (as grafonnet writes them),
also of the newer schema with `elements`; and Kubernetes manifests in YAML or JSON: `GrafanaDashboard` of the
Grafana operator, `Dashboard` of Grafana's own API and of grizzly, `ConfigMap` with JSON in its values.
"""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from collections.abc import Iterator, Mapping
from pathlib import PurePath
from typing import Any

from controlroom.documents.panels import drawn
from controlroom.domain.evidence import Dashboard
from controlroom.domain.frozen import dataclass
from controlroom.domain.text import clean

SIZE_LIMIT = 4 * 1024 * 1024
"""Bytes of one file, and of one definition that lies in it compressed."""

SUFFIXES = frozenset({".json", ".yaml", ".yml"})

NO_DASHBOARD = "is no Grafana dashboard"

Model = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Found:
    """A definition, with the uid that its manifest gives it; or why it is not to be had here."""

    model: Model
    uid: str = ""
    error: str = ""


def dashboards(raw: bytes, path: str) -> tuple[Dashboard, ...]:
    """The dashboards in a file's bytes. `path` is shown with each, and tells JSON from YAML by its suffix.

    One that cannot be read has its reason, without any of its content. A file that is something else gives
    one with that as its error; of YAML, which manifests of all kinds are written in, nothing.
    """
    yaml = PurePath(path).suffix.casefold() in (".yaml", ".yml")
    shown = clean(path, 300)
    try:
        text = raw.decode("utf-8-sig")
        parts = list(_yaml(text) if yaml else _json(text))
        found = [found for part in parts for found in _found(part)]
        if not found and not yaml:
            return (Dashboard(shown, error=NO_DASHBOARD),)
        return tuple(_dashboard(one, shown) for one in found)
    except UnicodeDecodeError as problem:
        line = raw.count(b"\n", 0, problem.start) + 1
        return (_broken(shown, f"line {line}: is not UTF-8"),)
    except RecursionError:
        return (_broken(shown, "is nested too deep"),)
    except ValueError as problem:
        return (_broken(shown, str(problem)),)


def _broken(path: str, why: str) -> Dashboard:
    return Dashboard(path, error=clean(why, 200), unknown=True)


def _yaml(text: str) -> Iterator[Any]:
    from controlroom.documents.manifests import documents

    return documents(text)


def _json(text: str) -> Iterator[Any]:
    try:
        yield json.loads(text)
    except json.JSONDecodeError as problem:
        what = "is empty" if not text.strip() else f"line {problem.lineno}: is no JSON"
        raise ValueError(what) from None
    except ValueError:  # a number of thousands of digits
        raise ValueError("holds a number that is too long") from None


def _found(part: Any) -> Iterator[_Found]:
    """The definitions in one document, which may list several, or name them by file."""
    if isinstance(part, list):
        for one in part:
            yield from _single(one)
        return
    yielded = False
    for one in _single(part):
        yielded = True
        yield one
    if not yielded and isinstance(part, dict) and "kind" not in part:
        inner = part.get("grafanaDashboards")
        for one in (inner if isinstance(inner, dict) else part).values():
            if _is_model(one):
                yield _Found(one)


def _single(part: Any) -> Iterator[_Found]:
    if not isinstance(part, dict):
        return
    kind, spec = part.get("kind"), part.get("spec")
    if kind == "ConfigMap":
        yield from _config_map(part.get("data"))
    elif kind == "GrafanaDashboard" and isinstance(spec, dict):
        yield _operated(spec)
    elif kind == "List" and isinstance(part.get("items"), list):
        for item in part["items"]:
            if isinstance(item, dict) and item.get("kind") != "List":
                yield from _single(item)
    elif isinstance(kind, str) and kind.startswith("Dashboard") and isinstance(spec, dict):
        about = part.get("metadata")
        yield _Found(spec, str(about.get("name") or "") if isinstance(about, dict) else "")
    elif _is_model(part.get("dashboard")):
        yield _Found(part["dashboard"])
    elif _is_model(part):
        yield _Found(part)


def _is_model(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    if isinstance(value.get("panels"), list) or {"title", "schemaVersion"} <= value.keys():
        return True
    older, newer = isinstance(value.get("rows"), list), isinstance(value.get("elements"), dict)
    return (older and "title" in value) or (newer and "layout" in value)


def _config_map(data: Any) -> Iterator[_Found]:
    for name, text in data.items() if isinstance(data, dict) else ():
        if not str(name).casefold().endswith(".json") or not isinstance(text, str):
            continue
        try:
            for part in _json(text):
                yield from _found(part)
        except (ValueError, RecursionError):
            yield _Found({}, error=f"its {name} is no JSON")


def _operated(spec: Mapping[str, Any]) -> _Found:
    """A dashboard of the Grafana operator, which may also only say where it is."""
    uid = str(spec.get("uid") or "")
    text, packed = spec.get("json"), spec.get("gzipJson")
    if not isinstance(text, str) and isinstance(packed, str):
        text = _unpacked(packed)
    if not isinstance(text, str):
        where = next((key for key in ("url", "configMapRef", "grafanaCom", "jsonnet") if spec.get(key)), "")
        return _Found({}, uid, f"is kept elsewhere ({where})" if where else NO_DASHBOARD)
    try:
        (model,) = _json(text)
    except (ValueError, RecursionError):
        return _Found({}, uid, "its spec.json is no JSON")
    return _Found(model, uid) if isinstance(model, dict) else _Found({}, uid, NO_DASHBOARD)


def _unpacked(text: str) -> str:
    try:
        unpacking = zlib.decompressobj(wbits=31)
        raw = unpacking.decompress(base64.b64decode(text), SIZE_LIMIT)
        if not unpacking.eof:
            raise ValueError(f"its spec.gzipJson is cut off, or more than {SIZE_LIMIT:,} bytes")
        return raw.decode("utf-8")
    except (binascii.Error, zlib.error, UnicodeDecodeError):
        raise ValueError("its spec.gzipJson cannot be unpacked") from None


def _dashboard(found: _Found, path: str) -> Dashboard:
    title, uid = (_label(found.model.get(key)) for key in ("title", "uid"))
    uid = clean(found.uid, 200) or uid
    if found.error:
        return Dashboard(path, title, uid, error=clean(found.error, 200), unknown=True)
    seen = drawn(found.model)
    error = f"its library panel {seen.elsewhere[0]} is kept elsewhere" if seen.elsewhere else ""
    metrics = frozenset(clean(name, 200) for name in seen.metrics)
    return Dashboard(path, title, uid, metrics, clean(error, 200), unknown=bool(error))


def _label(value: Any) -> str:
    return clean(value, 200).strip() if isinstance(value, str) else ""
