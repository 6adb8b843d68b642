{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('files', 'risks') }}
),

parsed as (
    {{ parse('source', ['risk', 'category', 'registered_on', 'materialised_on', 'owner']) }}
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        nullif(trim(risk), '') as risk,
        nullif(trim(category), '') as category,
        try_cast(registered_on as date) as registered_on,
        try_cast(materialised_on as date) as materialised_on,
        nullif(trim(owner), '') as owner,
        {{ unread({'registered_on': 'date', 'materialised_on': 'date'}) }} as unread
    from parsed
)

select * from renamed
{{ newest_per_key() }}
