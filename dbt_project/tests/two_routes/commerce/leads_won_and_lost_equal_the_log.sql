-- lead_conversion_rate and win_rate, over the log of stages instead of the leads' own instants
with
endings as (
    select
        lead_id,
        max({{ reporting_day('event_at') }}) filter (where to_stage = 'won') as won_on,
        max({{ reporting_day('event_at') }}) filter (where to_stage = 'lost') as lost_on,
        min({{ reporting_day('event_at') }}) as began_on
    from {{ ref('int_lead_events') }}
    where {{ reporting_day('event_at') }} <= {{ as_of() }}
    group by lead_id
),

expected as (
    select
        'lead_conversion_rate' as kpi,
        began_on as period_start,
        count(won_on) as numerator,
        count(*) as denominator
    from endings
    group by began_on
    union all
    select
        'win_rate' as kpi,
        coalesce(won_on, lost_on) as period_start,
        count(won_on) as numerator,
        count(*) as denominator
    from endings
    where coalesce(won_on, lost_on) is not null
    group by coalesce(won_on, lost_on)
),

measured as (
    select *
    from (
        select * from {{ ref('kpi_lead_conversion_rate') }}
        union all by name
        select * from {{ ref('kpi_win_rate') }}
    )
    where period_grain = 'day' and segment_type = 'all' and sample_size > 0
)

select *
from measured
full outer join expected using (kpi, period_start)
where measured.numerator is distinct from expected.numerator
    or measured.denominator is distinct from expected.denominator
