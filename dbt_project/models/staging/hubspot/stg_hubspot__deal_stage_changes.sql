-- A deal's history is taken apart into its entries here, once.
{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('hubspot', 'deal_stage_history') }}
),

parsed as (
    {{ parse('source', ['id', 'propertiesWithHistory'], nested=['propertiesWithHistory']) }}
),

newest as (
    select * from parsed
    {{ newest_per_key() }}
),

-- a deal without entries keeps one row, or a later reading of it could not replace an earlier one
opened as (
    select
        *,
        coalesce(
            nullif(json_transform(propertieswithhistory, '{"dealstage": [{"value": "VARCHAR", "timestamp": "VARCHAR"}]}').dealstage, []),
            [null]
        ) as entries
    from newest
),

entered as (
    select
        *,
        unnest(entries) as entry,
        generate_subscripts(entries, 1) as entry_position
    from opened
),

renamed as (
    select
        source_name,
        record_key,
        cast(entry_position as bigint) as entry_position,
        batch_id,
        ordinal,
        is_deleted,
        try_cast(id as bigint) as deal_number,
        entry.value as stage,
        {{ utc('entry.timestamp') }} as entered_at
    from entered
)

select * from renamed
