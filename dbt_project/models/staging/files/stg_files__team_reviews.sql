{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('files', 'team_reviews') }}
),

parsed as (
    {{ parse('source', ['team', 'reviewed_on', 'score', 'is_passed']) }}
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        nullif(trim(team), '') as team,
        try_cast(reviewed_on as date) as reviewed_on,
        try_cast(score as double) as score,
        try_cast(is_passed as boolean) as is_passed,
        {{ unread({'reviewed_on': 'date', 'score': 'double', 'is_passed': 'boolean'}) }} as unread
    from parsed
)

select * from renamed
{{ newest_per_key() }}
