{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('files', 'staff') }}
),

parsed as (
    {{ parse('source', ['person', 'team', 'business_unit', 'is_core', 'fte', 'starts_on', 'ends_on']) }}
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        nullif(trim(person), '') as person,
        nullif(trim(team), '') as team,
        nullif(trim(business_unit), '') as business_unit,
        try_cast(is_core as boolean) as is_core,
        try_cast(fte as decimal(18, 4)) as fte,
        try_cast(starts_on as date) as starts_on,
        try_cast(ends_on as date) as ends_on,
        {{ unread({'is_core': 'boolean', 'fte': 'decimal(18, 4)', 'starts_on': 'date', 'ends_on': 'date'}) }} as unread
    from parsed
)

select * from renamed
{{ newest_per_key() }}
