{{ config(enabled=has_kind('freshdesk'), materialized='view') }}

with
tickets as (
    select * from {{ ref('stg_freshdesk__tickets') }}
),

snapshots as (
    select * from {{ ref('stg_freshdesk__ticket_snapshots') }}
),

conversations as (
    select * from {{ ref('stg_freshdesk__conversations') }}
),

ratings as (
    select * from {{ ref('stg_freshdesk__satisfaction_ratings') }}
),

groups as (
    select * from {{ ref('stg_freshdesk__groups') }}
),

actors as (
    select * from {{ ref('int_actors__freshdesk') }}
),

actors_as_built as (
    {{ as_built('built_actors__freshdesk', {'source_name': 'varchar', 'user_number': 'bigint', 'actor': 'varchar', 'actor_kind': 'varchar'}) }}
),

history_as_built as (
    {{ as_built('int_ticket_history', {'event_id': 'varchar', 'ticket_id': 'varchar'}, schema='intermediate') }}
),

changed_actors as (
    select source_name, user_number
    from (select source_name, user_number, actor, actor_kind from actors except select * from actors_as_built)
),

concerned as (
    {{ happened_since(ref('stg_freshdesk__tickets'), 'source_name, ticket_number', 'created_at') }}
    union
    {{ happened_since(ref('stg_freshdesk__ticket_snapshots'), 'source_name, ticket_number', 'updated_at') }}
    union
    {{ happened_since(ref('stg_freshdesk__conversations'), 'source_name, ticket_number', 'said_at') }}
    union
    {{ happened_since(ref('stg_freshdesk__satisfaction_ratings'), 'source_name, ticket_number', 'created_at') }}
    union
    select source_name, ticket_number from tickets where {{ has_landed_tonight('groups') }}
    {%- for relation, actor in [('tickets', 'requester_number'), ('tickets', 'responder_number'), ('snapshots', 'responder_number'), ('conversations', 'user_number')] %}
    union
    select {{ relation }}.source_name, {{ relation }}.ticket_number
    from {{ relation }}
    semi join changed_actors on {{ relation }}.source_name = changed_actors.source_name and {{ relation }}.{{ actor }} = changed_actors.user_number
    {%- endfor %}
),

final as (
    select source_name || ':' || ticket_number as ticket_id
    from concerned
    where ticket_number is not null
    union
    -- a rating that is gone does not say any more whose it was
    select history_as_built.ticket_id
    from ratings
    inner join history_as_built
        on ratings.source_name || ':rating:' || ratings.record_key = history_as_built.event_id
    where ratings.is_deleted and {{ landed_tonight('ratings.batch_id') }}
    {%- for relation in ['tickets', 'conversations'] %}
    union
    select source_name || ':' || record_key as ticket_id
    from {{ relation }}
    where is_deleted and {{ landed_tonight() }}
    {%- endfor %}
)

select * from final
