"""The unknown fields of an import are counted by name, the first hundred of them."""

from transforms.rows.counts import OTHER_FIELDS, UNKNOWN_FIELDS_COUNTED, bounded_counts


def test_counts_of_chunks_are_added_by_name() -> None:
    """A name beyond ASCII is a name like any other, also one that sorts behind the name of the rest."""
    assert bounded_counts([{"a": 1, "日": 2}, {"日": 3, "b": 0}]) == {"a": 1, "日": 5}


def test_a_hundred_names_are_counted_and_all_others_together() -> None:
    """The first names in order are kept, whatever chunk they come in, and no row is lost from the sum."""
    names = [f"f{number:03}" for number in range(UNKNOWN_FIELDS_COUNTED + 2)]
    one, other = dict.fromkeys(names[::2], 1), dict.fromkeys(names[1::2], 2)
    counts = bounded_counts([one, other])
    assert counts == bounded_counts([other, one]) == bounded_counts([bounded_counts([one]), other])
    assert [name for name in counts if name != OTHER_FIELDS] == names[:100]
    assert sum(counts.values()) == sum(one.values()) + sum(other.values())
