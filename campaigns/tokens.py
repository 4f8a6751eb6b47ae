"""A minute of eight processes with eight threads each, signing with one SoftHSM token.

No signature may be wrong, lost, stuck or crash the process, and each process keeps at least 80 %
of the rate of one raw session of python-pkcs11 in the same run: `make campaign-tokens`, or with
`ARGS=SECONDS` for another length.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.bench_tokens import PROCESSES, THREADS, measure

GOAL = 0.8


def main() -> int:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 60.0
    failed = False
    for outcome in measure(seconds=seconds):
        ratio = outcome.ours_rate / outcome.raw_rate
        failed |= bool(outcome.failures) or ratio < GOAL
        print(
            f"{outcome.key}: {PROCESSES} processes x {THREADS} threads, "
            f"{outcome.ours_seconds:.0f} s: {outcome.ours:,} signed, "
            f"{outcome.verified:,} verified; "
            f"{outcome.ours_rate:,.0f}/s a process, raw {outcome.raw_rate:,.0f}/s, "
            f"ratio {ratio:.2f} (goal {GOAL})"
        )
        for failure in outcome.failures:
            print(f"  {failure}")
    print("failed" if failed else "held")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
