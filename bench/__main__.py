"""Run every `bench/bench_*.py` and print the ratios: `python -m bench [--check] [NAME …]`.

A bench module has `run() -> Iterable[Row]`. With `--check` a missed goal makes the exit status 1;
a bench that fails makes it 1 in any case.
"""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import sys
import traceback
from collections.abc import Sequence

import bench
from bench.report import Row, table

PREFIX = "bench_"


def main(arguments: Sequence[str] | None = None) -> int:
    found = [module.name for module in pkgutil.iter_modules(bench.__path__)]
    available = [name.removeprefix(PREFIX) for name in sorted(found) if name.startswith(PREFIX)]
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--check", action="store_true", help="exit with 1 where a goal is missed")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of: {', '.join(available)}")
    options = parser.parse_args(arguments)
    if unknown := set(options.names) - set(available):
        parser.error(f"no such bench: {', '.join(sorted(unknown))}")

    rows: list[Row] = []
    broken = []
    for name in options.names or available:
        try:
            rows += importlib.import_module(f"bench.{PREFIX}{name}").run()
        except Exception:  # noqa: BLE001  # the other benches still have something to say
            traceback.print_exc()
            broken.append(name)
    print(table(rows))
    missed = [row.name for row in rows if row.verdict == "missed"]
    print(f"\n{len(rows)} figures, {len(missed)} missed their goal")
    if broken:
        print(f"failed: {', '.join(broken)}", file=sys.stderr)
    return 1 if broken or (options.check and missed) else 0


if __name__ == "__main__":
    sys.exit(main())
