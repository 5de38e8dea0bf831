"""The traps that other systems fell into, by number, and the tests that hold each of them."""

from __future__ import annotations

from typing import Final

import pytest

from tests.named_tests import missing_test

TRANSFORMS: Final = "tests/transforms::"
DATABASE: Final = "tests/flows/database::"
PREFECT: Final = "tests/flows/prefect::"
STORY: Final = "tests::test_a_story_comes_out_as_worked_out_by_hand"

TRAPS: Final[dict[int, tuple[str, ...]]] = {
    # calendar
    1: (
        f"{TRANSFORMS}test_anchors_1_to_31_over_60_months",
        f"{TRANSFORMS}test_a_boundary_never_drifts_from_its_anchor",
        f"{STORY}[06-anchors]",
    ),
    2: (
        f"{TRANSFORMS}test_periods_tile_the_contract",
        f"{TRANSFORMS}test_a_contract_covers_what_its_periods_tile",
    ),
    3: (
        f"{TRANSFORMS}test_a_day_begins_at_its_first_instant_around_every_change_of_the_clocks",
        f"{TRANSFORMS}test_lord_howe_moves_by_half_an_hour",
        f"{TRANSFORMS}test_where_midnight_is_missing_the_day_begins_at_the_end_of_the_gap",
        f"{TRANSFORMS}test_of_two_midnights_the_earlier_begins_the_day",
        f"{TRANSFORMS}test_dates_that_run_backwards_do_not_reopen_a_day",
        f"{TRANSFORMS}test_a_day_that_the_zone_skipped_does_not_exist",
    ),
    4: (
        f"{TRANSFORMS}test_a_zone_is_a_name_and_not_an_offset",
        f"{DATABASE}test_the_billing_zone_decides_where_a_day_begins",
    ),
    5: (
        f"{DATABASE}test_the_boundary_instant",
        f"{TRANSFORMS}test_an_instant_at_a_boundary_lies_in_the_period_that_begins_there",
        f"{STORY}[05-period-edges]",
    ),
    6: (
        f"{DATABASE}test_microseconds_survive_every_format",
        f"{TRANSFORMS}test_boundaries_keep_their_microsecond",
    ),
    7: (f"{DATABASE}test_readers_in_two_zones_agree",),
    8: (f"{TRANSFORMS}test_inverted_and_empty_periods_raise",),
    # contracts
    9: (f"{DATABASE}test_events_off_every_contract_are_listed_and_count_once_it_is_corrected",),
    10: (f"{DATABASE}test_two_contracts_for_one_meter_never_count_twice", f"{STORY}[07-several-contracts]"),
    11: (
        f"{DATABASE}test_a_meter_made_after_the_events_counts_history",
        f"{DATABASE}test_a_catalog_of_later_counts_as_one_of_before",
    ),
    # identity
    13: (f"{DATABASE}test_killed_at_every_step_it_ends_as_if_nothing_had_happened",),
    14: (
        f"{DATABASE}test_keys_are_not_joined_texts",
        f"{DATABASE}test_a_given_key_cannot_be_a_derived_one",
        f"{TRANSFORMS}test_no_two_contents_share_a_text",
    ),
    15: (f"{DATABASE}test_a_corrected_timestamp_does_not_double_usage", f"{STORY}[03-corrections]"),
    16: (
        f"{DATABASE}test_derived_keys_depend_on_the_content_and_not_on_the_clock",
        f"{DATABASE}test_equal_rows_of_a_file_stay_two_and_are_recognized",
    ),
    17: (f"{DATABASE}test_a_key_is_known_as_long_as_the_database",),
    18: (
        f"{DATABASE}test_overlapping_exports_count_once",
        f"{DATABASE}test_a_second_import_is_refused_or_waits",
    ),
    19: (
        f"{DATABASE}test_every_row_has_one_outcome",
        f"{DATABASE}test_an_unknown_outcome_is_a_crash",
        f"{DATABASE}test_rows_and_outcomes_must_add_up",
    ),
    20: (
        f"{DATABASE}test_the_last_row_of_a_key_counts",
        f"{DATABASE}test_chunks_and_workers_never_show",
        f"{TRANSFORMS}test_outcomes_are_those_of_reading_in_sequence",
    ),
    # numbers
    21: (
        f"{DATABASE}test_sums_are_exact",
        f"{DATABASE}test_texts_of_a_csv_are_as_exact",
        f"{DATABASE}test_events_are_shown_as_exactly_as_they_were_read",
        f"{STORY}[09-exact-numbers]",
    ),
    22: (f"{DATABASE}test_every_value_counts_exactly_or_is_reported",),
    23: (
        f"{DATABASE}test_every_value_counts_exactly_or_is_reported",
        f"{DATABASE}test_accepted_properties_are_jsonb",
    ),
    24: (
        f"{DATABASE}test_sums_are_exact",
        f"{DATABASE}test_max_and_min_recompute_after_a_correction_downwards",
    ),
    25: (f"{DATABASE}test_sums_are_exact",),
    26: (f"{DATABASE}test_seconds_taken_for_milliseconds_stop_the_import",),
    27: (
        f"{DATABASE}test_what_a_spreadsheet_damaged_is_named_and_never_guessed",
        f"{TRANSFORMS}test_ids_that_a_spreadsheet_has_rounded_get_a_warning",
    ),
    # aggregation
    28: (f"{DATABASE}test_max_and_min_recompute_after_a_correction_downwards",),
    29: (f"{DATABASE}test_filters_compare_by_type",),
    30: (f"{DATABASE}test_a_missing_group_key_is_null", f"{STORY}[08-group-keys]"),
    31: (f"{DATABASE}test_an_event_that_one_meter_cannot_use_counts_on_the_others",),
    32: (f"{DATABASE}test_recomputing_what_changed_equals_recomputing_everything",),
    # files
    33: (
        f"{DATABASE}test_files_of_every_shape",
        f"{DATABASE}test_rows_that_cannot_be_read_are_set_aside_alone",
        f"{DATABASE}test_files_that_cannot_be_read_say_so",
    ),
    34: (f"{DATABASE}test_a_name_that_first_appears_late_does_not_vanish",),
    35: (f"{DATABASE}test_a_file_cut_off_says_where_and_the_whole_one_is_new",),
    36: (
        f"{DATABASE}test_a_file_that_changes_while_it_is_read_is_refused",
        f"{DATABASE}test_other_bytes_under_the_same_name_are_another_file",
    ),
    37: (
        f"{DATABASE}test_all_rows_rejected_is_a_failed_import",
        f"{DATABASE}test_a_share_above_the_limit_fails_and_can_be_accepted",
    ),
    38: (f"{DATABASE}test_a_thousand_equal_errors_are_one_line",),
    39: (
        f"{DATABASE}test_a_near_miss_is_named_and_not_mended",
        f"{TRANSFORMS}test_a_near_miss_is_named_and_not_mended",
    ),
    40: (
        f"{DATABASE}test_placeholder_ids_get_a_warning",
        f"{TRANSFORMS}test_damaged_and_placeholder_ids_get_a_warning",
    ),
    41: (f"{DATABASE}test_formulas_are_harmless_in_a_csv_for_people",),
    42: (
        f"{DATABASE}test_hostile_names_reach_neither_sql_nor_the_terminal",
        f"{DATABASE}test_hostile_filters_find_nothing_and_break_nothing",
        f"{TRANSFORMS}test_values_of_rejections_cannot_steer_a_terminal",
    ),
    # process
    46: (f"{DATABASE}test_every_command_can_be_run_again",),
    53: (
        f"{DATABASE}test_a_second_import_is_refused_or_waits",
        f"{PREFECT}test_nothing_of_a_killed_stack_is_in_the_way",
    ),
    55: (
        f"{DATABASE}test_killed_at_every_step_it_ends_as_if_nothing_had_happened",
        f"{DATABASE}test_importing_anything_twice_changes_no_line",
    ),
    56: (f"{DATABASE}test_no_preference_changes_a_row", f"{DATABASE}test_sessions_have_the_same_settings"),
    57: (f"{DATABASE}test_an_import_given_up_meanwhile_is_never_published",),
    58: (f"{DATABASE}test_tables_of_others_with_our_names_stay",),
}
"""The tests that hold a trap, by its number."""

LATER: Final = {
    12: "retry of rejections",
    43: "held imports",
    44: "retry of rejections; until then the tests of 13 hold that checkpoint and data commit together",
    45: "revert of a published import",
    47: "held imports and their plans",
    48: "billed_through",
    49: "closed periods",
    50: "gates; until then the tests of 37 hold that limits are judged before anything counts",
    51: "control totals of a mapping",
    52: "missing days and silent customers; empty lines are tested by their rule in test_rules.py",
    54: "deployments that do not depend on a folder",
    59: "revert of a published import",
    60: "keys whose versions are partly numbered",
}
"""Why a trap has no test yet: the subject of the issue that builds it."""


def test_every_trap_has_tests_or_a_reason() -> None:
    """Each of the 60 traps is held by a test, or waits for an issue that is named."""
    assert sorted([*TRAPS, *LATER]) == list(range(1, 61))
    assert all(TRAPS.values())


@pytest.mark.parametrize("test", sorted({test for tests in TRAPS.values() for test in tests}))
def test_the_test_of_a_trap_exists(test: str) -> None:
    """A test that is renamed or removed leaves no trap uncovered in silence."""
    assert missing_test(test) is None
