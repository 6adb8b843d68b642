"""Suites: what is misspelled is named with its line and the nearest valid name."""

from __future__ import annotations

from pathlib import Path

import pytest

from expectations import suites
from expectations.engine import implementation
from expectations.suites import SuiteError, batch_suite, marts_suites, streams_with_suites

GOOD = """\
checks:
  - type: expect_column_values_to_not_be_null
    kwargs: {column: kpi}
    severity: critical
    why: it is the key
"""


def marts(folder: Path, text: str) -> Path:
    (folder / "marts").mkdir(exist_ok=True)
    (folder / "marts" / "kpis.yml").write_text(text)
    suites._read.cache_clear()
    return folder


def test_a_suite_says_what_and_how_bad_and_why(tmp_path: Path) -> None:
    (suite,) = marts_suites(marts(tmp_path, "required: true\n" + GOOD))
    (expectation,) = suite.expectations
    assert suite.required
    assert (expectation.name, expectation.severity, expectation.why, expectation.line) == (
        "expect_column_values_to_not_be_null(kpi)",
        "critical",
        "it is the key",
        3,
    )


@pytest.mark.parametrize(
    ("wrong", "right", "message"),
    [
        (
            "expect_column_values_to_not_be_nul",
            "expect_column_values_to_not_be_null",
            r"kpis\.yml, line 2: there is no check .*; did you mean expect_column_values_to_not_be_null\?",
        ),
        ("periods_are_completed", "expect_column_values_to_not_be_null", r"did you mean periods_are_complete\?"),
        ("severity: criticall", "severity: critical", r"kpis\.yml, line 2: severity 'criticall' is not known; did you mean critical\?"),
        ("kwarg:", "kwargs:", r"kpis\.yml, line 3: unknown key 'kwarg'; did you mean kwargs\?"),
        ("check:", "checks:", r"kpis\.yml, line 1: unknown key 'check'; did you mean checks\?"),
        ("because:", "why:", r"kpis\.yml, line 5: unknown key 'because'"),
    ],
)
def test_a_misspelled_word_is_an_error_with_file_line_and_the_nearest_name(tmp_path: Path, wrong: str, right: str, message: str) -> None:
    with pytest.raises(SuiteError, match=message):
        marts_suites(marts(tmp_path, GOOD.replace(right, wrong)))


def test_a_check_without_a_reason_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match=r"line 2: a check needs 'why'"):
        marts_suites(marts(tmp_path, GOOD.replace("    why: it is the key\n", "")))


def test_a_wrong_argument_of_our_own_check_is_named(tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match=r"line 2: rows_do_not_jump has no argument 'max_los'; did you mean max_loss\?"):
        marts_suites(marts(tmp_path, GOOD.replace("expect_column_values_to_not_be_null", "rows_do_not_jump").replace("{column: kpi}", "{max_los: 1}")))


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ("{colum: kpi}", r"kpis\.yml, line 2: .*has no argument 'colum'; did you mean column\?"),
        ("{}", r"line 2: expect_column_values_to_not_be_null: column: field required"),
    ],
)
def test_a_wrong_argument_of_great_expectations_is_named(tmp_path: Path, kwargs: str, message: str) -> None:
    (suite,) = marts_suites(marts(tmp_path, GOOD.replace("{column: kpi}", kwargs)))
    with pytest.raises(SuiteError, match=message):
        implementation(suite.expectations[0])


def test_a_field_of_an_unknown_type_is_refused(tmp_path: Path) -> None:
    (tmp_path / "batch").mkdir()
    (tmp_path / "batch" / "every_stream.yml").write_text("checks: []\n")
    (tmp_path / "batch" / "zendesk.yml").write_text("tickets:\n  fields: {created_at: created timestmp}\n  checks: []\n")
    suites._read.cache_clear()
    with pytest.raises(SuiteError, match=r"field 'created_at' is 'created timestmp'; .*did you mean timestamp\?"):
        batch_suite("zendesk", "tickets", tmp_path)


def test_a_stream_without_a_suite_still_has_the_checks_of_every_stream() -> None:
    assert {expectation.type for expectation in batch_suite("files", "something_new").expectations} >= {"keys_are_present", "volume_is_like_its_history"}


def test_every_suite_in_the_repository_is_understood() -> None:
    found = [expectation for kind, stream in streams_with_suites() for expectation in batch_suite(kind, stream).expectations]
    found += [expectation for suite in marts_suites() for expectation in suite.expectations]
    for expectation in found:
        assert expectation.is_own or implementation(expectation)
    assert {"tryton", "request_tracker", "zendesk", "files"} <= {kind for kind, _ in streams_with_suites()}
