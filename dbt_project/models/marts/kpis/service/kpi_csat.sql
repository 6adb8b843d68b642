with
tickets as (
    select * from {{ ref('fct_tickets') }}
),

rated as (
    select
        {{ reporting_day('rated_at') }} as rated_on,
        case when rating = 'good' then 1 else 0 end as is_good,
        1 as is_rated,
        team,
        channel
    from tickets
    where rating is not null
),

resolved as (
    select
        {{ reporting_day('first_resolved_at') }} as first_resolved_on,
        case when rating is not null then 1 else 0 end as is_rated,
        1 as is_resolved,
        team,
        channel
    from tickets
    where first_resolved_at is not null
),

satisfaction as (
    {{ kpi_ratio('csat', 'rated', day='rated_on', numerator='is_good', denominator='is_rated', segments=['team', 'channel']) }}
),

response as (
    {{ kpi_ratio(
        'csat_response_share',
        'resolved',
        day='first_resolved_on',
        numerator='is_rated',
        denominator='is_resolved',
        segments=['team', 'channel'],
    ) }}
),

final as (
    select * from satisfaction
    union all by name
    select * from response
)

select * from final
