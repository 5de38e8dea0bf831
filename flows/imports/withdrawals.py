"""Refuse to withdraw due usage lines because a catalog or a setting has changed, unless that is asked for."""

from typing import Any, Final

from sqlalchemy import Connection

from flows.output.wording import counted
from flows.usage.changes import withdrawn_due_lines
from schemas.errors import UsageImportError
from schemas.ledger import LineChanges

LINES_NAMED: Final = 3


class WithdrawsDueLinesError(UsageImportError):
    """A publish that would withdraw due lines that have events; nothing of it counts."""


def refuse_withdrawals(
    connection: Connection,
    lines: LineChanges,
    *,
    import_id: int,
    cause: str,
    is_allowed: bool,
    reason: str | None,
) -> None:
    """Raise WithdrawsDueLinesError if a publish withdrew due lines that have events, unless that is allowed with a reason.

    lines: the changes that import_id has written. cause: the catalog or the setting that made them. The caller's transaction must end with the error.
    """
    number = lines.due_withdrawn
    if not number or (is_allowed and reason):
        return
    examples = withdrawn_due_lines(connection, import_id, limit=LINES_NAMED)
    named = ", ".join(map(_named, examples))
    more = f" and {number - len(examples):,} more" if number > len(examples) else ""
    missing = "--reason TEXT" if is_allowed else "--allow-withdrawn --reason TEXT"
    raise WithdrawsDueLinesError(
        f"{cause} would withdraw {counted(number, 'due usage line')} with events ({named}{more}), so nothing is "
        f"changed; mend it, or accept it with {missing}"
    )


def _named(line: dict[str, Any]) -> str:
    group = "" if line["group"] == "{}" else f" {line['group']}"
    return f"{line['contract_id']} {line['meter_code']}{group} from {line['period_start_on']}: {line['quantity_before'] or 'null'}"
