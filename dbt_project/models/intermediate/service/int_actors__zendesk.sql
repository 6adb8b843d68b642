{{ config(enabled=has_kind('zendesk')) }}

with
users as (
    select * from {{ ref('stg_zendesk__users') }}
),

final as (
    select
        source_name,
        user_number,
        coalesce(email, 'user ' || user_number) as actor,
        case
            when role = 'end-user' then 'requester'
            when list_contains(tags, 'bot') then 'bot'
            else 'agent'
        end as actor_kind
    from users
)

select * from final
