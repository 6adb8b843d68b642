"""Tables that people keep by hand: targets, risks, projects, procedures. Rows as dictionaries, one list a file."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random

from sandbox.company.planted import ENDS_ON, REAL_PROJECT_FROM, REAL_WAREHOUSE, SHAM_PROJECT_FROM, STARTS_ON, WORLD_ENDS_ON

_FROM = STARTS_ON
# kpi, segment_type, segment, effective_from, target, warn_at, act_at. Ratios as shares; warn_at and act_at lie on the bad side of the target.
_TARGETS: tuple[tuple[str, str, str, date, float, float, float], ...] = (
    ("first_response_minutes", "all", "all", _FROM, 300, 330, 420),
    ("first_response_minutes", "all", "all", date(2026, 1, 1), 240, 270, 360),
    ("first_response_minutes", "team", "Support Pacific", _FROM, 300, 340, 420),
    ("first_response_minutes", "priority", "urgent", _FROM, 60, 75, 120),
    ("resolution_hours", "all", "all", _FROM, 24, 28, 36),
    ("resolution_rate", "all", "all", _FROM, 0.95, 0.93, 0.90),
    ("first_contact_resolution", "all", "all", _FROM, 0.70, 0.65, 0.60),
    ("sla_attainment", "all", "all", _FROM, 0.92, 0.90, 0.85),
    ("sla_attainment", "all", "all", date(2026, 1, 1), 0.95, 0.92, 0.88),
    ("sla_attainment", "policy", "premium", _FROM, 0.97, 0.95, 0.90),
    ("reopen_rate", "all", "all", _FROM, 0.05, 0.06, 0.08),
    ("csat", "all", "all", _FROM, 0.90, 0.88, 0.85),
    ("csat", "team", "Support Pacific", _FROM, 0.85, 0.82, 0.75),
    ("major_complaint_rate", "all", "all", _FROM, 0.005, 0.006, 0.010),
    ("complaint_on_time_rate", "all", "all", _FROM, 1.00, 0.97, 0.92),
    ("dispute_resolution_rate", "all", "all", _FROM, 0.90, 0.87, 0.80),
    ("cross_team_resolution_hours", "all", "all", _FROM, 72, 80, 96),
    ("cross_team_resolution_hours", "all", "all", date(2026, 1, 1), 24, 30, 48),
    ("incident_on_time_rate", "all", "all", _FROM, 1.00, 0.97, 0.92),
    ("reassignment_rate", "all", "all", _FROM, 0.20, 0.22, 0.28),
    ("quality_score", "all", "all", _FROM, 90, 87, 82),
    ("coverage_rate", "all", "all", _FROM, 1.00, 0.99, 0.97),
    ("staffing_gap", "all", "all", _FROM, 0, 1, 2),
    ("workload_balance", "all", "all", _FROM, 0.80, 0.75, 0.65),
    ("team_review_pass_rate", "all", "all", _FROM, 0.90, 0.87, 0.80),
    ("core_staff_retention", "all", "all", _FROM, 0.85, 0.83, 0.80),
    ("training_completion", "all", "all", _FROM, 1.00, 0.95, 0.85),
    ("lead_conversion_rate", "all", "all", _FROM, 0.10, 0.09, 0.07),
    ("sales_cycle_days", "all", "all", _FROM, 45, 50, 60),
    ("win_rate", "all", "all", _FROM, 0.50, 0.45, 0.40),
    ("repurchase_rate", "all", "all", _FROM, 0.30, 0.28, 0.25),
    ("channel_roi", "all", "all", _FROM, 1.0, 1.1, 1.0),
    ("channel_roi", "channel", "email", _FROM, 4.0, 3.0, 2.0),
    ("order_cycle_hours", "all", "all", _FROM, 96, 104, 120),
    ("order_cycle_hours", "warehouse", "BER", date(2026, 1, 19), 76, 82, 96),
    ("on_time_delivery_rate", "all", "all", _FROM, 0.95, 0.94, 0.92),
    ("on_time_delivery_rate", "warehouse", "RNO", _FROM, 0.93, 0.92, 0.90),
    ("perfect_order_rate", "all", "all", _FROM, 0.90, 0.88, 0.85),
    ("order_error_rate", "all", "all", _FROM, 0.02, 0.025, 0.035),
    ("stockout_rate", "all", "all", _FROM, 0.02, 0.025, 0.04),
    ("supplier_late_rate", "all", "all", _FROM, 0.10, 0.10, 0.12),
    ("supplier_late_rate", "supplier", "S007", _FROM, 0.08, 0.08, 0.10),
    ("budget_variance", "all", "all", _FROM, 0.0, 0.05, 0.10),
    ("process_compliance_rate", "all", "all", _FROM, 0.98, 0.97, 0.94),
    ("rework_rate", "all", "all", _FROM, 0.05, 0.06, 0.08),
    ("risk_incidence_rate", "all", "all", _FROM, 0.02, 0.03, 0.05),
    ("goal_attainment", "all", "all", _FROM, 0.95, 0.90, 0.80),
    ("efficiency_gain", "all", "all", _FROM, 0.15, 0.10, 0.05),
    ("improvement_projects", "all", "all", _FROM, 3, 2, 1),
    ("cross_team_satisfaction", "all", "all", _FROM, 0.85, 0.82, 0.75),
    ("automation_success_rate", "all", "all", _FROM, 0.99, 0.98, 0.95),
)


def targets() -> list[dict[str, object]]:
    return [
        {"kpi": kpi, "segment_type": segment_type, "segment": segment, "effective_from": effective_from, "target": target, "warn_at": warn_at, "act_at": act_at}
        for kpi, segment_type, segment, effective_from, target, warn_at, act_at in _TARGETS
    ]


def projects() -> list[dict[str, object]]:
    """Improvement projects as registered; expected_effect is a relative change of the KPI (−0.15: 15 % lower)."""
    rows = (
        (
            "Same-day picking waves in Berlin",
            "Fulfilment",
            "order_cycle_hours",
            "lower",
            REAL_PROJECT_FROM - timedelta(days=30),
            REAL_PROJECT_FROM,
            -0.15,
            "warehouse",
            REAL_WAREHOUSE,
            "order_error_rate",
        ),
        (
            "Macro library for support",
            "Customer service",
            "first_response_minutes",
            "lower",
            SHAM_PROJECT_FROM - timedelta(days=20),
            SHAM_PROJECT_FROM,
            -0.15,
            "all",
            "all",
            "csat, first_contact_resolution",
        ),
        (
            "Photo check before packing", "Fulfilment", "order_error_rate", "lower", date(2026, 9, 21), date(2026, 10, 5), -0.20, "all", "all",
            "order_cycle_hours",
        ),
    )
    columns = (
        "project", "unit", "kpi", "direction", "registered_on", "starts_on", "expected_effect", "segment_type", "segment", "guard_rails",
    )
    return [dict(zip(columns, row, strict=True)) for row in rows]


def procedures() -> list[dict[str, object]]:
    """Standard procedures as data: each step, what must have happened before, and how soon after it (elapsed hours)."""
    rows = (
        ("order", 1, "placed", None, None),
        ("order", 2, "confirmed", "placed", 24),
        ("order", 3, "picked", "confirmed", 72),
        ("order", 4, "packed", "picked", 24),
        ("order", 5, "shipped", "packed", 48),
        ("order", 6, "delivered", "shipped", 240),
        ("ticket", 1, "created", None, None),
        ("ticket", 2, "assigned", "created", 24),
        ("ticket", 3, "answered", "assigned", 24),
        ("ticket", 4, "solved", "answered", 168),
        ("lead", 1, "lead", None, None),
        ("lead", 2, "opportunity", "lead", 504),
        ("lead", 3, "offer", "opportunity", 720),
        ("lead", 4, "won", "offer", 1440),
    )
    columns = ("process", "step", "activity", "must_follow", "within_hours", "at_most_once", "different_person")
    return [dict(zip(columns, (*row, None, None), strict=True)) for row in rows]


def risks(random: Random) -> list[dict[str, object]]:
    """Sixty-four registered risks; one materialised: the bad lot of a product."""
    subjects = (
        "Late container",
        "Customs hold",
        "Card fraud wave",
        "Key person leaves",
        "Warehouse network down",
        "Lithium transport rules",
        "Currency swing",
        "Data leak at a vendor",
        "Courier strike",
        "Mould in storage",
        "Counterfeit listing",
        "Helpdesk outage",
        "Price war",
        "Wrong safety label",
        "Power cut",
        "Flood at the dock",
    )
    categories = (
        "supply",
        "supply",
        "finance",
        "people",
        "technology",
        "compliance",
        "finance",
        "technology",
        "logistics",
        "logistics",
        "market",
        "technology",
        "market",
        "product",
        "logistics",
        "logistics",
    )
    rows: list[dict[str, object]] = []
    for round_number, place in enumerate(("Berlin", "Reno", "Singapore", "company-wide")):
        for subject, category in zip(subjects, categories, strict=True):
            registered_on = STARTS_ON + timedelta(days=random.randrange(30) + 120 * round_number)
            bad_lot = subject == "Wrong safety label" and place == "company-wide"
            rows.append(
                {
                    "risk": f"{subject}, {place}",
                    "category": category,
                    "registered_on": registered_on,
                    "materialised_on": date(2026, 7, 9) if bad_lot else None,
                    "owner": random.choice(("Mei Tan", "Jürgen Koch", "Carlos Núñez", "Aroha Walker")),
                }
            )
    assert all(STARTS_ON <= row["registered_on"] <= ENDS_ON <= WORLD_ENDS_ON for row in rows)  # type: ignore[operator]
    return rows
