"""The rules of billing, section by section, and the tests that hold each of them.

The number before a rule is its section: 1 event, 2 identity and outcomes, 3 rejections, 4 catalog, 5 billing periods,
6 usage lines.
"""

from __future__ import annotations

from typing import Final

import pytest

from tests.named_tests import missing_test

TRANSFORMS: Final = "tests/transforms::"
SCHEMAS: Final = "tests/schemas::"
PLAIN: Final = "tests/flows/plain::"
DATABASE: Final = "tests/flows/database::"
STORY: Final = "tests::test_a_story_comes_out_as_worked_out_by_hand"

RULES: Final[dict[str, tuple[str, ...]]] = {
    "1 fields: a text has 1 to 255 code points and no control character": (
        f"{TRANSFORMS}test_valid_texts",
        f"{SCHEMAS}test_valid_texts",
    ),
    "1 fields: null and the empty text are absent, and camelCase beats the older spelling": (
        f"{TRANSFORMS}test_older_spellings_are_the_same_fields",
    ),
    "1 fields: a name twice in an object has its last value": (
        f"{TRANSFORMS}test_of_a_name_twice_the_last_counts",
    ),
    "1 fields: unknown fields are ignored and counted": (
        f"{TRANSFORMS}test_counts",
        f"{TRANSFORMS}test_unknown_columns_are_counted_where_they_hold_something",
    ),
    "1 customer: either id names the customer, and both may if they agree": (
        f"{TRANSFORMS}test_either_id_names_a_customer_and_both_may",
    ),
    "1 customer: ids are compared exactly, UUIDs without their letter case": (
        f"{TRANSFORMS}test_letter_case_of_uuids_does_not_count",
        f"{DATABASE}test_letter_case_of_a_uuid_does_not_count_in_a_filter",
    ),
    "1 contract: a pinned contract must be the customer's own": (
        f"{TRANSFORMS}test_a_contract_must_be_the_customers_own",
    ),
    "1 time: a timestamp is ISO 8601 with seconds and an offset": (
        f"{TRANSFORMS}test_every_spelling_of_an_instant_is_read",
        f"{TRANSFORMS}test_everything_else_is_no_timestamp",
    ),
    "1 time: digits after the microsecond are cut": (f"{TRANSFORMS}test_digits_are_cut_not_rounded",),
    "1 time: a mapping may name a zone, and a local time that occurs twice is the earlier": (
        f"{TRANSFORMS}test_a_local_time_is_the_earlier_of_its_instants",
        f"{TRANSFORMS}test_an_offset_beats_the_zone_of_the_mapping",
    ),
    "1 time: a mapping may name a format": (f"{TRANSFORMS}test_formats",),
    "1 time: an event may lie one hour after the clock and no more": (
        f"{TRANSFORMS}test_the_bound_of_the_future",
    ),
    "1 time: an omitted timestamp is the import's clock, and such events are counted": (
        f"{TRANSFORMS}test_counts",
        f"{STORY}[04-every-rejection]",
    ),
    "1 time: a source may set a floor and require a timestamp": (
        f"{TRANSFORMS}test_a_source_may_refuse_old_and_missing_timestamps",
    ),
    "1 properties: values are text, number or boolean": (
        f"{TRANSFORMS}test_flaws",
        f"{TRANSFORMS}test_the_text_that_is_kept",
    ),
    "1 numbers: a number is exact from the file to the line": (
        f"{DATABASE}test_sums_are_exact",
        f"{DATABASE}test_texts_of_a_csv_are_as_exact",
        f"{STORY}[09-exact-numbers]",
    ),
    "1 numbers: a number has at most 1,000 digits on either side of the point": (
        f"{TRANSFORMS}test_a_number_has_at_most_a_thousand_digits_on_a_side",
    ),
    "1 rows: broken UTF-8, a lone surrogate, deep nesting and 16 MiB make a malformed row": (
        f"{TRANSFORMS}test_a_row_over_the_limit_is_malformed",
        f"{TRANSFORMS}test_broken_text_is_refused_with_its_place",
        f"{PLAIN}test_a_row_over_the_limit_is_one_malformed_row",
    ),
    "2 outcome: every row of every file has exactly one": (
        f"{DATABASE}test_every_row_has_one_outcome",
        f"{DATABASE}test_rows_and_outcomes_must_add_up",
    ),
    "2 outcome: new, duplicate, corrected and stale are those of reading in sequence": (
        f"{TRANSFORMS}test_outcomes_are_those_of_reading_in_sequence",
        f"{DATABASE}test_command_line_agrees_with_the_second_reading",
    ),
    "2 outcome: chunks, workers and resuming never show": (
        f"{DATABASE}test_chunks_and_workers_never_show",
        f"{DATABASE}test_killed_at_every_step_it_ends_as_if_nothing_had_happened",
    ),
    "2 content: properties are compared as JSON values": (
        f"{TRANSFORMS}test_properties_are_compared_as_json_values",
        f"{TRANSFORMS}test_canonical_forms_are_equal_exactly_where_json_is",
    ),
    "2 content: an omitted timestamp is compared as omitted": (
        f"{TRANSFORMS}test_an_omitted_timestamp_enters_as_omitted",
        f"{TRANSFORMS}test_an_event_keeps_the_clock_of_the_import_that_first_brought_it",
    ),
    "2 place: an old file that comes again undoes no later correction": (f"{STORY}[03-corrections]",),
    "2 place: files one after another give what files in one import give": (
        f"{DATABASE}test_files_at_once_are_as_files_one_after_another",
    ),
    "2 place: sources keep the order given, folders and globs go by the bytes of the path": (
        f"{PLAIN}test_sources_keep_the_order_given",
        f"{PLAIN}test_a_folder_stands_for_its_exports_by_the_bytes_of_their_path",
    ),
    "2 version: the source's own version beats the place": (
        f"{TRANSFORMS}test_versions_of_the_source_are_numbers_and_beat_the_place",
    ),
    "2 correction: it may move an event to another customer or period": (
        f"{STORY}[03-corrections]",
        f"{DATABASE}test_recomputing_what_changed_equals_recomputing_everything",
    ),
    "2 no key: one is derived from the content and its ordinal in the file": (
        f"{DATABASE}test_equal_rows_of_a_file_stay_two_and_are_recognized",
        f"{DATABASE}test_derived_keys_depend_on_the_content_and_not_on_the_clock",
    ),
    "2 no key: a derived key collides with no given one, and never changes": (
        f"{DATABASE}test_a_given_key_cannot_be_a_derived_one",
        f"{TRANSFORMS}test_keys_have_not_changed",
    ),
    "2 deleted: a deleted version counts nowhere": (
        f"{DATABASE}test_a_key_is_known_as_long_as_the_database",
    ),
    "2 same file: known bytes are unchanged": (
        f"{DATABASE}test_importing_anything_twice_changes_no_line",
        f"{STORY}[02-first-guide]",
    ),
    "2 same file: other bytes under a known name are another file": (
        f"{DATABASE}test_other_bytes_under_the_same_name_are_another_file",
    ),
    "2 same file: a mapping is part of what a file is": (
        f"{SCHEMAS}test_mappings_that_differ_have_different_digests",
    ),
    "3 code: the first that applies is the row's": (
        f"{TRANSFORMS}test_the_first_code_that_applies_wins",
        f"{SCHEMAS}test_codes_are_in_order_of_precedence",
        f"{STORY}[04-every-rejection]",
    ),
    "3 code: each has its message": (
        f"{TRANSFORMS}test_every_rejection_has_its_message",
        f"{TRANSFORMS}test_every_code_but_conflict_is_covered_here",
    ),
    "3 code: conflict only if a source asks for it": (
        f"{TRANSFORMS}test_conflicts_are_rejected_if_the_mapping_says_so",
    ),
    "3 rejection: it keeps place, message and the row's bytes, at most 64 KiB of them": (
        f"{TRANSFORMS}test_of_a_long_row_the_beginning_is_kept",
        f"{TRANSFORMS}test_a_row_that_could_not_be_read_keeps_its_reason",
    ),
    "3 rejection: a near miss is named": (f"{DATABASE}test_a_near_miss_is_named_and_not_mended",),
    "3 limit: more than the allowed share fails the import, and can be accepted": (
        f"{DATABASE}test_a_share_above_the_limit_fails_and_can_be_accepted",
        f"{TRANSFORMS}test_the_limit_itself_is_allowed",
    ),
    "3 limit: all rows rejected is always a failure": (
        f"{DATABASE}test_all_rows_rejected_is_a_failed_import",
    ),
    "4 folder: a list, an object a line, pages or CSV": (
        f"{PLAIN}test_every_format_gives_the_same_documents",
    ),
    "4 customer: the external id may stand in metadata, and ids are unique": (
        f"{TRANSFORMS}test_the_external_id_may_stand_in_metadata",
        f"{TRANSFORMS}test_both_ids_are_unique",
    ),
    "4 meter: SUM is the default, and all but COUNT need a key": (
        f"{TRANSFORMS}test_sums_by_default",
        f"{TRANSFORMS}test_sum_max_and_min_need_a_key_and_count_does_not",
    ),
    "4 meter: the event filter includes, then excludes": (
        f"{TRANSFORMS}test_an_event_filter_includes_then_excludes",
    ),
    "4 meter: property filters are ANDed and compare by type": (
        f"{TRANSFORMS}test_all_conditions_of_one_filter_are_used",
        f"{DATABASE}test_filters_compare_by_type",
    ),
    "4 meter: group keys make a line per combination, absent is null": (
        f"{DATABASE}test_a_missing_group_key_is_null",
        f"{STORY}[08-group-keys]",
    ),
    "4 meter: SQL of its own makes it unsupported": (f"{TRANSFORMS}test_sql_is_loaded_as_unsupported",),
    "4 meter: an inactive one counts until it became inactive": (
        f"{DATABASE}test_active_in_between_starts_anew",
        f"{TRANSFORMS}test_an_inactive_meter_has_an_instant",
    ),
    "4 meter: a value that is no number is unusable for that meter alone": (
        f"{DATABASE}test_an_event_that_one_meter_cannot_use_counts_on_the_others",
        f"{DATABASE}test_every_value_counts_exactly_or_is_reported",
    ),
    "4 plan: only usage pricing carries usage": (
        f"{TRANSFORMS}test_only_usage_pricing_needs_a_meter_and_an_interval",
    ),
    "4 contract: dates decide, isActive without an end is a warning": (
        f"{TRANSFORMS}test_dates_and_anchor",
        f"{TRANSFORMS}test_is_active_is_ignored_and_odd_without_an_end",
    ),
    "4 loading: all problems are listed at once, and then nothing is loaded": (
        f"{DATABASE}test_all_problems_are_listed_at_once_and_nothing_is_loaded",
    ),
    "4 loading: references may lead to the folder or the database": (
        f"{DATABASE}test_references_may_lead_to_the_database",
        f"{TRANSFORMS}test_a_reference_to_nothing_is_a_problem",
    ),
    "4 loading: a catalog removes nothing unless it prunes": (
        f"{DATABASE}test_without_it_nothing_is_removed",
        f"{DATABASE}test_unused_things_are_removed_and_listed",
    ),
    "4 loading: an unchanged folder makes no version": (
        f"{DATABASE}test_an_unchanged_folder_makes_no_version",
    ),
    "5 day: it begins at the first instant with its date in the billing zone": (
        f"{TRANSFORMS}test_a_day_begins_at_its_first_instant_around_every_change_of_the_clocks",
        f"{DATABASE}test_the_billing_zone_decides_where_a_day_begins",
    ),
    "5 day: days tile": (f"{TRANSFORMS}test_days_tile",),
    "5 boundary: anchor + n × interval, clamped, from the original anchor": (
        f"{TRANSFORMS}test_inner_boundaries_are_the_anchors_and_all_of_them",
        f"{TRANSFORMS}test_a_boundary_never_drifts_from_its_anchor",
        f"{STORY}[06-anchors]",
    ),
    "5 boundary: an event at a boundary lies in the period that begins there": (
        f"{TRANSFORMS}test_an_instant_at_a_boundary_lies_in_the_period_that_begins_there",
        f"{DATABASE}test_the_boundary_instant",
        f"{STORY}[05-period-edges]",
    ),
    "5 anchor: a date, a day of month, or the start": (
        f"{TRANSFORMS}test_an_anchor_is_a_date_a_day_of_month_or_the_start",
        f"{TRANSFORMS}test_a_day_of_month_that_the_month_does_not_have",
    ),
    "5 end: it is exclusive and cuts the last period": (
        f"{TRANSFORMS}test_an_end_cuts_the_last_period_short",
    ),
    "5 periods: those of a pricing tile its contract": (f"{TRANSFORMS}test_periods_tile_the_contract",),
    "5 periods: one without any instant does not exist": (
        f"{TRANSFORMS}test_a_period_without_any_instant_does_not_exist",
    ),
    "6 line: an event counts on every pricing and meter that match": (
        f"{DATABASE}test_lines_are_plain_sums",
        f"{DATABASE}test_command_line_agrees_with_the_second_reading",
    ),
    "6 contract: several that would do count on none, and a pinned one decides": (
        f"{DATABASE}test_two_contracts_for_one_meter_never_count_twice",
        f"{STORY}[07-several-contracts]",
    ),
    "6 unassigned: each event has the first reason that holds, and counts once the catalog is mended": (
        f"{DATABASE}test_events_off_every_contract_are_listed_and_count_once_it_is_corrected",
        f"{STORY}[07-several-contracts]",
    ),
    "6 line: a line keeps its id": (f"{DATABASE}test_a_line_keeps_its_id_through_corrections_and_rollups",),
    "6 quantity: SUM of no usable value is 0, MAX and MIN are null, counts are over all events": (
        f"{DATABASE}test_a_line_without_a_usable_value_counts_its_events",
    ),
    "6 empty line: it stands up to the period that holds the clock": (
        f"{STORY}[01-clean-month]",
        f"{DATABASE}test_no_empty_line_begins_after_the_clock",
        f"{DATABASE}test_an_empty_line_goes_once_its_period_has_groups",
    ),
    "6 clock: it never goes back": (f"{DATABASE}test_the_clock_of_the_database_never_goes_back",),
    "6 status open and due: by the clock": (
        f"{STORY}[01-clean-month]",
        f"{DATABASE}test_a_line_is_due_once_the_clock_reaches_its_end",
    ),
    "6 status unsupported: a meter with SQL of its own": (
        f"{DATABASE}test_a_line_shows_the_aggregation_that_it_was_computed_by",
    ),
    "6 status withdrawn: a line that no longer exists is left out": (
        f"{DATABASE}test_the_empty_line_goes_when_groups_come",
    ),
    "6 revision: a publish revises exactly the lines that changed": (
        f"{DATABASE}test_recomputing_what_changed_equals_recomputing_everything",
        f"{DATABASE}test_a_revision_names_the_import_that_caused_it",
    ),
    "6 function: incremental equals from scratch": (
        f"{DATABASE}test_recomputing_what_changed_equals_recomputing_everything",
        f"{DATABASE}test_a_catalog_of_later_counts_as_one_of_before",
    ),
}
"""The tests that hold a rule."""

