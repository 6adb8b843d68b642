with
tickets as (
    select * from {{ ref('fct_tickets') }}
),

-- a source that does not say who answered cannot tell how many contacts it took
resolved as (
    select
        {{ reporting_day('first_resolved_at') }} as first_resolved_on,
        case when human_replies_to_first_resolution = 1 and not is_reopened_within_7_days then 1 else 0 end as is_first_contact,
        1 as is_resolved,
        team,
        channel
    from tickets
    where first_resolved_at is not null and human_reply_count is not null
),

final as (
    {{ kpi_ratio(
        'first_contact_resolution',
        'resolved',
        day='first_resolved_on',
        numerator='is_first_contact',
        denominator='is_resolved',
        segments=['team', 'channel'],
    ) }}
)

select * from final
