{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('zendesk', 'tickets') }}
),

parsed as (
    {{ parse('source', [
        'id',
        'external_id',
        'via',
        'created_at',
        'updated_at',
        'generated_timestamp',
        'type',
        'subject',
        'priority',
        'status',
        'requester_id',
        'assignee_id',
        'group_id',
        'organization_id',
        'tags',
        'custom_fields',
    ], nested=['via']) }}
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        try_cast(id as bigint) as ticket_number,
        external_id,
        via ->> '$.channel' as via_channel,
        {{ utc('created_at') }} as created_at,
        {{ utc('updated_at') }} as updated_at,
        cast({{ from_epoch('generated_timestamp') }} at time zone 'UTC' as timestamp) as generated_at,
        type as ticket_type,
        subject,
        priority,
        status,
        try_cast(requester_id as bigint) as requester_number,
        try_cast(assignee_id as bigint) as assignee_number,
        try_cast(group_id as bigint) as group_number,
        try_cast(organization_id as bigint) as organization_number,
        coalesce(try_cast(tags as varchar[]), []) as tags,
        custom_fields
    from parsed
)

select * from renamed
{{ newest_per_key() }}
