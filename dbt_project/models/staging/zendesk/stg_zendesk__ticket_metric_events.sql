{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('zendesk', 'ticket_metric_events') }}
),

parsed as (
    {{ parse('source', ['id', 'ticket_id', 'metric', 'instance_id', 'type', 'time', 'sla', 'deleted'], nested=['sla']) }}
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        try_cast(id as bigint) as metric_event_number,
        try_cast(ticket_id as bigint) as ticket_number,
        metric,
        try_cast(instance_id as bigint) as instance_number,
        type as metric_event_type,
        {{ utc('time') }} as happened_at,
        sla ->> '$.policy.title' as policy,
        try_cast(sla ->> '$.target_in_seconds' as bigint) as target_seconds,
        -- a breach that a later change of the ticket took back
        coalesce(try_cast(deleted as boolean), false) as is_taken_back
    from parsed
)

select * from renamed
{{ newest_per_key() }}
