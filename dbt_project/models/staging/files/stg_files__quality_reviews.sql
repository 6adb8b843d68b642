{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('files', 'quality_reviews') }}
),

parsed as (
    {{ parse('source', ['review', 'reviewed_on', 'ticket', 'agent', 'team', 'score']) }}
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        nullif(trim(review), '') as review,
        try_cast(reviewed_on as date) as reviewed_on,
        nullif(trim(ticket), '') as ticket,
        nullif(trim(agent), '') as agent,
        nullif(trim(team), '') as team,
        try_cast(score as decimal(18, 4)) as score,
        {{ unread({'reviewed_on': 'date', 'score': 'decimal(18, 4)'}) }} as unread
    from parsed
)

select * from renamed
{{ newest_per_key() }}
