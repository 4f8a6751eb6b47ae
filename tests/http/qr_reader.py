"""Read a clean QR code: versions 6 to 10, error correction M, bytes (ISO/IEC 18004:2015 §7).

A reader that shares nothing with the writer. It corrects no errors: a module that is wrong is read
as it stands.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

_CENTRES = {6: (6, 34), 7: (6, 22, 38), 8: (6, 24, 42), 9: (6, 26, 46), 10: (6, 28, 50)}
# Sizes of the data blocks (table 9, level M).
_BLOCKS = {
    6: [27] * 4,
    7: [31] * 4,
    8: [38] * 2 + [39] * 2,
    9: [36] * 3 + [37] * 2,
    10: [43] * 4 + [44],
}
_MASKS: tuple[Callable[[int, int], int], ...] = (
    lambda i, j: (i + j) % 2,
    lambda i, j: i % 2,
    lambda i, j: j % 3,
    lambda i, j: (i + j) % 3,
    lambda i, j: (i // 2 + j // 3) % 2,
    lambda i, j: (i * j) % 2 + (i * j) % 3,
    lambda i, j: ((i * j) % 2 + (i * j) % 3) % 2,
    lambda i, j: ((i + j) % 2 + (i * j) % 3) % 2,
)


def read_qr(rows: list[str]) -> str:
    """The text in the modules, row by row, without a quiet zone."""
    size = len(rows)
    version = (size - 17) // 4
    assert all(len(row) == size for row in rows)
    formatted = int("".join(rows[8][j] for j in range(5)), 2) ^ 0b10101
    assert formatted >> 3 == 0, "error correction M"
    mask = _MASKS[formatted & 7]
    bits = "".join(str(int(rows[i][j]) ^ (mask(i, j) == 0)) for i, j in _path(size, version))
    words = [int(bits[n : n + 8], 2) for n in range(0, len(bits) - 7, 8)]
    blocks: list[list[int]] = [[] for _ in _BLOCKS[version]]
    position = 0
    for n in range(max(_BLOCKS[version])):
        for block, length in zip(blocks, _BLOCKS[version], strict=True):
            if n < length:
                block.append(words[position])
                position += 1
    data = "".join(f"{word:08b}" for block in blocks for word in block)
    assert data[:4] == "0100", "byte mode"
    counted = 8 if version < 10 else 16
    length, start = int(data[4 : 4 + counted], 2), 4 + counted
    return bytes(int(data[start + 8 * n : start + 8 * n + 8], 2) for n in range(length)).decode()


def _path(size: int, version: int) -> Iterator[tuple[int, int]]:
    """Where data stands: pairs of columns from the right, up and down in turn."""
    upwards = True
    for right in (*range(size - 1, 6, -2), *range(5, 0, -2)):
        for i in range(size - 1, -1, -1) if upwards else range(size):
            for j in (right, right - 1):
                if not _is_pattern(i, j, size, version):
                    yield i, j
        upwards = not upwards


def _is_pattern(i: int, j: int, size: int, version: int) -> bool:
    far = size - 8
    if (i < 9 and j < 9) or (i < 9 and j >= far) or (i >= far and j < 9) or 6 in (i, j):
        return True
    if version >= 7 and ((i < 6 and j >= size - 11) or (j < 6 and i >= size - 11)):
        return True
    centres = _CENTRES[version]
    last = centres[-1]
    return any(
        abs(i - y) < 3 and abs(j - x) < 3
        for y in centres
        for x in centres
        if (y, x) not in {(6, 6), (6, last), (last, 6)}
    )
