"""The corrections of an import: what they change, and how much of it is worth a warning."""

from dataclasses import dataclass, field

from transforms.values.text import quoted


@dataclass(frozen=True)
class Changed:
    """The corrections that change one thing: their number, and the keys of the first three."""

    rows: int = 0
    keys: tuple[str, ...] = ()

    @property
    def named(self) -> str:
        """Return the first keys as a list in words."""
        return ", ".join(map(quoted, self.keys))


@dataclass(frozen=True)
class OwnCorrection:
    """A row that corrects another row of its file: its key, the first row of the key, and its own number."""

    key: str
    first_row: int
    row: int


@dataclass(frozen=True)
class Corrections:
    """The corrections of an import.

    moves_customer: they move an event to another customer. is_of_other_feed: they change an event that another mapping
    brought, or that has another name. leaves_due_line: they take an event off a due line into another period.
    own: the first corrections within each file, by file_id.
    """

    moves_customer: Changed = Changed()
    is_of_other_feed: Changed = Changed()
    leaves_due_line: Changed = Changed()
    own: dict[int, list[OwnCorrection]] = field(default_factory=dict)

    def warnings(self) -> list[str]:
        """Return a sentence for each kind of change that is worth a look, with the first keys."""
        sentences = (
            (self.moves_customer, "move an event to another customer, and take it from the first"),
            (self.is_of_other_feed, "change events that another mapping brought, or that have another name"),
            (self.leaves_due_line, "take an event off a due line into another period"),
        )
        return [
            f"corrections that {sentence}: {changed.rows:,}, such as {changed.named}"
            for changed, sentence in sentences
            if changed.rows
        ]


def own_correction_warning(rows: int, own_corrections: int, first: list[OwnCorrection]) -> str:
    """Return the warning that rows of one file correct one another, with the first of them."""
    named = ", ".join(f"{quoted(one.key)} (rows {one.first_row:,} and {one.row:,})" for one in first)
    return (
        f"{own_corrections:,} of {rows:,} rows correct another row of the file, such as {named}; "
        "if they are events of their own, the key does not tell them apart"
    )
