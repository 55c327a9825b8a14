"""Questions to name servers as bytes: over UDP, and over TCP where the answer is too long (RFC 7766).

What the bytes mean is not known here, except for the header: the id, whether it answers, whether it is cut.
"""

from __future__ import annotations

import asyncio
import os
import socket

from controlroom.probes.dial import Stage, dial
from controlroom.probes.names import Found, Names
from controlroom.probes.port import Trouble
from controlroom.probes.wording import seconds, trouble

SENDS = 3
"""Times a question is sent over UDP within its time: one packet that is lost is not a server that is."""

STRANGERS = 32
"""Packets that are no answer to the question; after so many nobody waits for one that is."""

LIMIT = 16_384
"""Bytes of an answer; a name with a hundred addresses has about two thousand."""

HEADER = 12
_DATAGRAM = 65_535
_RESPONSE, _CUT = 0x80, 0x02
"""QR and TC, bits of the header's third byte (RFC 1035, 4.1.1)."""

NO_NAME_SERVER = "answers, but is not a name server"


class Asking:
    """One question on its way; afterwards it knows what to say when time ran out."""

    def __init__(self, question: bytes, names: Names, deadline: float) -> None:
        """`question` is a whole message; its first two bytes, the id, are replaced."""
        self._question = os.urandom(2) + question[2:]
        self._names, self._deadline = names, deadline
        self._stage = Stage()
        self._asked = self._too_long = False
        self._strangers = 0

    async def ask(self, places: list[Found]) -> tuple[bytes, str]:
        """The answer and who gave it, the first of `places` that does; they share the time.

        Raises OSError of the last one, or Trouble. The whole deadline is the caller's to keep.
        """
        self._asked = True
        for number, (family, address) in enumerate(places, 1):
            last = number == len(places)
            within = self._deadline / len(places)
            try:
                async with asyncio.timeout(None if last else within):
                    return await self._ask(family, address, within), str(address[0])
            except OSError:
                if last:
                    raise
        raise socket.gaierror(socket.EAI_NONAME, "no address")

    def late(self, server: str) -> Trouble:
        """What to say when the deadline is over."""
        if self._too_long:
            return _only_tcp(self._stage.late(server, self._deadline))
        if self._strangers:
            return Trouble("answers, but not what was asked")
        if self._asked:
            return Trouble(f"no answer within {seconds(self._deadline)}", unreachable=True)
        return self._stage.late(server, self._deadline)

    async def _ask(
        self, family: int, address: tuple[str, int] | tuple[str, int, int, int], within: float
    ) -> bytes:
        with socket.socket(family, socket.SOCK_DGRAM) as plug:
            plug.setblocking(False)
            self._too_long = False
            # Connected: nobody else's packets come in, and the system tells when nobody listens there.
            plug.connect(address)
            answer = await self._over_udp(plug, within)
        if not answer[2] & _CUT:
            return answer
        self._too_long = True
        try:
            return await self._over_tcp(str(address[0]), address[1])
        except (OSError, EOFError) as error:
            if isinstance(error, TimeoutError):
                raise
            closed = Trouble("closed the connection without an answer")
            raise _only_tcp(
                closed if isinstance(error, EOFError) else trouble(error, str(address[0]))
            ) from None

    async def _over_udp(self, plug: socket.socket, within: float) -> bytes:
        loop = asyncio.get_running_loop()
        for number in range(1, SENDS + 1):
            await loop.sock_sendall(plug, self._question)
            try:
                async with asyncio.timeout(within / SENDS if number < SENDS else None):
                    return await self._answer(plug)
            except TimeoutError:
                if number == SENDS:
                    raise
        raise TimeoutError

    async def _answer(self, plug: socket.socket) -> bytes:
        loop = asyncio.get_running_loop()
        while self._strangers < STRANGERS:
            answer = await loop.sock_recv(plug, _DATAGRAM)
            if len(answer) < HEADER:
                raise Trouble(NO_NAME_SERVER)
            if answer[:2] == self._question[:2]:
                return _checked(answer)
            self._strangers += 1
        raise Trouble("answers, but not what was asked")

    async def _over_tcp(self, host: str, port: int) -> bytes:
        transport, framed = await dial(
            _Framed, host, port, names=self._names, stage=self._stage, within=self._deadline
        )
        try:
            transport.write(len(self._question).to_bytes(2, "big") + self._question)
            answer = await framed.answer
        finally:
            transport.abort()
        if len(answer) < HEADER or answer[:2] != self._question[:2]:
            raise Trouble("answers, but not what was asked")
        return _checked(answer)


class _Framed(asyncio.Protocol):
    """One message with its length before it (RFC 1035, 4.2.2)."""

    def __init__(self) -> None:
        self.answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self.answer.add_done_callback(lambda done: done.cancelled() or done.exception())
        self._heard = bytearray()

    def data_received(self, data: bytes) -> None:
        """asyncio: bytes came."""
        if self.answer.done():
            return
        self._heard += data
        if len(self._heard) < 2:
            return
        length = int.from_bytes(self._heard[:2], "big")
        if length > LIMIT:
            self.answer.set_exception(Trouble(f"answers with more than {LIMIT // 1024} KiB"))
        elif len(self._heard) >= 2 + length:
            self.answer.set_result(bytes(self._heard[2 : 2 + length]))

    def connection_lost(self, exc: Exception | None) -> None:
        """asyncio: the connection is gone."""
        if not self.answer.done():
            self.answer.set_exception(exc or EOFError())


def _checked(answer: bytes) -> bytes:
    """`answer`, unless it is a question, as of something that sends back whatever comes."""
    if not answer[2] & _RESPONSE:
        raise Trouble(NO_NAME_SERVER)
    if len(answer) > LIMIT:
        raise Trouble(f"answers with more than {LIMIT // 1024} KiB")
    return answer


def _only_tcp(problem: Trouble) -> Trouble:
    return Trouble(f"answer too long for UDP; over TCP: {problem.reason}", problem.health)
