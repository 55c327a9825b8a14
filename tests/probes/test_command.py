"""Programs as people write them, and as they should not be: real processes, and none is left behind."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from controlroom.domain.asks import CommandAsks
from controlroom.domain.health import ProbeResult
from controlroom.domain.secret import SecretRef
from controlroom.domain.services import Health, Service
from controlroom.probes.command import AT_ONCE, CommandProbe
from controlroom.probes.port import Context
from controlroom.probes.prober import Prober
from controlroom.probes.process import LIMIT, Process

U, DEG, D, N = Health.UP, Health.DEGRADED, Health.DOWN, Health.UNKNOWN
SECRETS = {"KEY": "hunter2-and-more"}


def resolve(ref: SecretRef) -> str:
    """The tests' own secret; anything else is not there."""
    if ref.env not in SECRETS:
        raise LookupError(f"the environment variable {ref.env} is not set")
    return SECRETS[ref.env]


@pytest.fixture
async def prober(tmp_path: Path) -> AsyncIterator[Prober]:
    """A prober whose configuration is in the test's folder."""
    made = Prober(lambda: datetime.now(UTC), resolve, folder=tmp_path)
    await made.load("command")
    yield made
    made.close()


async def run(
    prober: Prober, *argv: str, deadline: float = 10.0, id_: str = "it", **asks: Any
) -> ProbeResult:
    """One run."""
    service = Service(id_, "command", command=CommandAsks(argv, **asks))
    started = time.monotonic()
    result = await prober(service, deadline)
    assert time.monotonic() - started < deadline + 1
    assert 0 < len(result.reason) <= 120
    assert result.reason.isprintable()
    return result


async def sh(prober: Prober, script: str, **more: Any) -> ProbeResult:
    """One run of a few words of shell."""
    return await run(prober, "sh", "-c", script, **more)


def write(path: Path, text: str, mode: int = 0o755) -> None:
    """A script."""
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)


def stat_of(pid: int) -> list[str]:
    """State, parent and so on of a process, as proc(5) lists them behind its name."""
    return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()


async def gone(pid: int) -> None:
    """Returns when the process has ended and is no zombie of ours; others' are buried by the system."""
    for _ in range(500):
        try:
            about = stat_of(pid)
        except (FileNotFoundError, ProcessLookupError):
            return
        if about[0] == "Z" and int(about[1]) != os.getpid():
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"{pid} is still there")


async def written(path: Path) -> str:
    """What a program writes to a file, once it is there."""
    for _ in range(500):
        text = path.read_text(encoding="utf-8") if path.exists() else ""  # noqa: ASYNC240
        if text.endswith("\n"):
            return text
        await asyncio.sleep(0.01)
    raise AssertionError(f"{path} is not written")


@pytest.mark.parametrize(
    ("script", "health", "reason"),
    [
        ("echo all 7 disks fine", U, "all 7 disks fine"),
        ("echo; echo '  second'; echo third", U, "second"),
        ("echo aside >&2", U, "aside"),
        ("echo aside >&2; echo first", U, "first"),
        ("true", U, "exit code 0"),
        ("exit 3", D, "exit code 3"),
        ("echo disk full; exit 1", D, "disk full"),
        ("echo 'no such file' >&2; exit 2", D, "no such file"),
        ("kill -SEGV $$", D, "killed by SIGSEGV"),
        ("printf '\\033[31mred [bold]x[/]\\n'", U, "[31mred [bold]x[/]"),
        ("printf 'a\\000b\\377c\\n'", U, "ab\ufffdc"),
        ("printf 'token=abcdef123 leaked'", U, "token=••• leaked"),
    ],
)
async def test_plain_exit_codes_and_the_first_line(
    prober: Prober, script: str, health: Health, reason: str
) -> None:
    """0 is UP, all else DOWN; what it prints first says why, cleaned of what a terminal might obey."""
    result = await sh(prober, script)
    assert (result.health, result.reason) == (health, reason)
    assert result.latency is not None
    assert not result.unreachable


