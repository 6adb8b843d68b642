"""The service KPIs 1 to 8, straight from the tickets. Definitions: see truth.py."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sandbox.company.measures import BusinessHours, Figures, medians, month_end, month_of, months, ratios
from sandbox.company.plan import Plan, SlaPolicy, Ticket, TicketEvent

DONE = ("solved", "closed")


@dataclass(frozen=True, kw_only=True)
class Told:
    """What a ticket's events say, as of the plan's end."""

    ticket: Ticket
    team: str  # now
    status: str  # now
    spells: list[tuple[str, datetime, datetime | None]]  # status, from, until
    replies: list[datetime]  # by people of ours, for the customer to see
    resolutions: list[datetime]
    reopened_at: datetime | None
    resolved_at: datetime | None  # the last resolution, while it holds
    ended_at: datetime | None
    rating: TicketEvent | None


def told(ticket: Ticket) -> Told:
    spells: list[tuple[str, datetime, datetime | None]] = [("new", ticket.created_at, None)]
    resolutions: list[datetime] = []
    reopened_at: datetime | None = None
    team, rating = ticket.team, None
    for event in ticket.events:
        if event.kind == "team" and event.value:
            team = event.value
        elif event.kind == "rating":
            rating = event
        elif event.kind == "status" and event.value:
            before = spells[-1][0]
            spells[-1] = (before, spells[-1][1], event.at)
            spells.append((event.value, event.at, None))
            if event.value == "solved" and before not in DONE:
                resolutions.append(event.at)
            if before in DONE and event.value not in DONE and resolutions and reopened_at is None:
                reopened_at = event.at
    status = spells[-1][0]
    ended: datetime | None = None
    for name, since, _ in reversed(spells):
        if name not in DONE:
            break
        ended = since
    return Told(
        ticket=ticket,
        team=team,
        status=status,
        spells=spells,
        resolutions=resolutions,
        reopened_at=reopened_at,
        rating=rating,
        replies=[event.at for event in ticket.events if event.kind == "public_reply" and event.actor == "agent"],
        resolved_at=resolutions[-1] if status in DONE and resolutions else None,
        ended_at=ended,
    )


@dataclass(frozen=True, kw_only=True)
class Clock:
    target: float  # open minutes
    stretches: list[tuple[datetime, datetime | None]]  # in which it runs; None: still
    stopped_at: datetime | None


def clocks(story: Told, policy: SlaPolicy) -> list[Clock]:
    """First reply, every later question, resolution. Only the resolution clock pauses: no answer is owed less because a status says pending."""
    ticket, priority = story.ticket, story.ticket.priority
    first = story.replies[0] if story.replies else None
    found = [Clock(target=policy.first_reply_minutes[priority], stretches=[(ticket.created_at, first or story.ended_at)], stopped_at=first)]
    if policy.next_reply_minutes:
        waiting: datetime | None = None
        for event in ticket.events:
            answered = event.kind == "public_reply" and event.actor == "agent"
            if event.kind == "public_reply" and event.actor == "requester" and waiting is None and first and event.at >= first:
                waiting = event.at
            elif waiting and (answered or (event.kind == "status" and event.value in DONE)):
                found.append(Clock(target=policy.next_reply_minutes[priority], stretches=[(waiting, event.at)], stopped_at=event.at))
                waiting = None
        if waiting:
            found.append(Clock(target=policy.next_reply_minutes[priority], stretches=[(waiting, None)], stopped_at=None))
    running = [(since, until) for status, since, until in story.spells if status not in DONE and not (policy.pauses_on_pending and status == "pending")]
    return [*found, Clock(target=policy.resolution_minutes[priority], stretches=running, stopped_at=story.resolved_at)]


def verdict(story: Told, policy: SlaPolicy, hours: BusinessHours, now: datetime) -> tuple[bool, datetime] | None:
    """(met, decided at), or None while neither is certain: broken at the first limit that passed, met when the last clock has stopped."""
    broken, met, undecided = [], [], False
    for clock in clocks(story, policy):
        used = 0.0
        for since, until in clock.stretches:
            spent = hours.minutes(since, until or now)
            if used + spent > clock.target:
                broken.append(hours.instant(since, clock.target - used))
                break
            used += spent
        else:
            if clock.stopped_at:
                met.append(clock.stopped_at)
            elif story.status not in DONE:
                undecided = True
    if broken:
        return False, min(broken)
    return (True, max(met)) if met and not undecided else None


def incident_verdict(story: Told, policy: SlaPolicy, hours: BusinessHours, now: datetime) -> tuple[bool, datetime] | None:
    """The same of the resolution clock alone, the last one."""
    clock, used = clocks(story, policy)[-1], 0.0
    for since, until in clock.stretches:
        spent = hours.minutes(since, until or now)
        if used + spent > clock.target:
            return False, hours.instant(since, clock.target - used)
        used += spent
    return (True, clock.stopped_at) if clock.stopped_at else None


def service_kpis(plan: Plan, now: datetime) -> dict[str, Figures]:
    zone = ZoneInfo(plan.time_zone)
    stories = [told(ticket) for ticket in plan.tickets]
    policies = {policy.name: policy for policy in plan.sla_policies}
    calendars = {calendar.name: BusinessHours(calendar) for calendar in plan.calendars}
    of_team = {team.name: team.calendar for team in plan.teams}

    departments = {team.name: team.department for team in plan.teams}

    def teams(ticket: Ticket) -> set[str]:
        return {ticket.team, *(event.value for event in ticket.events if event.kind == "team" and event.value)}

    def month(at: datetime) -> str:
        return month_of(at.astimezone(zone).date())

    def hours(ticket: Ticket) -> BusinessHours:
        return calendars[policies[ticket.sla_policy].calendar if ticket.sla_policy else of_team[ticket.team]]

    def reopened(story: Told) -> bool:
        return story.reopened_at is not None and story.reopened_at <= story.resolutions[0] + timedelta(days=7)

    def first_contact(story: Told) -> bool:
        return sum(at <= story.resolutions[0] for at in story.replies) == 1 and not reopened(story)

    def within_a_week(story: Told) -> bool:
        return bool(story.resolutions) and story.resolutions[0] <= story.ticket.created_at + timedelta(days=7)

    resolved = [story for story in stories if story.resolutions]
    judged = [(story, verdict(story, policies[story.ticket.sla_policy], hours(story.ticket), now)) for story in stories if story.ticket.sla_policy]
    incidents = [
        (story, incident_verdict(story, policies[story.ticket.sla_policy], hours(story.ticket), now))
        for story in stories
        if story.ticket.sla_policy and story.ticket.priority in ("urgent", "high")
    ]
    return {
        "incident_on_time_rate": ratios(
            ((month(decided[1]), int(decided[0]), 1, story.ticket.priority) for story, decided in incidents if decided), "severity"
        ),
        "first_response_minutes": medians(
            (
                (month(story.replies[0]), hours(story.ticket).minutes(story.ticket.created_at, story.replies[0]), story.team)
                for story in stories
                if story.replies
            ),
            "team",
        ),
        "resolution_hours": medians(
            (
                (month(story.resolved_at), hours(story.ticket).minutes(story.ticket.created_at, story.resolved_at) / 60, story.team)
                for story in stories
                if story.resolved_at
            ),
            "team",
        ),
        "first_contact_resolution": ratios(((month(story.resolutions[0]), int(first_contact(story)), 1, story.team) for story in resolved), "team"),
        "sla_attainment": ratios(
            ((month(decided[1]), int(decided[0]), 1, story.ticket.sla_policy, story.team) for story, decided in judged if decided), "policy", "team"
        ),
        "resolution_rate": ratios(((month(story.ticket.created_at), int(within_a_week(story)), 1, story.team) for story in stories), "team"),
        "reassignment_rate": ratios(((month(story.resolutions[0]), int(len(teams(story.ticket)) > 1), 1, story.team) for story in resolved), "team"),
        "cross_team_resolution_hours": medians(
            
                (month(story.resolved_at), (story.resolved_at - story.ticket.created_at).total_seconds() / 3600)
                for story in stories
                if story.resolved_at and len({departments[team] for team in teams(story.ticket)}) > 1
            
        ),
        "reopen_rate": ratios(((month(story.resolutions[0]), int(reopened(story)), 1, story.team) for story in resolved), "team"),
        "ticket_backlog": backlog(plan, stories, zone),
        "csat": ratios(((month(story.rating.at), int(story.rating.value == "good"), 1, story.team) for story in stories if story.rating), "team"),
    }


def first_response_minutes(plan: Plan) -> list[tuple[datetime, float]]:
    """(created at, open minutes until the first public reply by one of our people) of every answered ticket."""
    policies = {policy.name: policy.calendar for policy in plan.sla_policies}
    calendars = {calendar.name: BusinessHours(calendar) for calendar in plan.calendars}
    of_team = {team.name: team.calendar for team in plan.teams}
    found = []
    for ticket in plan.tickets:
        replies = told(ticket).replies
        if replies:
            hours = calendars[policies[ticket.sla_policy] if ticket.sla_policy else of_team[ticket.team]]
            found.append((ticket.created_at, hours.minutes(ticket.created_at, replies[0])))
    return found


def backlog(plan: Plan, stories: list[Told], zone: ZoneInfo) -> Figures:
    """Tickets that are neither solved nor closed at the end of the month's last day (or of the plan's, in its last month), by the team that had them then."""
    found: Figures = {"all": {"all": {}}, "team": {team.name: {} for team in plan.teams}}
    for each in months(plan.starts_on, plan.ends_on):
        end = _midnight_after(min(month_end(each), plan.ends_on), zone)
        counts = dict.fromkeys(found["team"], 0)
        for story in stories:
            if story.ticket.created_at < end and [status for status, since, _ in story.spells if since < end][-1] not in DONE:
                moves = [event.value for event in story.ticket.events if event.kind == "team" and event.at < end]
                counts[moves[-1] if moves and moves[-1] else story.ticket.team] += 1
        found["all"]["all"][each] = {"value": sum(counts.values())}
        for team, count in counts.items():
            found["team"][team][each] = {"value": count}
    return found


def _midnight_after(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day + timedelta(days=1), datetime.min.time(), zone)
