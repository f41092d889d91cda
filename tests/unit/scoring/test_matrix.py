"""Cells of the matrices: numbers by row and column, at the cut and below it."""

from __future__ import annotations

import pytest

from stream.scoring.matrix import AXES, CELLS_MAX, Axis, Matrix, cells, compile_matrices
from stream.scoring.table_reader import PolicyError

from .models import POLICY

COMPILED = compile_matrices(POLICY.matrices)


def figures(**given):
    return [given.get(axis, 1.0) for axis in AXES]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, ("loose_small", "rare_small", "small", "strangers")),
        ({"value_score": 39.9, "loyalty": 30}, ("steady_small", "rare_small", "small", "strangers")),
        ({"value_score": 40, "frequency": 3, "monetary": 4}, ("loose_good", "usual_good", "harvest", "strangers")),
        (
            {"value_score": 70, "frequency": 4, "clv": 4, "profit": 4},
            ("loose_best", "frequent_best", "promise", "butterflies"),
        ),
        ({"profit": 5, "tenure_days": 180}, ("loose_small", "rare_small", "small", "true_friends")),
        ({"profit": 3, "tenure_days": 900}, ("loose_small", "rare_small", "small", "barnacles")),
    ],
)
def test_the_shipped_matrices(given, expected):
    found = cells(COMPILED, figures(**given))
    assert tuple(names[cell] for names, cell in zip(COMPILED.names, found, strict=True)) == expected


def test_a_cell_is_row_times_columns_plus_column():
    rows, columns = Axis("recency", (2, 3), ("a", "b", "c")), Axis("monetary", (2,), ("x", "y"))
    matrix = Matrix("m", rows, columns, (("ax", "ay"), ("bx", "by"), ("cx", "cy")))
    compiled = compile_matrices([matrix, matrix])
    assert cells(compiled, figures(recency=3, monetary=1)) == (4, 4)
    assert compiled.names[0][4] == "cx"


def test_no_matrix_is_no_cell():
    assert cells(compile_matrices([]), figures()) == ()


def test_a_matrix_has_a_limit():
    def axis(size):
        return Axis("recency", tuple(range(1, size)), tuple("n" * size))

    assert len(Matrix("m", axis(5), axis(5), (("n",) * 5,) * 5).cells) == 5
    with pytest.raises(PolicyError, match=f"has 30 cells, at most {CELLS_MAX}"):
        Matrix("m", axis(6), axis(5), (("n",) * 5,) * 6)
