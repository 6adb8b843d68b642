{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('files', 'channel_days') }}
),

parsed as (
    {{ parse('source', ['day', 'channel', 'campaign', 'spend', 'currency', 'visits']) }}
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        try_cast(day as date) as day,
        nullif(trim(channel), '') as channel,
        nullif(trim(campaign), '') as campaign,
        try_cast(spend as double) as spend,
        nullif(trim(currency), '') as currency,
        try_cast(try_cast(visits as double) as bigint) as visits,
        {{ unread({'day': 'date', 'spend': 'double', 'visits': 'double'}) }} as unread
    from parsed
)

select * from renamed
{{ newest_per_key() }}
