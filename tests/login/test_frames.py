"""QR frames: worth something for three seconds, and to the portal that made them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from eds.errors import InvalidArgument, NaiveDatetime, QrFrameRefused
from eds.login.frames import read_frame, write_frame
from tests.login.house import Door
from tests.verify.status_house import NOON

SECRET = bytes(range(32))
REFERENCE = "abcdefghijklmnopqrstuv"


def test_a_frame_is_read_for_three_seconds() -> None:
    frame = write_frame(REFERENCE, secret=SECRET, at=NOON)
    for seconds in (-1, 0, 1, 2, 3):
        at = NOON + timedelta(seconds=seconds)
        assert read_frame(frame, secret=SECRET, at=at) == REFERENCE
    for seconds in (-60, -2, 4, 5, 3600):
        with pytest.raises(QrFrameRefused):
            read_frame(frame, secret=SECRET, at=NOON + timedelta(seconds=seconds))


def test_a_frame_is_another_each_second() -> None:
    frames = {
        write_frame(REFERENCE, secret=SECRET, at=NOON + timedelta(seconds=n)) for n in range(10)
    }
    assert len(frames) == 10


def test_a_frame_of_somebody_else_or_changed_is_refused() -> None:
    frame = write_frame(REFERENCE, secret=SECRET, at=NOON)
    later = NOON + timedelta(seconds=10)
    step = str(int(NOON.timestamp()))
    for text, secret, at in (
        (frame, bytes(32), NOON),
        (frame.replace(step, str(int(later.timestamp()))), SECRET, later),
        (frame.replace("abc", "abd"), SECRET, NOON),
        (frame[:-1], SECRET, NOON),
        (frame + "A", SECRET, NOON),
        ("", SECRET, NOON),
        ("eds-login:1:" * 100_000, SECRET, NOON),
    ):
        with pytest.raises(QrFrameRefused):
            read_frame(text, secret=secret, at=at)


def test_arguments_are_held_to_their_terms() -> None:
    with pytest.raises(InvalidArgument):
        write_frame("short", secret=SECRET, at=NOON)
    with pytest.raises(InvalidArgument):
        write_frame(REFERENCE, secret=b"short", at=NOON)
    with pytest.raises(NaiveDatetime):
        write_frame(REFERENCE, secret=SECRET, at=NOON.replace(tzinfo=None))


def test_the_code_to_compare_is_six_digits_and_differs_by_challenge() -> None:
    codes = {Door().begin().code for _ in range(20)}
    assert all(len(code) == 6 and code.isdigit() for code in codes)
    assert len(codes) > 15
