{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('files', 'surveys') }}
),

parsed as (
    {{ parse('source', ['answer', 'answered_on', 'department', 'about', 'score']) }}
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        nullif(trim(answer), '') as answer,
        try_cast(answered_on as date) as answered_on,
        nullif(trim(department), '') as department,
        nullif(trim(about), '') as about,
        try_cast(score as double) as score,
        {{ unread({'answered_on': 'date', 'score': 'double'}) }} as unread
    from parsed
)

select * from renamed
{{ newest_per_key() }}
