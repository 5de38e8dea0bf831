"""An event can be pinned only to a contract of its own customer."""

import json

import pytest

from tests.transforms.sifting import json_chunk, sifted


@pytest.mark.parametrize(
    ("customer", "contract", "is_own"),
    [("cus-2", "con-8", True), ("cus-2", "con-7", False), ("5", "con-8", False), ("5", "con-7", False)],
)
def test_a_contract_of_another_customer_is_not_found(customer: str, contract: str, *, is_own: bool) -> None:
    """Whether the owner was loaded before or after the customer of the row makes no difference."""
    row = {
        "eventName": "call",
        "customerId": customer,
        "contractId": contract,
        "timestamp": "2025-12-01T00:00:00Z",
    }
    both = sifted(json_chunk([json.dumps(row).encode()]))
    assert both.rejections["code"].to_list() == ([] if is_own else ["contract_not_found"])
    assert both.accepted["contract_no"].to_list() == ([8] if is_own else [])
