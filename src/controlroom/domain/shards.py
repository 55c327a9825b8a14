"""Which of several collectors asks which service: each is sure of its own part without asking the others.

Rendezvous hashing: a service belongs to the member that has the greatest digest together with it. So when a
member goes only its own services move, and when one comes they move to nobody else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b

from controlroom.domain.services import Service


def shares(services: Iterable[str], members: Iterable[str]) -> Mapping[str, frozenset[str]]:
    """Member → the services it asks; each service is one member's. Nobody there: nothing.

    >>> shares(["vault"], ["east"])
    {'east': frozenset({'vault'})}
    """
    there = {member: member.encode("utf-8", "surrogatepass") for member in members}
    parts: dict[str, set[str]] = {member: set() for member in there}
    for service in services:
        if there:
            keyed = blake2b(service.encode("utf-8", "surrogatepass"), digest_size=8)
            parts[max(there, key=lambda member: (_rank(keyed, there[member]), member))].add(service)
    return {member: frozenset(part) for member, part in parts.items()}


def mark(services: Sequence[Service], version: str) -> str:
    """A short mark that differs where `services`, as they are declared, or the program's version differ.

    Only collectors with the same mark share: others would ask other things, or not be understood.
    """
    whole = blake2b(version.encode(), digest_size=8)
    for service in services:
        whole.update(repr(service).encode("utf-8", "surrogatepass"))
    return whole.hexdigest()


def _rank(keyed: blake2b, member: bytes) -> bytes:
    both = keyed.copy()
    both.update(b"\0" + member)
    return both.digest()