@pytest.mark.parametrize(
    ("script", "health", "reason"),
    [
        ("echo 'DISK OK - 7 % used | /=7%;80;90'", U, "DISK OK - 7 % used"),
        ("echo 'WARNING | x=1'; exit 1", DEG, "WARNING"),
        ("echo 'CRITICAL'; exit 2", D, "CRITICAL"),
        ("echo 'cannot say' >&2; exit 3", N, "cannot say"),
        ("echo odd; exit 4", N, "exit code 4 is none of a plugin: odd"),
        ("exit 127", N, "exit code 127 is none of a plugin"),
        ("echo '|x=1'", U, "exit code 0"),
        ("kill -KILL $$", N, "killed by SIGKILL"),
    ],
)
async def test_plugins_of_nagios(prober: Prober, script: str, health: Health, reason: str) -> None:
    """Their four exit codes; figures behind the bar are cut off the reason and stay in the raw output."""
    result = await sh(prober, script, exits="nagios")
    assert (result.health, result.reason) == (health, reason)
    if "|" in script:
        assert "|" in result.raw


async def test_all_of_the_output_can_be_read(prober: Prober) -> None:
    """Both streams, line by line; the exit code is a fact."""
    result = await sh(prober, "echo one; echo two; echo three >&2; exit 7")
    assert result.raw == "one\ntwo\nthree"
    assert result.detail == {"exit": "7"}


async def test_a_slow_answer_is_degraded(prober: Prober) -> None:
    """`latency_ms` counts from the start of the program."""
    command = CommandAsks(("sleep", "0.2"))
    result = await prober(Service("it", "command", command=command, latency_ms=50), 10.0)
    assert result.health is DEG
    assert result.reason.startswith("slow: ")


async def test_programs_are_found_beside_the_configuration_or_on_the_path(
    prober: Prober, tmp_path: Path
) -> None:
    """With a slash it is relative to the folder, which is where it runs; without, only the PATH counts."""
    (tmp_path / "checks").mkdir()
    write(tmp_path / "checks" / "where", "#!/bin/sh\npwd\n")
    write(tmp_path / "alone", "#!/bin/sh\necho here\n")
    assert (await run(prober, "checks/where")).reason == str(tmp_path)
    assert (await run(prober, "./alone")).reason == "here"
    assert (await run(prober, str(tmp_path / "alone"))).reason == "here"
    missing = await run(prober, "alone")
    assert (missing.health, missing.reason) == (N, "not run: alone is not on the PATH")
    found = await run(prober, "alone", env={"PATH": str(tmp_path)})
    assert found.reason == "here"


@pytest.mark.parametrize(
    ("text", "mode", "reason"),
    [
        ("#!/bin/sh\n", 0o644, "not run: ./check is not executable: chmod +x ./check"),
        (
            "#!/no/such/interpreter\n",
            0o755,
            "not run: what runs ./check (see its first line) is missing",
        ),
        (
            "just words\n",
            0o755,
            "not run: ./check is no program: its first line should be #!/bin/sh or the like",
        ),
        (None, 0, "not run: there is no ./check"),
    ],
)
async def test_what_cannot_be_started(
    prober: Prober, tmp_path: Path, text: str | None, mode: int, reason: str
) -> None:
    """UNKNOWN, for nothing was asked; the reason says what would mend it."""
    if text is not None:
        write(tmp_path / "check", text, mode)
    result = await run(prober, "./check")
    assert (result.health, result.reason) == (N, reason)


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        ((), "command.run is empty"),
        (("./",), "is a folder"),
        (("sh", "-c", "a\0b"), "does not take"),
        (("sh", "x" * 300_000), "too long"),
    ],
)
async def test_what_cannot_be_a_command(prober: Prober, argv: tuple[str, ...], words: str) -> None:
    """UNKNOWN: the configuration is wrong, not the service."""
    result = await run(prober, *argv)
    assert result.health is N
    assert words in result.reason


async def test_a_folder_that_is_gone_is_named(tmp_path: Path) -> None:
    """UNKNOWN, with where to look."""
    prober = Prober(lambda: datetime.now(UTC), resolve, folder=tmp_path / "gone")
    result = await run(prober, "true")
    assert (result.health, result.reason) == (N, "not run: the configuration's folder is gone")


async def test_variables_and_secrets_reach_it_and_nobody_else(prober: Prober, tmp_path: Path) -> None:
    """The room's environment and the configuration's; a secret is on no command line and in no result."""
    script = "cat /proc/$$/cmdline > args; echo >> args; echo $HOME $COLOUR $KEY; test ${#KEY} = 16"
    result = await sh(prober, script, env={"COLOUR": "blue", "KEY": SecretRef(env="KEY")})
    assert (result.health, result.reason) == (U, f"{os.environ['HOME']} blue •••")
    assert SECRETS["KEY"] not in str(result)
    assert SECRETS["KEY"] not in await written(tmp_path / "args")
    missing = await sh(prober, "true", env={"KEY": SecretRef(env="NONE")})
    assert missing.health is N
    assert "NONE" in missing.reason


