"""The contract that every connector keeps."""

from __future__ import annotations

import pickle
from datetime import UTC, datetime

import pytest

from connectors import registry
from connectors.rest import Rest, bearer
from connectors.stream import (
    Cursor,
    Misconfigured,
    PageLoop,
    QuotaExhausted,
    Refused,
    SourceError,
    Stream,
    UnexpectedShape,
    Unreachable,
    landed_key,
)


@pytest.mark.parametrize(("error", "retryable"), [
    (Unreachable, True), (QuotaExhausted, True), (Refused, False), (UnexpectedShape, False), (PageLoop, False), (Misconfigured, False),
])
def test_an_error_says_by_its_kind_whether_trying_again_may_help(error: type[SourceError], retryable: bool) -> None:
    assert issubclass(error, SourceError) and error("x").retryable is retryable


def test_an_error_names_the_thing_and_the_next_move() -> None:
    error = Refused("401 Unauthorized", source="erp", stream="sales", mend="renew the key")
    assert str(error) == "erp/sales: 401 Unauthorized — renew the key"
    assert (error.source, error.stream, error.mend) == ("erp", "sales", "renew the key")
    assert str(SourceError("odd")) == "odd"


def test_an_exhausted_quota_says_when_to_come_back() -> None:
    at = datetime(2026, 11, 1, 3, tzinfo=UTC)
    assert QuotaExhausted("later", retry_at=at).retry_at == at


def test_a_landed_key_is_the_fields_of_the_key_in_their_order() -> None:
    stream = Stream(name="lines", key=("order", "line"))
    assert landed_key(stream, {"line": 2, "order": "SO1", "x": 0}) == "SO1|2"
    assert landed_key(stream, {"line": 0, "order": ""}) == "|0", "zero and empty are values"


@pytest.mark.parametrize("record", [{"order": "SO1"}, {"order": "SO1", "line": None}])
def test_a_record_without_its_key_is_an_unexpected_shape(record: dict[str, object]) -> None:
    with pytest.raises(UnexpectedShape, match="'line'"):
        landed_key(Stream(name="lines", key=("order", "line")), record)


def test_what_is_declared_cannot_be_changed_afterwards() -> None:
    with pytest.raises(AttributeError):
        Stream(name="a", key=("id",)).name = "b"  # type: ignore[misc]
    with pytest.raises(AttributeError):
        Cursor(field="at").ties = False  # type: ignore[misc]


def test_credentials_are_not_pickled_with_a_connector() -> None:
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(Rest("https://example.com", source="erp", auth=bearer("secret")))


@pytest.mark.parametrize("kind", sorted(registry.KINDS))
def test_every_kind_can_be_imported_and_says_which_options_it_takes(kind: str) -> None:
    names = registry.option_names(kind)
    assert names == tuple(sorted(set(names))) and names
    assert {f"{secret}_env" for secret in registry.SECRETS[kind]} <= set(names)
