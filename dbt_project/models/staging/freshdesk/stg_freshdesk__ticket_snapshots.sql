-- What each reading of a ticket said, kept: the API tells no history, so its changes are what differs from night to night.
{{ config(unique_key=['source_name', 'record_key', 'updated_at']) }}

with
source as (
    select * from {{ source('freshdesk', 'tickets') }}
),

parsed as (
    {{ parse('source', ['id', 'status', 'priority', 'group_id', 'responder_id', 'created_at', 'updated_at', 'stats'], nested=['stats']) }}
),

renamed as (
    select
        source_name,
        record_key,
        {{ utc('updated_at') }} as updated_at,
        batch_id,
        ordinal,
        try_cast(id as bigint) as ticket_number,
        {{ utc('created_at') }} as created_at,
        try_cast(status as bigint) as status_number,
        try_cast(priority as bigint) as priority_number,
        try_cast(group_id as bigint) as group_number,
        try_cast(responder_id as bigint) as responder_number,
        {{ utc("(stats ->> '$.status_updated_at')") }} as status_changed_at,
        {{ utc("(stats ->> '$.pending_since')") }} as pending_since_at,
        {{ utc("(stats ->> '$.resolved_at')") }} as resolved_at,
        {{ utc("(stats ->> '$.closed_at')") }} as closed_at,
        {{ utc("(stats ->> '$.reopened_at')") }} as reopened_at
    from parsed
    where not is_deleted
)

select * from renamed
{{ newest_per_key(['updated_at']) }}
