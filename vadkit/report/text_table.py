"""A table as Markdown, LaTeX, CSV or HTML."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

_ESCAPES = str.maketrans({character: f"\\{character}" for character in "_%#&"})


@dataclass(frozen=True, slots=True)
class TextCell:
    """One cell.

    Attributes:
        text: what it shows.
        best: shown in bold.
        close: not better or worse than the best beyond chance; shown with "~".
    """

    text: str
    best: bool = False
    close: bool = False


@dataclass(frozen=True, slots=True)
class TextTable:
    """A table. In a notebook, it is shown as HTML.

    Attributes:
        head: one heading for each column.
        rows: the cells of each row; the first cell names the row.
        notes: what numbers and signs mean, one sentence each without the full stop.
        groups: headings above several columns: (heading, number of columns), for all columns but the first.

    Example:
        >>> table = TextTable(["run", "AUC %"], [[TextCell("mine"), TextCell("97.0", best=True)]], ["one data set"])
        >>> print(table.markdown())
        | run | AUC % |
        | --- | --- |
        | mine | **97.0** |
        <BLANKLINE>
        one data set.
        <BLANKLINE>
    """

    head: Sequence[str]
    rows: Sequence[Sequence[TextCell]]
    notes: Sequence[str] = ()
    groups: Sequence[tuple[str, int]] = ()

    def markdown(self) -> str:
        """As Markdown; a group's heading becomes part of the headings of its columns."""
        cells = [[_marked(cell, "**{}**", "{} ~") for cell in row] for row in self.rows]
        return markdown([self._flat_head(), *cells], self.notes)

    def latex(self, *, booktabs: bool = False) -> str:
        """As a LaTeX tabular; with `booktabs`, with the rules of that package."""
        cells = [[_marked(cell, r"\textbf{{{}}}", r"{} $\sim$") for cell in row] for row in self.rows]
        return latex([self.head, *cells], self.notes, groups=self.groups, booktabs=booktabs)

    def csv(self) -> str:
        """As CSV, without signs."""
        return comma([self._flat_head(), *([cell.text for cell in row] for row in self.rows)])

    def _flat_head(self) -> list[str]:
        above = [""] + [name for name, count in self.groups for _ in range(count)]
        if not self.groups:
            return list(self.head)
        return [f"{group} {head}".strip() for group, head in zip(above, self.head, strict=True)]

    def _repr_html_(self) -> str:
        groups = "".join(f'<th colspan="{count}">{escape(name)}</th>' for name, count in self.groups)
        above = f"<tr><th></th>{groups}</tr>" if self.groups else ""
        head = "".join(f"<th>{escape(text)}</th>" for text in self.head)
        rows = "".join(f"<tr>{''.join(f'<td>{_html(cell)}</td>' for cell in row)}</tr>" for row in self.rows)
        notes = "".join(f"<br>{escape(note)}." for note in self.notes)
        return f"<table><thead>{above}<tr>{head}</tr></thead><tbody>{rows}</tbody></table><small>{notes}</small>"


def comma(rows: Sequence[Sequence[object]]) -> str:
    """Rows as CSV; None is an empty cell."""
    target = io.StringIO()
    csv.writer(target, lineterminator="\n").writerows(rows)
    return target.getvalue()


def markdown(rows: Sequence[Sequence[str]], notes: Sequence[str]) -> str:
    """The rows as Markdown, the head first; the notes below."""
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    rule = "| " + " | ".join(["---"] * len(rows[0])) + " |"
    return "\n".join([lines[0], rule, *lines[1:], "", *(f"{note}." for note in notes), ""])


def latex(
    rows: Sequence[Sequence[str]],
    notes: Sequence[str],
    *,
    groups: Sequence[tuple[str, int]] = (),
    booktabs: bool = False,
) -> str:
    """The rows as a LaTeX tabular, the head first; the notes as comments above."""
    top, middle, bottom = (r"\toprule", r"\midrule", r"\bottomrule") if booktabs else (r"\hline",) * 3
    body = [" & ".join(cell.translate(_ESCAPES).replace("±", r"$\pm$") for cell in row) + r" \\" for row in rows]
    columns = "l" + "r" * (len(rows[0]) - 1)
    above = [rf"\multicolumn{{{count}}}{{c}}{{{name.translate(_ESCAPES)}}}" for name, count in groups]
    lines = [f" & {' & '.join(above)}" + r" \\"] if groups else []
    if groups and booktabs:
        ends = [1 + sum(count for _, count in groups[: number + 1]) for number in range(len(groups))]
        spans = zip(ends, groups, strict=True)
        lines.append(" ".join(rf"\cmidrule(lr){{{end - count + 1}-{end}}}" for end, (_, count) in spans))
    head = [rf"\begin{{tabular}}{{{columns}}}", top, *lines, body[0], middle]
    return "\n".join([*(f"% {note}" for note in notes), *head, *body[1:], bottom, r"\end{tabular}", ""])


def _marked(cell: TextCell, best: str, close: str) -> str:
    return best.format(cell.text) if cell.best else close.format(cell.text) if cell.close else cell.text


def _html(cell: TextCell) -> str:
    text = escape(cell.text)
    return f"<b>{text}</b>" if cell.best else f"{text} ~" if cell.close else text
