"""Errors reach another process, such as the parent of a worker, as they are."""

from __future__ import annotations

import pickle

import pytest

from vadkit.core.errors import DataError, DivergedError, Problem, RecipeError, VadkitError
from vadkit.live.connection import ConnectingError


@pytest.mark.parametrize(
    "error",
    [
        VadkitError("is 4", where="smooth.yaml", fix="set 5"),
        DataError("is damaged"),
        DivergedError("the loss is NaN", where="model"),
        RecipeError([Problem("a.yaml:1:1", "is wrong", "correct it"), Problem("a.yaml:2:1", "lacks 'use'")]),
        ConnectingError("no answer", where="rtsp://camera", final=True),
    ],
)
def test_an_error_is_the_same_after_pickling(error: VadkitError) -> None:
    error.where = error.where or "found later"
    found = pickle.loads(pickle.dumps(error))
    assert (type(found), str(found), vars(found)) == (type(error), str(error), vars(error))
