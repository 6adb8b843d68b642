with
clocks as (
    select * from {{ ref('fct_ticket_slas') }}
),

incidents as (
    select
        {{ reporting_day('decided_at') }} as decided_on,
        case when outcome = 'met' then 1 else 0 end as is_on_time,
        priority as severity
    from clocks
    where clock = 'resolution'
        and {{ is_incident('priority') }}
        and outcome in ('met', 'breached')
),

final as (
    {{ kpi_ratio('incident_on_time_rate', 'incidents', day='decided_on', numerator='is_on_time', denominator='1', segments=['severity']) }}
)

select * from final
