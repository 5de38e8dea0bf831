"""Decide about members of a document that its model does not name: kept, told, or refused.

A member of a meter, a usage pricing or a contract that is not known may be a misspelt one that changes usage, so it is a
mistake. Members of customers and plans change no usage; they are kept, with a warning.
"""

from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cache

from pydantic import BaseModel

from schemas.documents.catalog import KEPT_MEMBERS, Contract, Meter, Pricing, UsagePricing
from transforms.values.text import quoted

STRICT = (Meter, UsagePricing, Contract)


@dataclass
class UnknownMembers:
    """The members met so far that no model names: each is reported at its first place."""

    seen: set[tuple[type[BaseModel], str]] = field(default_factory=set)

    def mistakes(self, model: BaseModel) -> list[str]:
        """Return a sentence for each member of a strict model that is not known, and that no earlier document had."""
        return (
            [_sentence(type(model), name) for name in self._unknown(model)]
            if isinstance(model, STRICT)
            else []
        )

    def warnings(self, model: BaseModel) -> list[str]:
        """Return a sentence for each member of any other model that is not known, and that no earlier document had."""
        if isinstance(model, STRICT) or type(model) is Pricing:
            return []
        return [
            _sentence(type(model), name, effect=", is kept and changes no usage")
            for name in self._unknown(model)
        ]

    def _unknown(self, model: BaseModel) -> list[str]:
        of = type(model)
        names = [
            name
            for name in model.model_extra or ()
            if name not in KEPT_MEMBERS[of] and (of, name) not in self.seen
        ]
        self.seen |= {(of, name) for name in names}
        return names


def _sentence(of: type[BaseModel], name: str, *, effect: str = "") -> str:
    near = nearest(name, of)
    hint = f"; did you mean {near!r}?" if near else ""
    return f"{quoted(name)} is not known here{effect}{hint}"


def nearest(name: str, of: type[BaseModel]) -> str | None:
    """Return the known member of a model that is spelt most like a name, or None if none is near."""
    spellings = _spellings(of)
    near = get_close_matches(_bare(name), spellings, n=1)
    return spellings[near[0]] if near else None


@cache
def _spellings(of: type[BaseModel]) -> dict[str, str]:
    """Return the names of a model's fields by their spelling without case and separators."""
    names = [field.alias or name for name, field in of.model_fields.items()]
    return {_bare(name): name for name in names}


def _bare(name: str) -> str:
    return name.replace("_", "").replace("-", "").replace(" ", "").casefold()
