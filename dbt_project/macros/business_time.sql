{#
    Business time. Opening hours become spans of UTC time (int_calendar_spans), each knowing how many open seconds its calendar had
    before it. The open seconds up to any instant are then one ASOF join away, and business time between two instants is a
    difference: no loop, no row per minute.

    Rules: a span is meant on the wall of the calendar's time zone. A wall time that comes twice (clocks go back) is its first
    occurrence; one that never comes (clocks go forward) is the instant of the change. A holiday is a calendar day on that wall:
    nothing on it counts, also not the morning part of a night shift begun the day before.
#}

{# First day that business time covers. Instants before it count as that day's midnight; a test refuses tickets older than it. #}
{% macro business_time_starts_on() %}date '2005-01-01'{% endmacro %}

{# Business time reaches this many days past as_of, so that the instant at which a running clock will be breached can be told. #}
{% macro business_time_days_ahead() %}120{% endmacro %}

{# The calendar that always exists, open around the clock. What names no calendar, or one nobody declared, runs on it. #}
{% macro round_the_clock() %}'24x7'{% endmacro %}

{# Seconds that the wall of `time_zone` is ahead of UTC at `instant` (a TIMESTAMP in UTC). #}
{% macro utc_offset_seconds(instant, time_zone) -%}
    cast(epoch({{ local_time(instant, time_zone) }}) - epoch({{ instant }}) as bigint)
{%- endmacro %}

{#
    with_business_time('clocks', 'calendar', {'started_at': 'started', ...}): the relation's columns plus, for every instant named, the
    open microseconds of the row's calendar up to that instant (BIGINT; null when the instant is null). Subtract two of them. Whole
    microseconds, because a clock that stops exactly at its limit was in time and a sum of doubles would miss that.
    Every calendar must be in int_calendar_spans; a row with another one gets 0 at every instant (a test refuses that).
#}
{% macro with_business_time(relation, calendar, instants) -%}
    select
        timed.*
        {%- for instant, name in instants.items() %},
        case
            when timed.{{ instant }} is not null
                then coalesce(
                    spans_{{ loop.index }}.open_seconds_before * 1000000 + least(
                        epoch_us(timed.{{ instant }}) - epoch_us(spans_{{ loop.index }}.starts_at),
                        spans_{{ loop.index }}.open_seconds * 1000000
                    ),
                    0
                )
        end as {{ name }}
        {%- endfor %}
    from {{ relation }} as timed
    {%- for instant, name in instants.items() %}
    asof left join {{ ref('int_calendar_spans') }} as spans_{{ loop.index }}
        on timed.{{ calendar }} = spans_{{ loop.index }}.calendar
        and timed.{{ instant }} >= spans_{{ loop.index }}.starts_at
    {%- endfor %}
{%- endmacro %}

{#
    with_business_instant('clocks', 'calendar', 'due', 'due_at'): the other way round, the instant at which the calendar has been open
    for that many microseconds; null when that lies beyond the days ahead.
#}
{% macro with_business_instant(relation, calendar, business_time, name) -%}
    select
        timed.*,
        case
            when timed.{{ business_time }} <= (spans.open_seconds_before + spans.open_seconds) * 1000000
                then spans.starts_at + to_microseconds(timed.{{ business_time }} - spans.open_seconds_before * 1000000)
        end as {{ name }}
    from (
        select *, {{ business_time }} / 1000000.0 as business_seconds_sought from {{ relation }}
    ) as timed
    asof left join {{ ref('int_calendar_spans') }} as spans
        on timed.{{ calendar }} = spans.calendar
        and timed.business_seconds_sought > spans.open_seconds_before
{%- endmacro %}

{#
    The instant at which `day` (a DATE) ends in the reporting zone, as a TIMESTAMP in UTC. A midnight that comes twice (clocks go back
    across it) is its first occurrence.
#}
{% macro end_of_day(day) -%}
    {%- set midnight = "(cast(" ~ day ~ " + 1 as timestamp) at time zone " ~ time_zone() ~ ") at time zone 'UTC'" -%}
    (case
        when {{ local_time(midnight ~ " - interval 1 hour") }} = cast({{ day }} + 1 as timestamp)
            then {{ midnight }} - interval 1 hour
        else {{ midnight }}
    end)
{%- endmacro %}

{# The instant at which the as_of day ends: what happened at or after it has not happened yet. #}
{% macro end_of_as_of() -%}
    {{ end_of_day(as_of()) }}
{%- endmacro %}

{# 'HH:MM' (00:00 to 24:00) → minutes since midnight. #}
{% macro minute_of_day(text) -%}
    (cast(split_part({{ text }}, ':', 1) as integer) * 60 + cast(split_part({{ text }}, ':', 2) as integer))
{%- endmacro %}
