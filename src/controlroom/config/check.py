"""``config check``: everything `load` refuses, and what only a look at the world can tell."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Literal, NamedTuple

from controlroom.config import names
from controlroom.config.errors import ConfigError, ConfigWarning, Problems
from controlroom.config.literals import literal_secrets
from controlroom.config.load import examine, find
from controlroom.config.places import Place, line_of, lines, spelled
from controlroom.config.shape import File
from controlroom.domain.secret import SecretRef
from controlroom.domain.text import clean

GLOB = frozenset("*?[")
_FROM_DOCUMENTS = frozenset({"squads", "waves", "sprints", "milestones"})


class Remark(NamedTuple):
    """Something at a place that `load` lets pass."""

    severity: Literal["error", "warning"]
    place: Place
    message: str
    remedy: str


def check(
    path: str | os.PathLike[str] | None = None, *, environ: Mapping[str, str] | None = None
) -> Problems:
    """Everything that is wrong with the configuration in `path` (None: wherever `find` finds one).

    Looks at files, folders and environment variables; runs no command and opens no connection.
    """
    environ = os.environ if environ is None else environ
    place = find(path, environ)
    if place is None:
        return Problems(None)
    seen = examine(place, environ)
    folder = place.absolute().parent
    broken = {error.key for error in seen.errors}
    remarks = [r for r in _remarks(seen.file, folder, environ) if spelled(r.place) not in broken]
    known = lines(seen.raw.decode("utf-8", "replace")) if remarks else {}
    errors, warnings = list(seen.errors), []
    for severity, at, message, remedy in remarks:
        where = (str(place), spelled(at), line_of(at, known), message, remedy)
        if severity == "error":
            errors.append(ConfigError(*where))
        else:
            warnings.append(ConfigWarning(*where))
    return Problems(place, tuple(sorted(errors, key=_line)), tuple(sorted(warnings, key=_line)))


def _line(error: ConfigError) -> int:
    return error.line or 0


def _remarks(file: File, folder: Path, environ: Mapping[str, str]) -> Iterator[Remark]:
    yield from _unknown_names(file)
    yield from _start(file)
    yield from _documents(file, folder)
    yield from _drawn(file)
    yield from _files(file, folder)
    yield from _store(file, folder)
    for place, ref in _references(file):
        yield from _secret(ref, place, folder, environ)
    for place in literal_secrets(file):
        remedy = 'keep it elsewhere and write { env = "NAME" }, { file = "path" } or { command = "…" }'
        if place == ("store", "url"):
            remedy = 'take it out and name it: [store].password = { env = "NAME" }'
        elif place[0] == "evidence":
            remedy = "take it out: the answers of [[services]] are kept too, and their secrets are references"
        yield Remark("warning", place, "a secret is written into the configuration", remedy)
    yield from _looks(file, environ)


def _unknown_names(file: File) -> Iterator[Remark]:
    """Documents may declare squads, waves, sprints and milestones; services nobody else declares."""
    from controlroom.config.spelling import did_you_mean

    for unknown in names.unknown(file):
        section, name = unknown.section, unknown.name
        what = f'there is no {section if section == "prometheus" else section[:-1]} "{name}"'
        add = f"add it as [[{section}]]"
        if section in _FROM_DOCUMENTS and file.documents.paths:
            what += " in this file; a document may declare it"
            yield Remark("warning", unknown.place, what, add)
        else:
            yield Remark("error", unknown.place, what, did_you_mean(name, unknown.choices, add))


def _start(file: File) -> Iterator[Remark]:
    undated = any(wave.weeks and not wave.start for wave in file.waves) or any(
        milestone.label and not milestone.date for milestone in file.milestones
    )
    if undated and not file.program.start and not file.documents.paths:
        remedy = "set start to the programme's first day"
        yield Remark("warning", ("program", "start"), "weeks have no dates without a start", remedy)


def _documents(file: File, folder: Path) -> Iterator[Remark]:
    yield from _matched(file.documents.paths, "documents", "document", folder)
    yield from _matched(file.dashboards.paths, "dashboards", "dashboard", folder)


def _drawn(file: File) -> Iterator[Remark]:
    """A dashboard that must draw a signal is looked for among those of the repository."""
    for number, squad in enumerate(file.squads):
        for n, signal in enumerate(squad.signals):
            if signal.dashboard and "://" not in signal.dashboard and not file.dashboards.paths:
                place: Place = ("squads", number, "signals", n, "dashboard")
                remedy = "name their files: [dashboards].paths, or write a link"
                yield Remark("warning", place, "there are no dashboards to look for it in", remedy)


def _matched(paths: Iterable[str], section: str, what: str, folder: Path) -> Iterator[Remark]:
    from glob import iglob

    for number, pattern in enumerate(paths):
        place: Place = (section, "paths", number)
        shown = clean(pattern, 200)
        if GLOB & set(pattern):
            full = os.path.expanduser(pattern)  # noqa: PTH111 - a pattern is no path
            if next(iglob(full, root_dir=folder, recursive=True), None) is None:  # noqa: PTH207
                yield Remark("warning", place, f"no {what} matches {shown}", f"looked in {folder}")
        elif not _exists(folder, pattern):
            yield Remark("error", place, f"there is no {what} {shown}", f"looked in {folder}")


def _files(file: File, folder: Path) -> Iterator[Remark]:
    for section in ("services", "prometheus", "alertmanagers"):
        for number, thing in enumerate(getattr(file, section)):
            for key in ("ca", "cert", "key"):
                pem: str | None = getattr(thing, key, None)
                if pem is not None and not _exists(folder, pem, Path.is_file):
                    remedy = f"name a file with {'a key' if key == 'key' else 'certificates'} in PEM form"
                    yield Remark("error", (section, number, key), f"there is no file {clean(pem)}", remedy)
    for number, service in enumerate(file.services):
        if service.key is not None and service.cert is None:
            at: Place = ("services", number, "key")
            yield Remark("error", at, "a key without its certificate", "name it as cert")
    for number, squad in enumerate(file.squads):
        charter = squad.charter
        if charter is not None and "://" not in charter and not _exists(folder, charter):
            remedy = "name a file relative to this one, or a link"
            yield Remark("warning", ("squads", number, "charter"), f"there is no file {charter}", remedy)
    kind, _, log = file.store.url.partition(":")
    for place, name in ((("status", "dir"), file.status.dir), (("store", "url"), log)):
        if name and (place[0] == "status" or kind == "dir") and _exists(folder, name, _in_the_way):
            yield Remark("error", place, f"{clean(name)} is not a folder", "name a folder; it may be new")


def _store(file: File, folder: Path) -> Iterator[Remark]:
    """What the store needs besides its address, and what it does not."""
    store = file.store
    kind = store.url.partition(":")[0]
    tls = kind.startswith("rediss")
    for name, used in (("ca", tls), ("cert", tls), ("key", tls), ("username", kind != "dir")):
        value = getattr(store, name)
        if value is None:
            continue
        if not used:
            scheme = "rediss://" if name != "username" else "redis://"
            yield Remark("warning", ("store", name), f"{name} is used with {scheme} only", "leave it out")
        elif name != "username" and not _exists(folder, value, Path.is_file):
            message = f"there is no file {clean(value)}"
            yield Remark("error", ("store", name), message, "name a file in PEM form")
    if store.password is not None and kind == "dir":
        yield Remark("warning", ("store", "password"), "password is used with redis:// only", "leave it out")
    if store.cert is not None and store.key is None:
        remedy = "name its key: the same file, where it holds both"
        yield Remark("error", ("store", "cert"), "a certificate without its key", remedy)
    if store.key is not None and store.cert is None:
        yield Remark("error", ("store", "key"), "a key without its certificate", "name it as cert")


def _exists(folder: Path, name: str, test: Callable[[Path], bool] = Path.exists) -> bool:
    try:
        return test(folder / Path(name).expanduser())
    except (OSError, ValueError, RuntimeError):
        return False


def _in_the_way(path: Path) -> bool:
    return path.exists() and not path.is_dir()


def _references(file: File) -> Iterator[tuple[Place, SecretRef]]:
    for section in ("services", "prometheus", "alertmanagers"):
        for number, thing in enumerate(getattr(file, section)):
            for key in ("password", "token"):
                ref = getattr(thing, key)
                if ref is not None:
                    yield (section, number, key), ref
            for name, value in getattr(thing, "headers", {}).items():
                if isinstance(value, SecretRef):
                    yield (section, number, "headers", name), value
            command = getattr(thing, "command", None)
            for name, value in command.env.items() if command else ():
                if isinstance(value, SecretRef):
                    yield (section, number, "command", "env", name), value
    if file.store.password is not None:
        yield ("store", "password"), file.store.password
    if file.triage.webhook is not None:
        yield ("triage", "webhook"), file.triage.webhook
    for number, channel in enumerate(file.notify):
        if channel.webhook is not None:
            yield ("notify", number, "webhook"), channel.webhook


def _secret(ref: SecretRef, place: Place, folder: Path, environ: Mapping[str, str]) -> Iterator[Remark]:
    """Whether a secret can be had; a command is looked for and not run."""
    from controlroom.config.secrets import SecretUnavailable, program, resolve

    if ref.command is not None:
        import shutil

        name = program(ref.command)
        here = "/" in name and _exists(folder, name)
        if not here and shutil.which(name, path=environ.get("PATH")) is None:
            yield Remark("error", place, f"there is no command {clean(name)}", "install it, or name another")
        return
    try:
        resolve(ref, folder, environ=environ)
    except SecretUnavailable as problem:
        severity: Literal["error", "warning"] = "warning" if ref.env is not None else "error"
        remedy = "set it where the room is started" if ref.env is not None else "make it readable for you"
        yield Remark(severity, place, str(problem), remedy)


def _looks(file: File, environ: Mapping[str, str]) -> Iterator[Remark]:
    yield from _theme(file.ui.theme, environ)
    viewer = file.ui.viewer_zone
    if viewer and (viewer[:1] in "+-" or viewer.upper().startswith(("UTC+", "UTC-", "GMT", "ETC/GMT"))):
        remedy = 'write a place, such as "Asia/Kolkata"'
        yield Remark("warning", ("ui", "viewer_zone"), "a bare offset knows no daylight saving", remedy)
    if file.keys:
        from controlroom.tui.keys import check as check_keys

        for problem in check_keys(file.keys):
            yield Remark("error", ("keys", problem.action), problem.message, problem.remedy)


def _theme(name: str, environ: Mapping[str, str]) -> Iterator[Remark]:
    """A theme is known by its name, which is usually its file's; only otherwise are files opened."""
    from controlroom.config.folders import config_folder

    own = config_folder(environ)
    package = Path(__file__).parents[1]
    places = [package / "themes", package.parents[1] / "themes", *([own / "themes"] if own else [])]
    if any((place / f"{name}.toml").is_file() for place in places if "/" not in name):
        return
    from controlroom.config.spelling import did_you_mean
    from controlroom.config.themes import load

    known = load(place for place in places if place.is_dir()).loaded
    if name not in known:
        remedy = did_you_mean(name, known, "controlroom themes list names them all")
        yield Remark("error", ("ui", "theme"), f'there is no theme "{name}"', remedy)
