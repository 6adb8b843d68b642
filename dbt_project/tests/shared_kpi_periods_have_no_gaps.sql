-- Every segment has every period from the KPI's first one up to the last day of the version: counted, against the calendar.
select
    kpi,
    period_grain,
    segment_type,
    segment,
    count(*) as periods_found
from {{ ref('kpis') }}
group by kpi, period_grain, segment_type, segment
having
    max(period_end) < {{ as_of() }}
    or count(*) <> date_diff(any_value(period_grain), min(period_start), max(period_start)) + 1
