"""Build the catalog of a folder from documents, for the tests of its rules."""

from typing import Any

from schemas.vocabulary import Kind
from transforms.catalog.references import ExistingCatalog, ExistingThing
from transforms.catalog.understand import Document, FolderCatalog, understand

METER = {"id": "m1", "code": "calls", "aggregationType": "COUNT"}
PRICING = {"id": "r1", "model": "USAGE", "meterId": "m1", "priceInterval": "MONTH", "priceIntervalCount": 1}
CONTRACT = {"id": "k1", "customerId": "c1", "planId": "p1", "startDate": "2026-01-01"}
UUID = "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9"
NOTHING: ExistingCatalog = {kind: {} for kind in Kind}


def document(kind: Kind, content: Any, place: str = "file.json[0]") -> Document:
    return Document(kind, place, content)


def folder_of(*documents: Document) -> FolderCatalog:
    return understand(documents)


def problems(kind: Kind, content: Any) -> list[str]:
    return [str(problem) for problem in folder_of(document(kind, content)).problems]


def understood(kind: Kind, content: dict[str, Any]) -> Any:
    found = folder_of(document(kind, content))
    assert found.problems == ()
    (thing,) = found.things[kind].values()
    return thing.model


def existing(**kinds: dict[str, ExistingThing]) -> ExistingCatalog:
    return {kind: kinds.get(kind.value, {}) for kind in Kind}
