{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('files', 'staffing') }}
),

parsed as (
    {{ parse('source', ['team', 'handling_minutes', 'answer_share', 'answer_within_minutes']) }}
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        nullif(trim(team), '') as team,
        try_cast(handling_minutes as double) as handling_minutes,
        try_cast(answer_share as double) as answer_share,
        try_cast(answer_within_minutes as double) as answer_within_minutes,
        {{ unread({'handling_minutes': 'double', 'answer_share': 'double', 'answer_within_minutes': 'double'}) }} as unread
    from parsed
)

select * from renamed
{{ newest_per_key() }}
