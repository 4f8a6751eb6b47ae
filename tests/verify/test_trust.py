"""Trust stores: from a folder, from PEM, joined; production and test never mix."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from eds.errors import (
    EnvironmentsMixed,
    InvalidArgument,
    MalformedTrustStore,
    NaiveDatetime,
    TrustStoreUnavailable,
)
from eds.verify.path import prove
from eds.verify.policy import BASIC
from eds.verify.trust import Environment, Purpose, TrustAnchor, TrustStore
from eds.verify.trustfolder import load_trust_store, save_trust_store

from .chains import AFTER, BEFORE, NOON, house, make_authority

ROOT, AUTHORITY = house().root.certificate, house().authority.certificate


def manifest(folder: Path, *, head: str = "", anchor: str = "", tail: str = "") -> Path:
    (folder / "root.cer").write_bytes(ROOT.encoded)
    (folder / "trust.toml").write_text(
        head
        or 'name = "house"\nenvironment = "test"\n'
        f'[[anchor]]\nfile = "root.cer"\nsha256 = "{ROOT.fingerprint.hex()}"\n{anchor}\n{tail}'
    )
    return folder


def test_folder_says_what_is_believed(tmp_path: Path) -> None:
    (tmp_path / "authority.pem").write_bytes(AUTHORITY.native.public_bytes(Encoding.PEM))
    (tmp_path / "stranger.cer").write_bytes(make_authority("stranger").certificate.encoded)
    manifest(
        tmp_path,
        anchor='purposes = ["signature"]\nsince = 2020-01-01T00:00:00Z\nsource = "by hand"',
        tail=f'[[certificate]]\nfile = "authority.pem"\nsha256 = "{AUTHORITY.fingerprint.hex()}"',
    )
    store = load_trust_store(tmp_path)
    assert store.name == "house"
    assert store.environment is Environment.TEST
    assert store.certificates == (AUTHORITY,)
    assert store.anchors == (
        TrustAnchor(
            certificate=ROOT,
            purposes=frozenset({Purpose.SIGNATURE}),
            since=datetime(2020, 1, 1, tzinfo=UTC),
            source="by hand",
        ),
    )
    result = prove(
        house().citizen.certificate, trust=store, purpose=Purpose.SIGNATURE, at=NOON, policy=BASIC
    )
    assert result.sub_indication is None


def test_store_that_was_saved_comes_back_the_same(tmp_path: Path) -> None:
    store = TrustStore(
        [
            TrustAnchor(certificate=ROOT, source='odd "name"\n\\ü'),
            TrustAnchor(
                certificate=AUTHORITY,
                purposes=frozenset({Purpose.TIME_STAMPING, Purpose.OCSP_SIGNING}),
                since=BEFORE,
                until=AFTER,
            ),
        ],
        certificates=[AUTHORITY],
        name="kept",
        environment=Environment.TEST,
    )
    save_trust_store(store, tmp_path / "new")
    again = load_trust_store(tmp_path / "new")
    assert again == store
    assert again.anchors == store.anchors
    assert [path.name for path in (tmp_path / "new").glob(".*")] == []


@pytest.mark.parametrize(
    ("changes", "entry"),
    [
        ({"head": "name ="}, "trust.toml"),
        ({"head": 'name = "house"'}, "trust.toml"),
        ({"head": 'name = "house"\nenvironment = "both"'}, "trust.toml"),
        ({"head": 'environment = "test"'}, "trust.toml"),
        ({"head": 'name = "a"\nenvironment = "test"\nanchors = []'}, "trust.toml"),
        ({"head": 'name = "a"\nenvironment = "test"\nanchor = 7'}, "trust.toml"),
        ({"head": 'name = "a"\nenvironment = "test"\nanchor = [7]'}, "trust.toml"),
        ({"anchor": 'purpose = ["signature"]'}, "root.cer"),
        ({"anchor": 'purposes = ["everything"]'}, "root.cer"),
        ({"anchor": "purposes = []"}, "root.cer"),
        ({"anchor": "purposes = [[]]"}, "root.cer"),
        ({"anchor": "since = 2020-01-01T00:00:00"}, "root.cer"),
        ({"anchor": 'until = "2030"'}, "root.cer"),
        ({"anchor": "source = 7"}, "root.cer"),
        ({"tail": '[[certificate]]\nfile = "root.cer"'}, "root.cer"),
        ({"tail": '[[certificate]]\nfile = "root.cer"\nsha256 = "00"'}, "root.cer"),
        ({"tail": '[[certificate]]\nfile = "../root.cer"\nsha256 = "00"'}, "trust.toml"),
        ({"tail": '[[certificate]]\nfile = "/etc/passwd"\nsha256 = "00"'}, "trust.toml"),
        ({"tail": '[[certificate]]\nfile = "trust.toml"\nsha256 = "00"'}, "trust.toml"),
    ],
)
def test_manifest_that_says_something_else_is_refused(
    tmp_path: Path, changes: dict[str, str], entry: str
) -> None:
    with pytest.raises(MalformedTrustStore) as refused:
        load_trust_store(manifest(tmp_path, **changes))
    assert refused.value.entry == entry


def test_certificate_that_was_swapped_is_noticed(tmp_path: Path) -> None:
    manifest(tmp_path)
    (tmp_path / "root.cer").write_bytes(AUTHORITY.encoded)
    with pytest.raises(MalformedTrustStore, match="not the certificate"):
        load_trust_store(tmp_path)


def test_files_beyond_their_bounds_are_not_read(tmp_path: Path) -> None:
    manifest(tmp_path)
    (tmp_path / "root.cer").write_bytes(bytes(200_000))
    with pytest.raises(MalformedTrustStore, match="over"):
        load_trust_store(tmp_path)
    (tmp_path / "trust.toml").write_bytes(b"#" * 2_000_000)
    with pytest.raises(MalformedTrustStore, match="over"):
        load_trust_store(tmp_path)


def test_folder_or_file_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(TrustStoreUnavailable):
        load_trust_store(tmp_path / "nowhere")
    manifest(tmp_path)
    (tmp_path / "root.cer").unlink()
    with pytest.raises(TrustStoreUnavailable) as refused:
        load_trust_store(tmp_path)
    assert refused.value.entry == "root.cer"
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(TrustStoreUnavailable):
        save_trust_store(house().trust, tmp_path / "file")


def test_anchors_come_from_pem() -> None:
    both = b"".join(one.native.public_bytes(Encoding.PEM) for one in (ROOT, AUTHORITY))
    store = TrustStore.from_pem(
        both,
        name="house",
        environment=Environment.TEST,
        purposes=frozenset({Purpose.SIGNATURE}),
    )
    assert [anchor.certificate for anchor in store.anchors] == [ROOT, AUTHORITY]
    assert store.anchor(ROOT, Purpose.TIME_STAMPING, at=NOON) is None
    with pytest.raises(InvalidArgument):
        TrustStore.from_pem(b"", name="house", environment=Environment.TEST)


def test_stores_of_one_environment_join() -> None:
    first = TrustStore([TrustAnchor(certificate=ROOT)], name="a", environment=Environment.TEST)
    other = TrustStore([TrustAnchor(certificate=AUTHORITY)], name="b", environment=Environment.TEST)
    joined = TrustStore.join(first, other, name="both")
    assert [anchor.certificate for anchor in joined.anchors] == [ROOT, AUTHORITY]
    assert joined.environment is Environment.TEST
    with pytest.raises(InvalidArgument):
        TrustStore.join(name="none")


def test_production_and_test_do_not_mix() -> None:
    test = TrustStore([], name="a", environment=Environment.TEST)
    production = TrustStore([], name="b", environment=Environment.PRODUCTION)
    with pytest.raises(EnvironmentsMixed) as refused:
        TrustStore.join(test, production, name="both")
    assert refused.value.names == ("a", "b")


def test_days_of_an_anchor_have_a_time_zone() -> None:
    with pytest.raises(NaiveDatetime):
        TrustAnchor(certificate=ROOT, since=datetime(2020, 1, 1))  # noqa: DTZ001
