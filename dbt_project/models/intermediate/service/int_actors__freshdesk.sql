{{ config(enabled=has_kind('freshdesk')) }}

with
contacts as (
    select * from {{ ref('stg_freshdesk__contacts') }}
),

agents as (
    select * from {{ ref('stg_freshdesk__agents') }}
),

-- who stopped being an agent is a contact of the same number
people as (
    select source_name, agent_number as user_number, email, 'agent' as actor_kind, 1 as rank
    from agents
    where agent_number is not null
    union all
    select source_name, contact_number as user_number, email, 'requester' as actor_kind, 2 as rank
    from contacts
    where contact_number is not null
),

final as (
    select
        source_name,
        user_number,
        coalesce(email, 'user ' || user_number) as actor,
        actor_kind
    from people
    qualify row_number() over (partition by source_name, user_number order by rank) = 1
)

select * from final
