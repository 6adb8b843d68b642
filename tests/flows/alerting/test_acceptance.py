"""What arrives, and when: each test lives some days under a simulated clock and names the hours in which each message must come. No other may."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from flows.alerting.episodes import Silence
from flows.alerting.ladder import Shift
from flows.alerting.options import Person
from tests.flows.alerting.world import World, at, rule

SEEN = frozenset({"late", "worse"})
MORNING = 3                     # the hour of the night's version; day 0 is published on day 1


def world(series: dict[tuple[str, str], list[float | None]], *rules: object, **more: object) -> World:
    found = rules or (rule(),)
    return World(rules={one.rule: one for one in found}, series=series, seen=SEEN, **more)  # type: ignore[attr-defined, arg-type]


def test_a_breach_is_told_once_in_the_night_it_is_known_and_its_end_once() -> None:
    lived = world({("late", "A"): [5, 20, 21, 22, 5, 5]})
    lived.live(6)
    lived.expect(("firing", 51, 51, "late: A"), ("resolved", 123, 123, "late: A"))


def test_it_fires_after_so_many_days_and_ends_after_so_many() -> None:
    lived = world({("late", "A"): [20, 5, 20, 20, 9, 7, 7, 20, 5, 5]}, rule(for_=2, clear={"at": 8, "for": 2}))
    lived.live(11)
    lived.expect(("firing", 99, 99, "late: A"), ("resolved", 171, 171, "late: A"))


def test_forty_suppliers_are_one_message_and_one_more_the_next_day_another() -> None:
    series: dict[tuple[str, str], list[float | None]] = {("late", f"S{number:02d}"): [20, 20] for number in range(40)}
    lived = world({**series, ("late", "T"): [5, 20]})
    lived.live(3)
    assert [(message.kind, len(message.alerts)) for _, message in lived.got] == [("firing", 40), ("firing", 1)]


def test_a_list_that_grows_every_day_is_told_together_once_in_a_while() -> None:
    lived = world({("late", f"w{number}"): [5] * number + [20] * (12 - number) for number in range(10)}, rule(new_every="7d"))
    lived.live(11)
    assert [(message.kind, len(message.alerts), at.day) for at, message in lived.got] == [("firing", 1, 3), ("firing", 7, 10)]


def test_it_is_repeated_while_nobody_has_it_and_not_when_somebody_has() -> None:
    lived = world({("late", "A"): [20] * 9}, rule(repeat_every="2d"))
    lived.live(6)
    lived.expect(("firing", 27, 27, "late: A"), ("reminder", 75, 75, "late: A"), ("reminder", 123, 123, "late: A"))
    (name,) = lived.alerts
    lived.alerts[name] = replace(lived.alerts[name], acknowledged_by="mira", acknowledged_at=at(6))
    lived.live(4, start=6)
    assert len(lived.got) == 3


def test_an_acknowledgement_that_runs_out_lets_the_reminders_come_again_and_ends_with_its_episode() -> None:
    lived = world({("late", "A"): [20, 20, 20, 20, 5, 20, 20]}, rule(repeat_every="1d"))
    lived.live(1.5)
    (name,) = lived.alerts
    lived.alerts[name] = replace(lived.alerts[name], acknowledged_by="mira", acknowledged_at=at(1, 12), acknowledged_until=at(4))
    lived.live(6.5, start=1.5)
    lived.expect(("firing", 27, 27, "late: A"), ("reminder", 96, 96, "late: A"), ("reminder", 120, 120, "late: A"), ("resolved", 123, 123, "late: A"),
                 ("firing", 147, 147, "late: A"), ("reminder", 171, 171, "late: A"))


def test_what_a_greater_evil_inhibits_is_told_when_that_is_over() -> None:
    lived = world({("late", "A"): [20, 20, 20, 20], ("worse", "A"): [20, 20, 5, 5], ("late", "B"): [20, 20, 20, 5]},
                  rule(inhibited_by=["worse"]), rule("worse", severity="critical"))
    lived.live(5)
    lived.expect(("firing", 27, 27, "late: B"), ("firing", 27, 27, "worse: A"), ("resolved", 75, 75, "worse: A"), ("firing", 75, 75, "late: A"),
                 ("resolved", 99, 99, "late: B"))


def test_a_silence_keeps_it_quiet_and_what_still_fires_at_its_end_is_told_then() -> None:
    silence = Silence(silence="s", rule="late", segment="A", reason="they move", by="mira", starts_at=at(0), ends_at=at(3, 12))
    lived = world({("late", "A"): [20, 20, 20, 20], ("late", "B"): [20, 5, 5, 5]}, silences=[silence])
    lived.live(5)
    lived.expect(("firing", 27, 27, "late: B"), ("resolved", 51, 51, "late: B"), ("firing", 84, 84, "late: A"))


def test_what_began_and_ended_in_a_silence_was_never_heard() -> None:
    silence = Silence(silence="s", rule=None, segment=None, reason="stocktaking", by="mira", starts_at=at(0), ends_at=at(9))
    lived = world({("late", "A"): [20, 20, 5, 5]}, silences=[silence])
    lived.live(12)
    lived.expect()


def test_it_climbs_while_nobody_takes_it_and_stops_where_somebody_does() -> None:
    lived = world({("late", "A"): [20] * 5}, rule(escalation=[{"after": "4h", "to": "boss"}, {"after": "1d", "to": "board"}]))
    lived.live(2)
    lived.expect(("firing", 27, 27, "late: A"), ("escalation", 31, 31, "late: A"))
    assert lived.got[-1][1].to == "boss"
    (name,) = lived.alerts
    lived.alerts[name] = replace(lived.alerts[name], acknowledged_by="boss", acknowledged_at=at(2))
    lived.live(2, start=2)
    assert len(lived.got) == 2


def test_it_climbs_in_the_owners_shift_and_the_ladder_is_kept_as_it_was() -> None:
    """Told at 3:00 on Tuesday, before a shift of 8 to 16: four hours on duty end at noon. A roster changed later changes nothing."""
    lived = world({("late", "A"): [20] * 3}, rule(escalation=[{"after": "4h", "to": "boss"}]), people={"lead": Person(agent="mira")},
                  shifts=[Shift(agent="mira", team="T", starts_at=at(1, 8), ends_at=at(1, 16))])
    lived.live(1.2)
    lived.shifts.clear()
    lived.live(1, start=1.2)
    lived.expect(("firing", 27, 27, "late: A"), ("escalation", 35.8, 37, "late: A"))


def test_a_gap_in_the_roster_climbs_at_once() -> None:
    lived = world({("late", "A"): [20] * 3}, rule(escalation=[{"after": "4h", "to": "boss"}]), people={"lead": Person(agent="mira")},
                  shifts=[Shift(agent="mira", team="T", starts_at=at(4, 8), ends_at=at(4, 16))])
    lived.live(2)
    lived.expect(("firing", 27, 27, "late: A"), ("escalation", 28, 28, "late: A"))


def test_a_first_start_with_old_data_is_one_summary_and_climbs_nowhere() -> None:
    lived = World(rules={"late": rule(escalation=[{"after": "1h", "to": "boss"}]), "worse": rule("worse", severity="critical")}, series={
        ("late", "A"): [20] * 30, ("late", "B"): [20] * 31, ("worse", "A"): [20] * 30, ("late", "C"): [5] * 30})
    lived.live(2, start=30)
    lived.expect(("summary", 720, 720, "late + worse: A, A, B"))


def test_a_rule_that_is_added_finds_what_is_old_in_a_summary_of_its_own() -> None:
    lived = world({("late", "A"): [20] * 9, ("new", "A"): [20] * 9})
    lived.live(3)
    lived.rules["new"] = rule("new")
    lived.live(2, start=3)
    lived.expect(("firing", 27, 27, "late: A"), ("summary", 72, 72, "new: A"))


def test_hours_in_which_nobody_evaluated_lose_nothing_and_double_nothing() -> None:
    lived = world({("late", "A"): [20, 20, 20, 5, 5]}, rule(repeat_every="1d"))
    lived.live(5, but=lambda now: at(1, 2) < now < at(1, 9) or at(3) < now < at(4, 5))
    lived.expect(("firing", 33, 33, "late: A"), ("reminder", 57, 57, "late: A"), ("resolved", 101, 101, "late: A"))


def test_a_source_that_is_stale_lets_nothing_begin_and_nothing_end() -> None:
    lived = world({("late", "A"): [20, 5, 5, 5, 5], ("late", "B"): [5, 20, 20, 20, 5]})
    days = [at(day).date() for day in (1, 2)]
    lived.frozen["late"] = set(days)
    lived.live(5)
    lived.expect(("firing", 27, 27, "late: A"), ("resolved", 99, 99, "late: A"), ("firing", 99, 99, "late: B"))


def test_a_rule_whose_file_is_broken_for_a_day_keeps_its_alerts_and_one_switched_off_ends_them_without_a_word() -> None:
    lived = world({("late", "A"): [20] * 6})
    lived.live(2)
    kept = lived.rules.pop("late")
    lived.broken = frozenset({"late"})
    lived.live(1, start=2)
    assert all(alert.is_open for alert in lived.alerts.values())
    lived.rules["late"], lived.broken = kept, frozenset()
    lived.live(1, start=3)
    lived.rules.pop("late")
    lived.live(1, start=4)
    lived.expect(("firing", 27, 27, "late: A"))
    assert [alert.resolution for alert in lived.alerts.values()] == ["rule off"]


def test_a_segment_of_which_nothing_comes_any_more_ends_without_a_word() -> None:
    lived = world({("late", "A"): [20, 20, *[None] * 50]})
    lived.live(45)
    lived.expect(("firing", 27, 27, "late: A"))
    assert [alert.resolution for alert in lived.alerts.values()] == ["no data"]


def test_a_clock_that_goes_back_an_hour_and_forth_again_doubles_nothing() -> None:
    lived = world({("late", "A"): [20, 20, 20]}, rule(repeat_every="1d", escalation=[{"after": "2h", "to": "boss"}]))
    for hour in (3, 4, 3, 5, 4, 6, 5, 27, 26, 28, 27):
        lived.evaluate(at(1, hour), at(0).date() if hour < 26 else at(1).date())
    assert [message.kind for _, message in lived.got] == ["firing", "escalation"]
    lived.evaluate(at(2, 5) + timedelta(hours=1), at(1).date())
    assert [message.kind for _, message in lived.got] == ["firing", "escalation", "reminder"]
