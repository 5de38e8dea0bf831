"""The artifacts of an import on the page of its flow run."""

import json
import re

from tests.conftest import Answer
from tests.flows.prefect.stack import CLOCK, Stack, good_row, run_of

HOSTILE = "<script>alert(1)</script> a|b `c` *d* [e](javascript:f)"


def test_the_ledger_is_read_back(stack: Stack, october: Answer) -> None:
    """The run's page has the ledger and the usage that changed, under keys that name the import."""
    import_id = october.json["import_id"]
    artifacts = stack.artifacts(run_of(october)[1])
    assert set(artifacts) == {f"import-{import_id}-ledger", f"import-{import_id}-usage"}
    ledger = artifacts[f"import-{import_id}-ledger"]
    assert ledger.startswith(f"# Import {import_id}: published\n")
    assert "| 39 | 39 | 0 | 0 | 0 | 0 |" in ledger
    assert october.json["files"][0]["sha256"][:12] in ledger
    usage = artifacts[f"import-{import_id}-usage"]
    assert (
        "|  | 12 | +12 | api\\_requests |  | 2026-10-01 | harbour-logistics | contract\\_harbour |" in usage
    )


def test_rejections_are_read_back_and_harmless(stack: Stack, october: Answer) -> None:
    """Reasons with counts and first examples; what a hostile export wrote means nothing to markdown, HTML or a terminal."""
    rows = [{"eventName": "x", "externalCustomerId": HOSTILE, "timestamp": "2026-10-01T00:00:00Z"}] * 4
    source = stack.folder / "we|ird <b>*name*<b>.jsonl"
    source.write_text(
        "".join(json.dumps(row) + "\n" for row in [*rows, {"eventName": "x"}]) + good_row("hostile")
    )
    answer = stack.command("run", source, "--clock", CLOCK, "--max-rejected", "90%", "--json", "--wait")
    import_id = answer.json["import_id"]
    page = stack.artifacts(run_of(answer)[1])[f"import-{import_id}-rejections"]
    assert page.startswith(f"# Import {import_id}: 5 of 6 rows rejected\n")
    assert "| customer_not_found | 4 |\n| missing_customer | 1 |" in page
    assert "**4 rows, customer_not_found**: Customer not found" in page
    assert page.count("row 1; ") == 1
    assert r"\<script\>alert(1)\</script\> a\|b \`c\` \*d\* \[e\](javascript:f)" in page
    assert not re.search(
        r"(?<!\\)[<|*\[]", page[page.index("Customer not found") : page.index("\n", page.index("row 1;"))]
    )
    assert "\x1b" not in page + answer.err
