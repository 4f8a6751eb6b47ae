"""Merkle trees beside the published roots and proofs of the CT reference implementations."""

from __future__ import annotations

import base64
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eds.audit.merkle import (
    EMPTY_ROOT,
    CompactRange,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    node_hash,
    root_of,
    subtrees_of,
    verify_consistency,
    verify_inclusion,
)
from eds.errors import InvalidArgument

# The leaves, roots and proofs that the reference implementations of RFC 6962 share
# (certificate-transparency, transparency-dev/merkle: testonly/constants.go, proof/verify_test.go).
LEAVES = [
    leaf_hash(bytes.fromhex(data))
    for data in (
        *("", "00", "10", "2021", "3031", "40414243", "5051525354555657"),
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
N01 = "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"
L0 = "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
L1 = "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7"
L4 = "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"
N23 = "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e"
N45 = "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a"
N67 = "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0"
N0123 = "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"
N4567 = "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"
# (leaf counted from 0, size) and (old size, new size)
INCLUSION = {
    (0, 1): [],
    (0, 8): [L1, N23, N4567],
    (5, 8): [L4, N67, N0123],
    (2, 3): [N01],
    (1, 5): [L0, N23, L4],
}
CONSISTENCY = {
    (1, 1): [],
    (1, 8): [L1, N23, N4567],
    (6, 8): [N45, N67, N0123],
    (2, 5): [N23, L4],
}
# transparency-dev/merkle compact/range_test.go: leaf i is its number, two octets, low one first.
GOLDEN = {
    10: "VjWMPSYNtCuCNlF/RLnQy6HcwSk6CIipfxm+hettA+4=",
    15: "j4SulYmocFuxdeyp12xXCIgK6PekBcxzAIj4zbQzNEI=",
    16: "c+4Uc6BCMOZf/v3NZK1kqTUJe+bBoFtOhP+P3SayKRE=",
    100: "dUh9hYH88p0CMoHkdr1wC2szbhcLAXOejWpINIooKUY=",
    255: "SmdsuKUqiod3RX2jyF2M6JnbdE4QuTwwipfAowI4/i0=",
    256: "qFI0t/tZ1MdOYgyPpPzHFiZVw86koScXy9q3FU5casA=",
    1000: "RXrgb8xHd55Y48FbfotJwCbV82Kx22LZfEbmBGAvwlQ=",
    4095: "cWRFdQhPcjn9WyBXE/r1f04ejxIm5lvg40DEpRBVS0w=",
    4096: "6uU/phfHg1n/GksYT6TO9aN8EauMCCJRl3dIK0HDs2M=",
    10000: "VZcav65F9haHVRk3wre2axFoBXRNeUh/1d9d5FQfxIg=",
    65535: "iPuVYJhP6SEE4gUFp8qbafd2rYv9YTCDYqAxCj8HdLM=",
}


def reference_root(leaves: list[bytes]) -> bytes:
    """RFC 9162 §2.1.1 word for word."""
    if not leaves:
        return EMPTY_ROOT
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return node_hash(reference_root(leaves[:split]), reference_root(leaves[split:]))


def numbered(count: int) -> list[bytes]:
    return [leaf_hash(number.to_bytes(2, "little")) for number in range(count)]


def test_hashes_of_leaves_and_nodes() -> None:
    assert leaf_hash(b"L123456").hex() == (
        "395aa064aa4c29f7010acfe3f25db9485bbd4b91897b6ad7ad547639252b4d56"
    )
    assert node_hash(b"N123", b"N456").hex() == (
        "aa217fe888e47007fa15edab33c2b492a722cb106c64667fc2b044444de66bbb"
    )


def test_published_roots() -> None:
    assert [root_of(LEAVES[:size]).hex() for size in range(9)] == ROOTS
    leaves, tree, found = numbered(65535), CompactRange(), {}
    for leaf in leaves:
        tree.append(leaf)
        if tree.size in GOLDEN:
            found[tree.size] = base64.b64encode(tree.root()).decode()
    assert found == GOLDEN


def test_published_proofs() -> None:
    subtree = subtrees_of(LEAVES)
    for (index, size), path in INCLUSION.items():
        assert [step.hex() for step in inclusion_proof(index, size, subtree)] == path
    for (old, new), path in CONSISTENCY.items():
        assert [step.hex() for step in consistency_proof(old, new, subtree)] == path


def test_all_proofs_of_small_trees_verify_and_no_other() -> None:
    leaves = numbered(34)
    subtree = subtrees_of(leaves)
    roots = [reference_root(leaves[:size]) for size in range(len(leaves) + 1)]
    assert roots == [root_of(leaves[:size]) for size in range(len(leaves) + 1)]
    for size in range(1, len(leaves) + 1):
        for index in range(size):
            path = inclusion_proof(index, size, subtree)
            assert verify_inclusion(leaves[index], index, size, path, roots[size])
            for wrong in (index - 1, index + 1, index ^ 2):
                assert not verify_inclusion(leaves[index], wrong, size, path, roots[size])
            assert not verify_inclusion(leaves[index], index, size, (*path, L), roots[size])
            assert not verify_inclusion(leaves[index], index, size, (L, *path), roots[size])
            assert not verify_inclusion(L, index, size, path, roots[size])
            assert not path or not verify_inclusion(
                leaves[index], index, size, path[:-1], roots[size]
            )
        for old in range(size + 1):
            path = consistency_proof(old, size, subtree)
            assert verify_consistency(old, size, path, roots[old], roots[size])
            assert not verify_consistency(old, size, (*path, L), roots[old], roots[size])
            assert not verify_consistency(old, size, path, L, roots[size])
            assert old == 0 or not verify_consistency(old, size, path, roots[old], L)
            assert not path or not verify_consistency(old, size, path[1:], roots[old], roots[size])


L = bytes(32)


@given(st.integers(1, 300), st.data())
def test_one_changed_bit_breaks_a_proof(size: int, data: st.DataObject) -> None:
    leaves = numbered(size)
    index = data.draw(st.integers(0, size - 1))
    path = list(inclusion_proof(index, size, subtrees_of(leaves)))
    root = root_of(leaves)
    values = [root, *path, leaves[index]]
    place, bit = data.draw(st.integers(0, len(values) - 1)), data.draw(st.integers(0, 255))
    values[place] = (int.from_bytes(values[place], "big") ^ 1 << bit).to_bytes(32, "big")
    root, *path, leaf = values
    assert not verify_inclusion(leaf, index, size, path, root)


@given(st.lists(st.integers(0, 200), min_size=1, max_size=6).map(sorted))
def test_a_range_goes_on_from_its_peaks(sizes: list[int]) -> None:
    leaves = numbered(sizes[-1])
    tree = CompactRange()
    for start, end in pairwise([0, *sizes]):
        tree = CompactRange(tree.size, tree.peaks)
        for leaf in leaves[start:end]:
            tree.append(leaf)
        assert tree.root() == reference_root(leaves[:end])


def test_what_was_never_a_tree_is_refused() -> None:
    subtree = subtrees_of(LEAVES)
    for index, size in ((0, 0), (8, 8), (-1, 8)):
        with pytest.raises(InvalidArgument):
            inclusion_proof(index, size, subtree)
        assert not verify_inclusion(L, index, size, (), L)
    for old, new in ((9, 8), (-1, 8)):
        with pytest.raises(InvalidArgument):
            consistency_proof(old, new, subtree)
        assert not verify_consistency(old, new, (), L, L)
    assert not verify_inclusion(LEAVES[0], 0, 2, (b"short",), L)
    assert not verify_consistency(2, 3, (), L, L)
    for size, peaks in ((1, []), (3, [L]), (1, [b"short"]), (-1, [L])):
        with pytest.raises(InvalidArgument):
            CompactRange(size, peaks)
