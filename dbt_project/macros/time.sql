{# Text of an instant (with an offset, a Z, or meant as UTC) → TIMESTAMP in UTC; what cannot be read is null. #}
{% macro utc(text) -%}
    (try_cast({{ text }} as timestamptz) at time zone 'UTC')
{%- endmacro %}

{# Seconds since 1970 as text → TIMESTAMPTZ; null for what is of no calendar (after the year 9999), which would be an error. #}
{% macro from_epoch(text) -%}
    to_timestamp(case when try_cast({{ text }} as bigint) between 0 and 253402300799 then try_cast({{ text }} as bigint) end)
{%- endmacro %}

{# TIMESTAMP in UTC → the same instant on the wall of `zone` (an SQL expression; default the reporting zone). #}
{% macro local_time(instant, zone=none) -%}
    ((({{ instant }}) at time zone 'UTC') at time zone {{ zone or time_zone() }})
{%- endmacro %}

{# TIMESTAMP in UTC → DATE in the reporting time zone: the day the KPI counts it for. #}
{% macro reporting_day(instant) -%}
    cast({{ local_time(instant) }} as date)
{%- endmacro %}

{# First and last day of the day, week (Monday to Sunday) or month that holds `day`. `grain` is an SQL expression. #}
{% macro period_start(grain, day) -%}
    cast(case {{ grain }} when 'day' then {{ day }} when 'week' then date_trunc('week', {{ day }}) else date_trunc('month', {{ day }}) end as date)
{%- endmacro %}

{% macro period_end(grain, period_start) -%}
    cast(case {{ grain }} when 'day' then {{ period_start }} when 'week' then {{ period_start }} + 6 else last_day({{ period_start }}) end as date)
{%- endmacro %}