def test_nobody_is_at_the_keyboard() -> None:
    """A program that asks gets the end of input, and not what is typed to the room."""
    code = (
        "import os, pathlib; from controlroom.probes.process import Process;"
        "print(Process(('cat',), os.environ, pathlib.Path('/')).run())"
    )
    done = subprocess.run([sys.executable, "-c", code], input=b"keys", capture_output=True, check=True)
    assert done.stdout == b"Ended(code=0, out=b'', err=b'', flooded=False)\n"


async def test_it_has_a_session_of_its_own(prober: Prober) -> None:
    """It leads its session and group: no terminal, and a Ctrl-C for the room does not reach it."""
    result = await sh(prober, "set -- $(cat /proc/$$/stat); echo $(($$ == $5)) $(($$ == $6))")
    assert result.reason == "1 1"


def test_only_the_beginning_of_the_output_is_kept(tmp_path: Path) -> None:
    """64 KiB of each stream, however much there is."""
    script = "head -c 1000000 /dev/zero; head -c 1000000 /dev/zero >&2"
    ended = Process(("sh", "-c", script), os.environ, tmp_path).run()
    assert (len(ended.out), len(ended.err), ended.code) == (LIMIT, LIMIT, 0)


async def test_at_the_deadline_all_of_it_is_killed(prober: Prober, tmp_path: Path) -> None:
    """The program, its children and theirs; none is left, not even a zombie; what it has said is kept."""
    script = (
        "echo so far; (sleep 60 & echo $! >> pids; sleep 60 & echo $! >> pids); echo $$ >> pids; sleep 60"
    )
    result = await sh(prober, script, deadline=0.5)
    assert (result.health, result.reason, result.raw) == (D, "not done within 0.5 s", "so far")
    for pid in (await written(tmp_path / "pids")).split():
        await gone(int(pid))
    await threads_end()


async def threads_end() -> None:
    """Returns when no thread of a probe is left."""
    for _ in range(500):
        if not any(t.name.startswith("controlroom-blocking") for t in threading.enumerate()):
            return
        await asyncio.sleep(0.01)
    raise AssertionError(threading.enumerate())


async def test_a_program_that_ignores_every_signal_it_can(prober: Prober, tmp_path: Path) -> None:
    """It is killed all the same."""
    script = "trap '' TERM INT HUP QUIT; echo $$ > pid; while :; do sleep 1; done"
    assert (await sh(prober, script, deadline=0.5)).reason == "not done within 0.5 s"
    await gone(int(await written(tmp_path / "pid")))


async def test_a_stopped_program_is_killed_too(prober: Prober, tmp_path: Path) -> None:
    """SIGSTOP does not save it."""
    assert (await sh(prober, "echo $$ > pid; kill -STOP $$", deadline=0.5)).reason == "not done within 0.5 s"
    await gone(int(await written(tmp_path / "pid")))


@pytest.mark.parametrize("holder", ["sleep 60 &", "setsid sleep 60 &", "setsid yes &"])
async def test_a_grandchild_with_the_pipe_in_its_hands_is_not_waited_for(
    prober: Prober, holder: str, tmp_path: Path
) -> None:
    """The program has ended, so the answer is there; what it left in its group ends, too."""
    result = await sh(prober, f"{holder} echo $! > pid; echo done")
    pid = int(await written(tmp_path / "pid"))
    try:
        assert result.health is U
        assert result.latency is not None
        assert result.latency < 5
        if holder == "sleep 60 &":
            await gone(pid)
    finally:
        if holder.startswith("setsid sleep"):
            os.kill(pid, signal.SIGKILL)
    await threads_end()


@pytest.mark.parametrize("size", [1_000, LIMIT - 1, LIMIT + 1, 20 * LIMIT])
@pytest.mark.parametrize("stream", ["", ">&2"])
async def test_long_output_neither_blocks_it_nor_fills_memory(prober: Prober, size: int, stream: str) -> None:
    """All is read, the beginning is kept; a full pipe never holds the program up."""
    result = await sh(prober, f"head -c {size} /dev/zero | tr '\\0' x {stream}; echo; exit 5")
    assert (result.health, result.detail) == (D, {"exit": "5"})
    assert result.reason.startswith("xxx")
    assert len(result.raw) <= 2_000


