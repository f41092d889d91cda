"""Two figures crossed: who is worth much and loyal, who is worth much and not.

A matrix has two axes of the policy's choice, cut-points on each, and a name for every cell. Four ship: value by
loyalty, value by frequency, what a customer contributes now by what they may contribute (revenue by lifetime value),
and profitability by tenure, whose four cells Reinartz and Kumar called true friends, butterflies, barnacles and
strangers.

A customer's cell is a number, ``row * columns + column``; who has no order has none.

References
----------
Reinartz, Kumar (2002), "The mismanagement of customer loyalty", Harvard Business Review 80(7).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, NamedTuple

from stream.scoring.table_reader import NAME_BYTES_MAX, PolicyError, TableReader

AXES: Final = (
    "value_score",
    "recency",
    "frequency",
    "monetary",
    "loyalty",
    "clv",
    "profit",
    "tenure_days",
)
"""Figures that an axis may be: value score and loyalty 0 to 100; recency, frequency, monetary, clv and profit as scores
1 to 5; days from the first order to the last."""

MATRICES_MAX: Final = 4
CELLS_MAX: Final = 25


@dataclass(frozen=True, slots=True)
class Axis:
    """One figure, cut into ranges; a figure that equals a cut is in the range above it."""

    axis: str
    """One of `AXES`."""
    cuts: tuple[float, ...]
    names: tuple[str, ...]
    """Of the ranges from the lowest on; one more than cuts."""


@dataclass(frozen=True, slots=True)
class Matrix:
    """A table of names over two axes.

    Raises
    ------
    PolicyError
        Naming the matrix and what does not fit.
    """

    name: str
    rows: Axis
    columns: Axis
    cells: tuple[tuple[str, ...], ...]
    """A list of names for each range of `rows`, a name for each range of `columns`."""

    def __post_init__(self) -> None:
        for key, axis in (("rows", self.rows), ("columns", self.columns)):
            where = f"policy: matrix.{self.name}.{key}"
            if axis.axis not in AXES:
                raise PolicyError(f"{where}.axis = {axis.axis!r}: must be one of {', '.join(AXES)}")
            if not axis.cuts or not all(low < high for low, high in pairwise(axis.cuts)):
                raise PolicyError(f"{where}.cuts = {list(axis.cuts)}: must be at least one, and rise")
            if len(axis.names) != len(axis.cuts) + 1:
                raise PolicyError(f"{where}.names: {len(axis.cuts)} cuts make {len(axis.cuts) + 1} ranges to be named")
        height, width = len(self.rows.names), len(self.columns.names)
        if height * width > CELLS_MAX:
            raise PolicyError(f"policy: matrix.{self.name}: has {height * width} cells, at most {CELLS_MAX} are kept")
        if len(self.cells) != height or any(len(row) != width for row in self.cells):
            raise PolicyError(f"policy: matrix.{self.name}.cells: must be {height} lists of {width} names each")
        for name in (self.name, *(name for row in self.cells for name in row)):
            if not name.strip() or len(name.encode()) > NAME_BYTES_MAX:
                raise PolicyError(
                    f"policy: matrix.{self.name}: the name {name[:20]!r} must have 1 to {NAME_BYTES_MAX} bytes"
                )


class CompiledMatrices(NamedTuple):
    """All matrices side by side, flat; one entry a matrix unless said otherwise.

    Attributes
    ----------
    row_axis, column_axis
        Places of the figures in `AXES`.
    row_ends, column_ends
        Where its cuts end in `cuts`: those of the rows begin where the columns of the matrix before end, those of the
        columns where its rows end.
    cuts
        All cuts, one after the other.
    names
        Names of all cells, by number of the cell.
    matrices
        Names of the matrices.
    """

    row_axis: tuple[int, ...]
    column_axis: tuple[int, ...]
    row_ends: tuple[int, ...]
    column_ends: tuple[int, ...]
    cuts: tuple[float, ...]
    names: tuple[tuple[str, ...], ...]
    matrices: tuple[str, ...]


def compile_matrices(matrices: Sequence[Matrix]) -> CompiledMatrices:
    """Lay the matrices out flat.

    Examples
    --------
    >>> from stream.scoring.policy import default_policy
    >>> compiled = compile_matrices(default_policy().matrices)
    >>> compiled.matrices
    ('value_loyalty', 'value_frequency', 'contribution_potential', 'profitability_tenure')
    >>> compiled.names[3]
    ('strangers', 'barnacles', 'butterflies', 'true_friends')
    """
    cuts: list[float] = []
    row_ends: list[int] = []
    column_ends: list[int] = []
    for matrix in matrices:
        cuts += matrix.rows.cuts
        row_ends.append(len(cuts))
        cuts += matrix.columns.cuts
        column_ends.append(len(cuts))
    return CompiledMatrices(
        row_axis=tuple(AXES.index(matrix.rows.axis) for matrix in matrices),
        column_axis=tuple(AXES.index(matrix.columns.axis) for matrix in matrices),
        row_ends=tuple(row_ends),
        column_ends=tuple(column_ends),
        cuts=tuple(cuts),
        names=tuple(tuple(name for row in matrix.cells for name in row) for matrix in matrices),
        matrices=tuple(matrix.name for matrix in matrices),
    )


def cells(compiled: CompiledMatrices, figures: Sequence[float]) -> tuple[int, ...]:
    """Number of the cell of a customer with orders in each matrix.

    Parameters
    ----------
    figures
        In the order of `AXES`.

    Examples
    --------
    >>> from stream.scoring.policy import default_policy
    >>> compiled = compile_matrices(default_policy().matrices)
    >>> figures = [80.0, 5, 4, 5, 75.0, 5, 4, 400.0]
    >>> [names[cell] for names, cell in zip(compiled.names, cells(compiled, figures), strict=True)]
    ['devoted_best', 'frequent_best', 'top', 'true_friends']
    """
    found = []
    start = 0
    for at, row_end in enumerate(compiled.row_ends):
        column_end = compiled.column_ends[at]
        row = _reached(compiled.cuts, start, row_end, figures[compiled.row_axis[at]])
        column = _reached(compiled.cuts, row_end, column_end, figures[compiled.column_axis[at]])
        found.append(row * (column_end - row_end + 1) + column)
        start = column_end
    return tuple(found)


def read(reader: TableReader) -> tuple[Matrix, ...]:
    """Read the section ``[matrix]``, a table for each matrix."""
    names = reader.names()
    if len(names) > MATRICES_MAX:
        raise PolicyError(f"policy: matrix: {len(names)} matrices, at most {MATRICES_MAX} are kept")
    matrices = tuple(_read_matrix(name, reader.table(name)) for name in names)
    reader.done()
    return matrices


def _read_matrix(name: str, reader: TableReader) -> Matrix:
    matrix = Matrix(name, _read_axis(reader.table("rows")), _read_axis(reader.table("columns")), reader.grid("cells"))
    reader.done()
    return matrix


def _read_axis(reader: TableReader) -> Axis:
    axis = Axis(reader.text("axis"), reader.numbers("cuts"), reader.texts("names"))
    reader.done()
    return axis


def _reached(cuts: Sequence[float], start: int, end: int, figure: float) -> int:
    return bisect_right(cuts, figure, start, end) - start