LATER: Final = {
    "1 time: a mapping that makes the timestamp rejects an absent one unless it says otherwise": "mappings",
    "2 outcome: skipped rows": "mappings that skip rows",
    "2 version: keys whose versions are partly numbered go by place": "standing occurrences",
    "2 standing: whether an occurrence counts today": "standing occurrences",
    "2 no key: ordinals over all files of a command": "mappings: keyless",
    "2 deleted: a deleted row needs a key and nothing else": "mappings: deleted",
    "2 same file: a mapping that restates months": "mappings: files that replace others",
    "2 same file: known bytes under another mapping are refused": "standing occurrences",
    "2 same file: files of reverted imports": "revert of a published import",
    "3 rejection: repeats and open rejections": "retry of rejections",
    "3 retry: rejected rows that would pass now": "retry of rejections",
    "3 limit: files are set aside whole": "nightly imports",
    "4 customer: aliases": "aliases",
    "4 loading: a catalog is a publish of its own": "catalogs that publish",
    "4 loading: a held catalog": "held imports",
    "6 status elsewhere: billed_through": "history that was billed elsewhere",
    "6 status closed: closing, reopening and adjustments": "closed periods",
    "6 revision: reading an earlier moment": "usage as of a moment",
    "6 revision: who ran it and why": "reasons of a publish",
}
"""The issue that builds a rule, by its subject."""


def test_every_section_has_rules() -> None:
    """Each section of the rules, 1 to 6, is in the table, and no rule is both held and built later."""
    assert {rule.split()[0] for rule in RULES} == {"1", "2", "3", "4", "5", "6"}
    assert all(RULES.values())
    assert not RULES.keys() & LATER.keys()


@pytest.mark.parametrize("test", sorted({test for tests in RULES.values() for test in tests}))
def test_the_test_of_a_rule_exists(test: str) -> None:
    """A test that is renamed or removed leaves no rule uncovered in silence."""
    assert missing_test(test) is None
