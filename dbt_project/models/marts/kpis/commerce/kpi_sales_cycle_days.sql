with
leads as (
    select * from {{ ref('fct_leads') }}
),

won as (
    select *
    from leads
    where is_won
        and won_after_days is not null
),

lost as (
    select
        *,
        date_diff('second', created_at, lost_at) / 86400.0 as lost_after_days
    from leads
    where is_lost
        and not {{ is_before('lost_at', 'created_at') }}
),

won_cycles as (
    {{ kpi_median('sales_cycle_days', 'won', day='closed_on', value='won_after_days', segments=['owner', 'region'], p90=false) }}
),

lost_cycles as (
    {{ kpi_median('sales_cycle_days_lost', 'lost', day='closed_on', value='lost_after_days', segments=['owner', 'region'], p90=false) }}
),

final as (
    select * from won_cycles
    union all
    select * from lost_cycles
)

select * from final
