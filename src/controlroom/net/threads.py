"""Blocking calls off the event loop, in threads that nobody has to wait for."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


async def in_daemon(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """The result of `function`, run in a daemon thread of its own; its exception is raised here.

    Unlike an executor's, such a thread does not hold up the end of the process when its server hangs.
    Cancelling stops the waiting, not the thread: `function` must have limits of its own.
    """
    loop = asyncio.get_running_loop()
    outcome: asyncio.Future[T] = loop.create_future()

    def deliver(result: T | None, problem: BaseException | None) -> None:
        if outcome.done():
            return
        if problem is None:
            outcome.set_result(result)  # type: ignore[arg-type]
        else:
            outcome.set_exception(problem)

    def work() -> None:
        result: T | None = None
        problem: BaseException | None = None
        try:
            result = function(*args, **kwargs)
        except BaseException as raised:
            problem = raised
        with contextlib.suppress(RuntimeError):  # the loop may be gone by now
            loop.call_soon_threadsafe(deliver, result, problem)

    threading.Thread(target=work, name="controlroom-blocking-call", daemon=True).start()
    return await outcome
