with
leads as (
    select * from {{ ref('int_leads') }}
),

-- what happens after the end of the as_of day has not happened yet
known as (
    select
        lead_id,
        source_name,
        customer_id,
        coalesce(owner, 'unknown') as owner,
        coalesce(channel, 'unknown') as channel,
        campaign,
        coalesce(region, 'unknown') as region,
        amount,
        lost_reason,
        created_at,
        {%- for instant in ['converted_at', 'offered_at', 'won_at', 'lost_at', 'cancelled_at'] %}
        case when {{ instant }} < {{ end_of_as_of() }} then {{ instant }} end as {{ instant }}{{ ',' if not loop.last }}
        {%- endfor %}
    from leads
    where created_at < {{ end_of_as_of() }}
),

final as (
    select
        lead_id,
        source_name,
        customer_id,
        owner,
        channel,
        campaign,
        region,
        case
            when won_at is not null then 'won'
            when lost_at is not null then 'lost'
            when cancelled_at is not null then 'cancelled'
            when offered_at is not null then 'offer'
            when converted_at is not null then 'opportunity'
            else 'lead'
        end as stage,
        created_at,
        {{ reporting_day('created_at') }} as created_on,
        converted_at,
        offered_at,
        won_at,
        lost_at,
        cancelled_at,
        {{ reporting_day('coalesce(won_at, lost_at)') }} as closed_on,
        won_at is not null as is_won,
        won_at is null and lost_at is not null as is_lost,
        -- won leads went through every stage, whatever the source wrote down in between
        coalesce(converted_at, offered_at, won_at) is not null as reached_opportunity,
        coalesce(offered_at, won_at) is not null as reached_offer,
        case when won_at is null and lost_at is not null then coalesce(lost_reason, 'unknown') end as lost_reason,
        -- what was entered after it was won took nobody knows how long
        case when not {{ is_before('won_at', 'created_at') }} then date_diff('second', created_at, won_at) / 86400.0 end as won_after_days,
        amount
    from known
)

select * from final
