"""A report of a crash: where in the program it happened, without any value that was being worked on."""

from __future__ import annotations

import os
import platform
import re
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from controlroom import __version__
from controlroom.domain.text import clean

_USERINFO = re.compile(r"//[^/@\s]*@")


def report(error: BaseException, environ: Mapping[str, str]) -> Path | None:
    """Write the report into the user's state folder, else a temporary one; None when neither can be."""
    from controlroom.config.folders import state_folder

    content = text(error).encode("utf-8", "backslashreplace")
    for folder in (state_folder(environ), Path(tempfile.gettempdir())):
        if folder is None:
            continue
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(".txt", "controlroom-crash-", folder)
            with os.fdopen(handle, "wb") as target:
                target.write(content)
        except OSError:
            continue
        return Path(name)
    return None


def text(error: BaseException) -> str:
    """Versions, kinds of exceptions, their messages with passwords in URLs left out, and lines of code."""
    import traceback

    lines = [f"controlroom {__version__} · Python {platform.python_version()} · {sys.platform}"]
    seen: BaseException | None = error
    while seen is not None:
        message = _USERINFO.sub("//…@", clean(str(seen), 400))
        lines += ["", f"{type(seen).__name__}: {message}"]
        lines += [
            f"  {Path(frame.filename).name}:{frame.lineno} in {frame.name}"
            for frame in traceback.extract_tb(seen.__traceback__)
        ]
        seen = seen.__cause__ or (None if seen.__suppress_context__ else seen.__context__)
    return "\n".join(lines) + "\n"
