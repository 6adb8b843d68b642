with
tickets as (
    select * from {{ ref('fct_tickets') }}
),

-- a ticket that its source calls solved without saying when can be counted neither way
judged as (
    select
        created_on,
        case when first_resolved_at <= created_at + interval 7 day then 1 else 0 end as is_resolved,
        team,
        channel
    from tickets
    where first_resolved_at is not null or ended_at is not null or not {{ is_done('status') }}
),

final as (
    {{ kpi_ratio('resolution_rate', 'judged', day='created_on', numerator='is_resolved', denominator='1', segments=['team', 'channel']) }}
)

select * from final
