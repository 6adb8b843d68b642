{{ config(enabled=has_kind('salesforce')) }}

with
users as (
    select * from {{ ref('stg_salesforce__users') }}
),

final as (
    select
        source_name,
        user_id,
        coalesce(email, 'user ' || user_id) as actor,
        -- "User", UserType: whoever is not one of our own works through a portal or a site
        case
            when user_type in ('AutomatedProcess', 'CloudIntegrationUser') then 'system'
            when user_type is null or user_type in ('Standard', 'CsnOnly') then 'agent'
            else 'requester'
        end as actor_kind
    from users
    where not is_deleted and user_id is not null
)

select * from final
