{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('hubspot', 'tickets') }}
),

parsed as (
    {{ parse('source', ['id', 'properties'], nested=['properties']) }}
),

opened as (
    select
        *,
        json_transform(properties, '{
            "subject": "VARCHAR", "hs_pipeline_stage": "VARCHAR", "hs_ticket_priority": "VARCHAR", "hubspot_owner_id": "VARCHAR", "source_type": "VARCHAR",
            "createdate": "VARCHAR", "closed_date": "VARCHAR", "first_agent_reply_date": "VARCHAR"
        }') as property
    from parsed
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        try_cast(id as bigint) as ticket_number,
        property.subject as subject,
        property.hs_pipeline_stage as stage,
        property.hs_ticket_priority as priority,
        try_cast(property.hubspot_owner_id as bigint) as owner_number,
        property.source_type as source_type,
        {{ utc('property.createdate') }} as created_at,
        {{ utc('property.closed_date') }} as closed_at,
        {{ utc('property.first_agent_reply_date') }} as first_replied_at
    from opened
)

select * from renamed
{{ newest_per_key() }}
