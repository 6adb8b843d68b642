{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('files', 'sites') }}
),

parsed as (
    {{ parse('source', ['site', 'square_metres', 'starts_on', 'ends_on']) }}
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        nullif(trim(site), '') as site,
        try_cast(square_metres as decimal(18, 4)) as square_metres,
        try_cast(starts_on as date) as starts_on,
        try_cast(ends_on as date) as ends_on,
        {{ unread({'square_metres': 'decimal(18, 4)', 'starts_on': 'date', 'ends_on': 'date'}) }} as unread
    from parsed
)

select * from renamed
{{ newest_per_key() }}
