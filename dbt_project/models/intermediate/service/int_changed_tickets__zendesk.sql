{{ config(enabled=has_kind('zendesk'), materialized='view') }}

with
tickets as (
    select * from {{ ref('stg_zendesk__tickets') }}
),

changes as (
    select * from {{ ref('stg_zendesk__ticket_changes') }}
),

ratings as (
    select * from {{ ref('stg_zendesk__satisfaction_ratings') }}
),

deletions as (
    select * from {{ ref('stg_zendesk__deleted_tickets') }}
),

groups as (
    select * from {{ ref('stg_zendesk__groups') }}
),

actors as (
    select * from {{ ref('int_actors__zendesk') }}
),

actors_as_built as (
    {{ as_built('built_actors__zendesk', {'source_name': 'varchar', 'user_number': 'bigint', 'actor': 'varchar', 'actor_kind': 'varchar'}) }}
),

history_as_built as (
    {{ as_built('int_ticket_history', {'event_id': 'varchar', 'ticket_id': 'varchar'}, schema='intermediate') }}
),

changed_actors as (
    select source_name, user_number, cast(user_number as varchar) as user_text
    from (select source_name, user_number, actor, actor_kind from actors except select * from actors_as_built)
),

concerned as (
    {{ happened_since(ref('stg_zendesk__tickets'), 'source_name, ticket_number', 'created_at') }}
    union
    {{ happened_since(ref('stg_zendesk__ticket_changes'), 'source_name, ticket_number', 'happened_at') }}
    union
    {{ happened_since(ref('stg_zendesk__satisfaction_ratings'), 'source_name, ticket_number', 'created_at') }}
    union
    {{ happened_since(ref('stg_zendesk__ticket_metric_events'), 'source_name, ticket_number', 'happened_at') }}
    union
    select source_name, ticket_number from deletions where {{ landed_tonight() }}
    union
    select source_name, ticket_number from tickets where {{ has_landed_tonight('groups') }}
    union
    select tickets.source_name, tickets.ticket_number
    from tickets
    semi join changed_actors on tickets.source_name = changed_actors.source_name and tickets.assignee_number = changed_actors.user_number
    {%- for actor in ['changes.updater_number', 'changes.author_number'] %}
    union
    select changes.source_name, changes.ticket_number
    from changes
    semi join changed_actors on changes.source_name = changed_actors.source_name and {{ actor }} = changed_actors.user_number
    {%- endfor %}
    {%- for assignee in ['changes.previous_value', 'changes.new_value'] %}
    union
    select changes.source_name, changes.ticket_number
    from changes
    semi join changed_actors on changes.source_name = changed_actors.source_name and {{ assignee }} = changed_actors.user_text
    where changes.field = 'assignee_id'
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
    union
    select source_name || ':' || record_key as ticket_id
    from tickets
    where is_deleted and {{ landed_tonight() }}
)

select * from final
