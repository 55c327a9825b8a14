"""The quick decorator of frozen values against the standard library's, side by side."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import math
import pickle
from collections.abc import Callable
from dataclasses import InitVar, field, replace
from typing import Any, ClassVar

import pytest

from controlroom.domain import frozen

Decorator = Callable[..., Any]


class Base:
    """Has a slot, and is no dataclass."""

    __slots__ = ("base",)


def family(dataclass: Decorator) -> dict[str, Any]:
    """The same classes, decorated by one or the other."""

    @dataclass(frozen=True, slots=True)
    class Plain:
        """Three fields, two of them with a default."""

        name: str
        count: int = 3
        found: list[str] = field(default_factory=list, compare=False)
        shared: ClassVar[int] = 7

        def twice(self) -> int:
            """A method of its own."""
            return self.count * 2

    @dataclass(frozen=True, slots=True)
    class Odd:
        """Fields of every manner."""

        first: float
        hidden: str = field(default="x", repr=False)
        by_name: int = field(default=1, kw_only=True)
        not_given: int = field(default=5, init=False)
        made: list[int] = field(default_factory=list, hash=False)

    @dataclass(frozen=True, slots=True)
    class Checked:  # noqa: PLW1641 - its hash is made for it
        """Refuses what it cannot be, and writes itself in its own words."""

        value: int

        def __post_init__(self) -> None:
            if self.value < 0:
                raise ValueError("below nothing")

        def __repr__(self) -> str:
            return "checked"

        def __eq__(self, other: object) -> bool:
            return isinstance(other, type(self)) and abs(self.value) == abs(other.value)

    @dataclass(frozen=True, slots=True, eq=False)
    class Itself:
        """The same only as itself."""

        value: int

    @dataclass(frozen=True, slots=True)
    class One:
        """A single field."""

        value: float

    @dataclass(frozen=True, slots=True)
    class Empty:
        """No field at all."""

    @dataclass(frozen=True, slots=True)
    class Named:
        """Fields whose names could be those of what fills them."""

        sort: str
        set_sort: str
        make_parts: str
        default_sort: str = "d"
        parts: list[int] = field(default_factory=list)

    @dataclass(frozen=True, slots=True)
    class Slotted(Base):
        """A field that has its slot from a base that is no dataclass."""

        base: int
        own: int

    @dataclass(frozen=True, slots=True)
    class Unhashed:
        """Says itself that it has no hash."""

        value: int
        __hash__ = None  # type: ignore[assignment]

    @dataclass(frozen=True, slots=True)
    class Given:
        """Takes an argument that is no field, which is left to the standard library."""

        value: int
        added: InitVar[int] = 0

        def __post_init__(self, added: int) -> None:
            object.__setattr__(self, "value", self.value + added)

    @dataclass(frozen=True, slots=True)
    class Child(Plain):
        """Inherits, which is left to the standard library."""

        more: int = 0

    kinds = (Plain, Odd, Checked, Itself, One, Empty, Named, Slotted, Unhashed, Given, Child)
    return {kind.__name__: kind for kind in kinds}


OURS, THEIRS = family(frozen.dataclass), family(dataclasses.dataclass)

CALLS: tuple[tuple[str, tuple[Any, ...], dict[str, Any]], ...] = (
    ("Plain", ("a",), {}),
    ("Plain", ("a", 4, ["b"]), {}),
    ("Plain", (), {"found": ["c"], "name": "d"}),
    ("Plain", (), {}),
    ("Plain", ("a", 1, [], 2), {}),
    ("Plain", ("a",), {"other": 1}),
    ("Odd", (1.5,), {"by_name": 2}),
    ("Odd", (1.5, "y", [1, 2]), {}),
    ("Odd", (1.5, "y", [1, 2], 4), {}),
    ("Odd", (1.5,), {"not_given": 4}),
    ("Checked", (1,), {}),
    ("Checked", (-1,), {}),
    ("Itself", (1,), {}),
    ("One", (2.5,), {}),
    ("Empty", (), {}),
    ("Named", ("a", "b", "c"), {}),
    ("Slotted", (1, 2), {}),
    ("Unhashed", (1,), {}),
    ("Given", (1, 5), {}),
    ("Child", ("a", 1, [], 2), {}),
)


def outcome(family: dict[str, Any], name: str, given: tuple[Any, ...], named: dict[str, Any]) -> Any:
    """Everything seen of a value made so, or how its making was refused."""
    try:
        value = family[name](*given, **named)
    except (TypeError, ValueError) as problem:
        return type(problem), str(problem)
    again = family[name](*given, **named)
    fields = [(f.name, f.type, f.init, f.repr, f.compare) for f in dataclasses.fields(value)]
    read = {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
    hashed: bool | str
    try:
        hashed = hash(value) == hash(again)
    except TypeError as problem:
        hashed = str(problem)
    return (
        *(repr(value).replace(value.__class__.__qualname__, name), fields, str(read), hashed),
        *(value == again, value == value, value != 1, value == copy.copy(value)),  # noqa: PLR0124
        *(hasattr(value, "__dict__"), str(copy.deepcopy(value) == value)),
        *(value.__class__.__match_args__, inspect.signature(value.__class__).parameters.keys()),
        repr(value.__class__.__dataclass_params__),
    )


@pytest.mark.parametrize(("name", "given", "named"), CALLS)
def test_a_value_is_what_the_standard_library_makes_of_it(
    name: str, given: tuple[Any, ...], named: dict[str, Any]
) -> None:
    """Construction, refusals in words, equality, hash, text, copies and fields are the same."""
    assert outcome(OURS, name, given, named) == outcome(THEIRS, name, given, named)


def test_it_is_the_quick_way_that_was_tried() -> None:
    """The class compared above was not handed to the standard library, and the inherited one was."""
    assert OURS["Plain"].__setattr__ is frozen._set
    assert OURS["Child"].__setattr__ is not frozen._set


def test_equal_parts_make_equal_values_even_where_a_part_is_not_a_number() -> None:
    """As in a tuple, what is identical is equal: a value with NaN equals another one with that very NaN."""
    assert OURS["One"](math.nan) == OURS["One"](math.nan)
    assert OURS["One"](math.nan) != OURS["One"](float("nan"))
    for family in (OURS, THEIRS):
        assert family["One"](1) != family["Itself"](1)


def test_a_changed_copy_is_made_and_nothing_is_shared() -> None:
    """`replace` gives a new value; a default list is made anew for each."""
    plain = OURS["Plain"]("a")
    assert replace(plain, count=9).twice() == 18
    assert plain.count == 3
    assert OURS["Plain"]("a").found is not plain.found


@frozen.dataclass(frozen=True, slots=True)
class Kept:
    """A value that is written down."""

    name: str
    inner: Kept | None = None


def test_it_is_written_down_and_read_again() -> None:
    """A pickled value comes back equal, nested ones too."""
    kept = Kept("a", Kept("b"))
    assert pickle.loads(pickle.dumps(kept)) == kept
    assert repr(kept) == "Kept(name='a', inner=Kept(name='b', inner=None))"


def test_nothing_about_it_can_be_changed() -> None:
    """Assigning and deleting are refused by name."""
    kept: Any = Kept("a")
    with pytest.raises(dataclasses.FrozenInstanceError, match="cannot assign to field 'name'"):
        kept.name = "b"
    with pytest.raises(dataclasses.FrozenInstanceError, match="cannot delete field 'name'"):
        del kept.name
