"""A register that was opened and used before a fork, written to on both sides.

python -m tests.ca.forked URL
"""

from __future__ import annotations

import os
import sys

from eds.ca.database import open_database
from tests.ca.crash import open_register
from tests.ca.hierarchy import NOON
from tests.ca.status_desk import audit_records

CHILDREN, ACTS = 3, 10


def main(url: str) -> int:
    engine = open_database(url)
    register = open_register(engine, 1)
    # One connection in the pool and one out of it, when the fork comes.
    with engine.connect(), engine.connect():
        pass
    held = engine.connect()

    def block(who: int) -> None:
        for act in range(ACTS):
            key = bytes([who, act]) + bytes(30)
            register.block_key(key, source="test", actor="op", at=NOON)

    for child in range(CHILDREN):
        if os.fork() == 0:
            status = 3
            try:
                block(1 + child)
                status = 0
            finally:
                os._exit(status)
    block(0)
    ends = [os.wait()[1] for _ in range(CHILDREN)]
    held.close()
    records = len(audit_records(register))
    engine.dispose()
    return int(any(ends) or records != (CHILDREN + 1) * ACTS)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
