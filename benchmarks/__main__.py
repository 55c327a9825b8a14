"""``make bench``: every budget with its floor, measured now. ``ARGS=--quick`` takes fewer samples."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Mapping

from benchmarks import headless, mixed, past, room, screens, sweep, triage

PARTS: Mapping[str, Callable[..., Iterable[room.Figure]]] = {
    "headless": headless.run,
    "sweep": sweep.run,
    "room": room.run,
    "triage": triage.run,
    "mixed": mixed.run,
    "past": past.run,
    "screens": screens.run,
}


def main() -> int:
    """Print the figures; 1 when a budget is not met."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[[], *PARTS], help="which; all by default")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    print(f"{'what':<48} {'floor':>9} {'value':>9} {'ratio':>6}  budget")
    met = True
    for name in options.parts or PARTS:
        for figure in PARTS[name](quick=options.quick):
            times = f"{figure.value / figure.floor:.2f}" if figure.floor else ""
            verdict = "" if figure.met else "  MISSED"
            print(
                f"{figure.name:<48} {figure.floor:>9.2f} {figure.value:>9.2f} {times:>6}"
                f"  {figure.unit} {figure.budget}{verdict}",
                flush=True,
            )
            met = met and figure.met
    return 0 if met else 1


if __name__ == "__main__":
    raise SystemExit(main())
