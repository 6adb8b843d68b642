{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('freshdesk', 'tickets') }}
),

parsed as (
    {{ parse('source', [
        'id', 'subject', 'status', 'priority', 'source', 'spam', 'group_id', 'responder_id', 'requester_id', 'company_id', 'type', 'tags', 'custom_fields',
        'created_at', 'updated_at', 'due_by', 'fr_due_by', 'stats',
    ], nested=['stats']) }}
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        try_cast(id as bigint) as ticket_number,
        subject,
        try_cast(status as bigint) as status_number,
        try_cast(priority as bigint) as priority_number,
        try_cast(source as bigint) as channel_number,
        coalesce(try_cast(spam as boolean), false) as is_spam,
        try_cast(group_id as bigint) as group_number,
        try_cast(responder_id as bigint) as responder_number,
        try_cast(requester_id as bigint) as requester_number,
        try_cast(company_id as bigint) as company_number,
        type as ticket_type,
        coalesce(try_cast(tags as varchar[]), []) as tags,
        custom_fields,
        {{ utc('created_at') }} as created_at,
        {{ utc('updated_at') }} as updated_at,
        {{ utc('due_by') }} as resolution_due_at,
        {{ utc('fr_due_by') }} as first_response_due_at,
        {{ utc("(stats ->> '$.first_responded_at')") }} as first_responded_at,
        {{ utc("(stats ->> '$.resolved_at')") }} as resolved_at
    from parsed
)

select * from renamed
{{ newest_per_key() }}
