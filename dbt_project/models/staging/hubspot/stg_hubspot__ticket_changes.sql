-- A ticket's histories are taken apart into their entries here, once.
{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('hubspot', 'ticket_history') }}
),

parsed as (
    {{ parse('source', ['id', 'propertiesWithHistory'], nested=['propertiesWithHistory']) }}
),

newest as (
    select * from parsed
    {{ newest_per_key() }}
),

opened as (
    select
        *,
        json_transform(propertieswithhistory, '{
            "hs_pipeline_stage": [{"value": "VARCHAR", "timestamp": "VARCHAR"}],
            "hs_ticket_priority": [{"value": "VARCHAR", "timestamp": "VARCHAR"}],
            "hubspot_owner_id": [{"value": "VARCHAR", "timestamp": "VARCHAR"}]
        }') as history
    from newest
),

listed as (
    select
        *,
        list_transform(history.hs_pipeline_stage, lambda entry: {'field': 'stage', 'value': entry.value, 'at': entry.timestamp}) as stages,
        list_transform(history.hs_ticket_priority, lambda entry: {'field': 'priority', 'value': entry.value, 'at': entry.timestamp}) as priorities,
        list_transform(history.hubspot_owner_id, lambda entry: {'field': 'owner', 'value': entry.value, 'at': entry.timestamp}) as owners
    from opened
),

-- a ticket without entries keeps one row, or a later reading of it could not replace an earlier one
joined as (
    select
        *,
        coalesce(nullif(list_concat(coalesce(stages, []), coalesce(priorities, []), coalesce(owners, [])), []), [null]) as entries
    from listed
),

entered as (
    select
        *,
        unnest(entries) as entry,
        generate_subscripts(entries, 1) as entry_position
    from joined
),

renamed as (
    select
        source_name,
        record_key,
        cast(entry_position as bigint) as entry_position,
        batch_id,
        ordinal,
        is_deleted,
        try_cast(id as bigint) as ticket_number,
        entry.field as field,
        nullif(entry.value, '') as value,
        {{ utc('entry.at') }} as entered_at
    from entered
)

select * from renamed
