-- An audit is taken apart here, once: its children, one per field or comment, are what everything downstream reads.
{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('zendesk', 'ticket_events') }}
),

parsed as (
    {{ parse('source', ['id', 'ticket_id', 'created_at', 'updater_id', 'child_events'], nested=['child_events']) }}
),

newest as (
    select * from parsed
    {{ newest_per_key() }}
),

-- an audit without children keeps one row, or a later reading of it could not replace an earlier one
children as (
    select
        *,
        unnest(coalesce(
            nullif(json_transform(child_events, '[{
                "id": "VARCHAR", "event_type": "VARCHAR", "previous_value": "VARCHAR", "author_id": "VARCHAR", "public": "BOOLEAN", "status": "VARCHAR",
                "group_id": "VARCHAR", "assignee_id": "VARCHAR", "priority": "VARCHAR", "satisfaction_score": "VARCHAR"
            }]'), []),
            [null]
        )) as child,
        unnest(coalesce(nullif(json_transform(child_events, '["JSON"]'), []), [null])) as child_text,
        generate_subscripts(coalesce(nullif(json_transform(child_events, '["JSON"]'), []), [null]), 1) as child_position
    from newest
),

renamed as (
    select
        source_name,
        record_key,
        cast(child_position as bigint) as child_position,
        batch_id,
        ordinal,
        is_deleted,
        try_cast(ticket_id as bigint) as ticket_number,
        {{ utc('created_at') }} as happened_at,
        try_cast(updater_id as bigint) as updater_number,
        try_cast(child.id as bigint) as child_number,
        lower(child.event_type) as change_type,
        -- a key that is there with null (unassigned) is a change, a key that is not there is none
        case
            when lower(child.event_type) = 'comment' then 'comment'
            when json_exists(child_text, '$.status') then 'status'
            when json_exists(child_text, '$.group_id') then 'group_id'
            when json_exists(child_text, '$.assignee_id') then 'assignee_id'
            when json_exists(child_text, '$.priority') then 'priority'
            when json_exists(child_text, '$.satisfaction_score') then 'satisfaction_score'
        end as field,
        coalesce(child.status, child.group_id, child.assignee_id, child.priority, child.satisfaction_score) as new_value,
        child.previous_value as previous_value,
        try_cast(child.author_id as bigint) as author_number,
        child.public as is_public
    from children
)

select * from renamed
