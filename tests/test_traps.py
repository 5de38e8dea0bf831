"""The traps that others fell into, and the tests that hold each of them.

A trap counts as covered only by a test that says what must hold; this one keeps the table complete and true.
"""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from tests.conftest import ROOT

DAYS: Final = "tests/transforms/test_days.py::"
PERIODS: Final = "tests/transforms/test_periods.py::"
SIFT: Final = "tests/transforms/test_sift.py::"
OUTCOMES: Final = "tests/transforms/test_outcomes.py::"
LAWS: Final = "tests/flows/database/test_laws_of_imports.py::"
ROLLUP: Final = "tests/flows/database/test_rollup_laws.py::"
CONTRACTS: Final = "tests/flows/database/test_traps_of_contracts.py::"
IDENTITY: Final = "tests/flows/database/test_traps_of_identity.py::"
NUMBERS: Final = "tests/flows/database/test_traps_of_numbers.py::"
FILES: Final = "tests/flows/database/test_traps_of_files.py::"
INTERRUPTION: Final = "tests/flows/database/test_interruption.py::"
STORY: Final = "tests/test_stories.py::test_a_story_comes_out_as_worked_out_by_hand"

TRAPS: Final[dict[int, tuple[str, ...]]] = {
    # calendar
    1: (
        f"{PERIODS}test_anchors_1_to_31_over_60_months",
        f"{PERIODS}test_an_edge_never_drifts_from_its_anchor",
        f"{STORY}[06-anchors]",
    ),
    2: (f"{PERIODS}test_periods_tile_the_contract", f"{PERIODS}test_a_contract_covers_what_its_periods_tile"),
    3: (
        f"{DAYS}test_a_day_begins_at_its_first_instant_around_every_change_of_the_clocks",
        f"{DAYS}TestDaylightSaving::test_lord_howe_moves_by_half_an_hour",
        f"{DAYS}TestDaylightSaving::test_where_midnight_is_missing_the_day_begins_at_the_end_of_the_gap",
        f"{DAYS}TestDaylightSaving::test_of_two_midnights_the_earlier_begins_the_day",
        f"{DAYS}TestDaylightSaving::test_dates_that_run_backwards_do_not_reopen_a_day",
        f"{DAYS}TestDaylightSaving::test_a_day_that_the_zone_skipped_does_not_exist",
    ),
    4: (
        f"{DAYS}test_a_zone_is_a_name_and_not_an_offset",
        f"{CONTRACTS}test_the_billing_zone_decides_where_a_day_begins",
    ),
    5: (
        f"{CONTRACTS}test_the_boundary_instant",
        f"{PERIODS}test_an_instant_at_an_edge_lies_in_the_period_that_begins_there",
        f"{STORY}[05-period-edges]",
    ),
    6: (f"{CONTRACTS}test_microseconds_survive_every_format", f"{PERIODS}test_edges_keep_their_microsecond"),
    7: (f"{CONTRACTS}test_readers_in_two_zones_agree",),
    8: (f"{PERIODS}test_inverted_and_empty_periods_raise",),
    # contracts
    9: (f"{CONTRACTS}test_events_off_every_contract_are_named_and_count_once_it_is_mended",),
    10: (f"{CONTRACTS}test_two_contracts_for_one_meter_never_count_twice", f"{STORY}[07-several-contracts]"),
    11: (
        f"{CONTRACTS}test_a_meter_made_after_the_events_counts_history",
        f"{ROLLUP}test_a_catalog_of_later_counts_as_one_of_before",
    ),
    # identity
    13: (f"{INTERRUPTION}test_killed_at_every_step_it_ends_as_if_nothing_had_happened",),
    14: (
        f"{IDENTITY}test_keys_are_not_joined_texts",
        f"{IDENTITY}test_a_given_key_cannot_be_a_derived_one",
        "tests/transforms/test_identify.py::test_no_two_contents_share_a_text",
    ),
    15: (f"{IDENTITY}test_a_corrected_timestamp_does_not_double_usage", f"{STORY}[03-corrections]"),
    16: (
        f"{IDENTITY}test_made_up_keys_hold_the_content_and_not_the_clock",
        f"{IDENTITY}test_equal_rows_of_a_file_stay_two_and_are_known_again",
    ),
    17: (f"{IDENTITY}test_a_key_is_known_as_long_as_the_database",),
    18: (
        f"{IDENTITY}test_overlapping_exports_count_once",
        f"{INTERRUPTION}test_a_second_import_is_refused_or_waits",
    ),
    19: (
        f"{LAWS}test_every_row_has_one_outcome",
        f"{IDENTITY}test_an_unknown_outcome_is_a_crash",
        f"{IDENTITY}test_rows_and_outcomes_must_add_up",
    ),
    20: (
        f"{IDENTITY}test_the_winner_of_a_key_is_the_last_told",
        f"{LAWS}test_chunks_and_workers_never_show",
        f"{OUTCOMES}test_outcomes_are_those_of_reading_in_sequence",
    ),
    # numbers
    21: (
        f"{NUMBERS}test_sums_are_exact",
        f"{NUMBERS}test_texts_of_a_csv_are_as_exact",
        f"{NUMBERS}test_events_are_shown_as_exactly_as_they_were_told",
        f"{STORY}[09-exact-numbers]",
    ),
    22: (f"{NUMBERS}test_every_value_counts_exactly_or_is_reported",),
    23: (
        f"{NUMBERS}test_every_value_counts_exactly_or_is_reported",
        "tests/flows/database/test_accepted_by_postgres.py::test_accepted_properties_are_jsonb",
    ),
    24: (
        f"{NUMBERS}test_sums_are_exact",
        f"{NUMBERS}test_max_and_min_recompute_after_a_correction_downwards",
    ),
    25: (f"{NUMBERS}test_sums_are_exact",),
    26: (f"{NUMBERS}test_seconds_taken_for_milliseconds_stop_the_import",),
    27: (
        f"{NUMBERS}test_what_a_spreadsheet_damaged_is_named_and_never_guessed",
        "tests/transforms/test_catalog.py::TestCustomers::test_ids_that_a_spreadsheet_has_rounded_get_a_warning",
    ),
    # aggregation
    28: (f"{NUMBERS}test_max_and_min_recompute_after_a_correction_downwards",),
    29: (f"{NUMBERS}test_filters_compare_by_type",),
    30: (f"{NUMBERS}test_a_missing_group_key_is_null", f"{STORY}[08-group-keys]"),
    31: (f"{NUMBERS}test_an_event_that_one_meter_cannot_use_counts_on_the_others",),
    32: (f"{ROLLUP}test_what_changed_recomputed_is_everything_recomputed",),
    # files
    33: (
        f"{FILES}test_files_of_every_shape",
        f"{FILES}test_rows_that_cannot_be_read_are_set_aside_alone",
        f"{FILES}test_files_that_cannot_be_read_say_so",
    ),
    34: (f"{FILES}test_a_name_that_first_appears_late_does_not_vanish",),
    35: (f"{FILES}test_a_file_cut_off_says_where_and_the_whole_one_is_new",),
    36: (
        f"{INTERRUPTION}test_a_file_that_changes_while_it_is_read_is_refused",
        f"{FILES}test_other_bytes_under_the_same_name_are_another_file",
    ),
    37: (
        f"{FILES}test_all_rows_rejected_is_a_failed_import",
        f"{FILES}test_a_share_above_the_limit_fails_and_can_be_accepted",
    ),
    38: (f"{FILES}test_a_thousand_equal_errors_are_one_line",),
    39: (
        f"{FILES}test_a_near_miss_is_named_and_not_mended",
        "tests/transforms/test_customers.py::test_a_near_miss_is_named_and_not_mended",
    ),
    40: (
        f"{FILES}test_placeholder_ids_get_a_warning",
        f"{SIFT}test_damaged_and_placeholder_ids_get_a_warning",
    ),
    41: (f"{FILES}test_formulas_are_harmless_in_a_csv_for_people",),
    42: (
        f"{FILES}test_hostile_names_reach_neither_sql_nor_the_terminal",
        f"{FILES}test_hostile_filters_find_nothing_and_break_nothing",
        f"{SIFT}test_values_of_rejections_cannot_steer_a_terminal",
    ),
    # process
    46: (f"{INTERRUPTION}test_every_command_can_be_run_again",),
}
"""A trap's number, and the tests that hold it."""

LATER: Final = {
    12: "retry comes with trust",
    43: "so does holding an import",
    44: "the checkpoint and the data commit together: held by the tests of 13, and to be held again by retry",
    45: "reverting a published import comes with trust",
}


@cache
def named_in(path: Path) -> frozenset[str]:
    """The tests that a module defines, those of classes with the class before them."""
    found: set[str] = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef):
            found.add(node.name)
        if isinstance(node, ast.ClassDef):
            found |= {
                f"{node.name}::{inner.name}" for inner in node.body if isinstance(inner, ast.FunctionDef)
            }
    return frozenset(found)


def test_every_trap_is_held() -> None:
    """Each of the 46 has its tests, or says why it has them later."""
    assert sorted([*TRAPS, *LATER]) == list(range(1, 47))
    assert all(TRAPS.values())


@pytest.mark.parametrize("held", sorted({test for tests in TRAPS.values() for test in tests}))
def test_a_test_that_holds_a_trap_exists(held: str) -> None:
    """A test that was renamed or removed leaves no trap uncovered in silence."""
    name, _, story = held.removesuffix("]").partition("[")
    path, _, function = name.partition("::")
    assert function in named_in(ROOT / path)
    assert not story or (ROOT / "data-samples" / story / "story.toml").is_file()