async def test_output_without_an_end_is_cut_off(prober: Prober) -> None:
    """A program that prints for ever is ended long before the deadline."""
    started = time.monotonic()
    result = await run(prober, "yes", deadline=60.0)
    assert (result.health, result.reason) == (D, "prints more than 4 MiB")
    assert time.monotonic() - started < 20


async def test_a_program_that_closes_its_output_is_waited_for(prober: Prober) -> None:
    """The end of its output is not its own; no core is burnt meanwhile."""
    before = time.process_time()
    result = await sh(prober, "exec >&- 2>&-; sleep 1; exit 4")
    assert (result.health, result.detail) == (D, {"exit": "4"})
    assert time.process_time() - before < 0.5


async def test_cancelling_kills_at_once(prober: Prober, tmp_path: Path) -> None:
    """Whoever quits does not wait; nothing stays running."""
    service = Service("it", "command", command=CommandAsks(("sh", "-c", "echo $$ > pid; sleep 60")))
    task = asyncio.create_task(prober(service, 60.0))
    pid = int(await written(tmp_path / "pid"))
    started = time.monotonic()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert task.cancelled()
    assert time.monotonic() - started < 0.2
    await gone(pid)
    await threads_end()


async def test_closing_ends_what_runs(prober: Prober, tmp_path: Path) -> None:
    """A room that is closed leaves no program behind."""
    service = Service("it", "command", command=CommandAsks(("sh", "-c", "echo $$ > pid; sleep 60")))
    task = asyncio.create_task(prober(service, 60.0))
    pid = int(await written(tmp_path / "pid"))
    prober.close()
    assert (await task).reason == "killed by SIGKILL"
    await gone(pid)


async def test_a_few_at_once(prober: Prober, tmp_path: Path) -> None:
    """Twelve programs run four at a time; who does not get a turn in time is not said to be down."""
    write(tmp_path / "one", "#!/bin/sh\nmkdir $$.run; ls -d *.run | wc -l; sleep 0.2; rmdir $$.run\n")
    results = await asyncio.gather(*(run(prober, "./one", id_=str(n)) for n in range(12)))
    assert {result.health for result in results} == {U}
    assert max(int(result.reason) for result in results) <= AT_ONCE
    holding = [asyncio.create_task(run(prober, "sleep", "2", id_=f"h{n}")) for n in range(AT_ONCE)]
    await asyncio.sleep(0.3)
    late = await run(prober, "true", id_="late", deadline=0.2)
    assert (late.health, late.reason) == (N, "not run: 4 others are running, no turn within 0.2 s")
    assert {(await task).health for task in holding} == {U}


def children() -> list[str]:
    """Processes of ours, zombies among them."""
    return Path(f"/proc/self/task/{os.getpid()}/children").read_text(encoding="ascii").split()


async def test_many_runs_leave_nothing_behind(prober: Prober) -> None:
    """Neither descriptors nor threads nor zombies after fifty runs, good, bad and late."""
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    for number in range(50):
        await sh(prober, "exit 1" if number % 2 else "sleep 9", deadline=10.0 if number % 2 else 0.02)
    await threads_end()
    assert len(os.listdir("/proc/self/fd")) <= before  # noqa: PTH208
    assert not children()


async def test_a_program_on_a_pipe_is_not_waited_for_in_the_room(tmp_path: Path) -> None:
    """Opening the program itself hangs (a named pipe, as a dead network folder would): the loop goes on."""
    os.mkfifo(tmp_path / "check")
    (tmp_path / "check").chmod(0o755)
    probe = CommandProbe()
    prober = Prober(lambda: datetime.now(UTC), resolve, folder=tmp_path)
    context: Context = prober.context(0.3)
    service = Service("it", "command", command=CommandAsks(("./check",)))
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0.01)
            ticks += 1

    ticking = asyncio.create_task(tick())
    for reason in (
        "not done within 0.3 s",
        "its last run hangs and cannot be ended, none since within 0.3 s",
    ):
        with pytest.raises(Exception, match=reason):
            await probe(service, context)
    ticking.cancel()
    assert ticks > 20
    with (tmp_path / "check").open("wb"):
        pass
    await threads_end()
    prober.close()
