{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('files', 'sla_policies') }}
),

parsed as (
    {{ parse('source', ['policy', 'priority', 'first_reply_minutes', 'next_reply_minutes', 'resolution_minutes', 'calendar', 'pauses_on_pending']) }}
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        nullif(trim(policy), '') as policy,
        lower(nullif(trim(priority), '')) as priority,
        try_cast(first_reply_minutes as double) as first_reply_minutes,
        -- not every company promises a time for later answers: the column may be missing
        try_cast(next_reply_minutes as double) as next_reply_minutes,
        try_cast(resolution_minutes as double) as resolution_minutes,
        nullif(trim(calendar), '') as calendar,
        try_cast(pauses_on_pending as boolean) as pauses_on_pending,
        {{ unread({
            'first_reply_minutes': 'double', 'next_reply_minutes': 'double', 'resolution_minutes': 'double', 'pauses_on_pending': 'boolean',
        }) }} as unread
    from parsed
)

select * from renamed
{{ newest_per_key() }}
