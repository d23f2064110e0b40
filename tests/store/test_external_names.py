"""Names in a file against names of a data set."""

from __future__ import annotations

import pytest

from vadkit.core.errors import DataError
from vadkit.store.external.names import match_names


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (["1", "2", "10"], ["01", "02", "10"]),
        (["Test001", "Test002"], ["1", "2"]),
        (["1_14", "01_2"], ["01_0014", "01_002"]),
        (["testing/frames/01", "02.avi"], ["01", "02"]),
        (["walk.mp4", "run"], ["walk", "run"]),
        (["scores_Test2", "scores_Test1"], ["video_02", "video_01"]),
        (["01", "1b"], ["01", "1"]),
        (["Abuse028", "arrest28"], ["Abuse28", "Arrest028"]),
    ],
)
def test_names_are_matched_by_their_numbers(given: list[str], wanted: list[str]) -> None:
    assert match_names(given, wanted, where="here") == dict(zip(given, wanted, strict=True))


@pytest.mark.parametrize(
    ("given", "wanted", "message"),
    [
        (["01", "03"], ["01", "02"], r"1 of the data set's 2 videos are missing: 02; 1 of 2 videos here .*: 03"),
        (["01"], ["01", "02"], r"1 of the data set's 2 videos are missing: 02"),
        (["01", "02", "x"], ["01", "02"], r"1 of 3 videos here are not in the data set: x"),
        (["1", "01"], ["01"], r"not in the data set: 1"),
        (["1", "001"], ["01"], r"missing: 01; 2 of 2 videos here .*: 001, 1|missing: 01; .*: 1, 001"),
        (["01", "01", "02"], ["01", "02"], r"1 videos are there more than once: 01"),
        ([], [str(n) for n in range(9)], r"9 of the data set's 9 videos are missing: 0, 1, 2, 3, 4, 5 and 3 more"),
        (["test_00", "test_01"], ["train_00", "train_01"], r"2 of 2 videos here are not in the data set: test_00"),
        (["Arson028", "Fight001"], ["Abuse028", "Arrest001"], r"2 of 2 videos here"),
    ],
)
def test_names_that_do_not_match_are_listed(given: list[str], wanted: list[str], message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        match_names(given, wanted, where="here")
    assert caught.value.where == "here"
    assert caught.value.fix
