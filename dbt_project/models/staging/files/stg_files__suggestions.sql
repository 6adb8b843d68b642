{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('files', 'suggestions') }}
),

parsed as (
    {{ parse('source', ['suggestion', 'submitted_on', 'submitter', 'unit', 'subject', 'assessed_on', 'decision', 'project']) }}
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        nullif(trim(suggestion), '') as suggestion,
        try_cast(submitted_on as date) as submitted_on,
        nullif(trim(submitter), '') as submitter,
        nullif(trim(unit), '') as unit,
        nullif(trim(subject), '') as subject,
        try_cast(assessed_on as date) as assessed_on,
        lower(nullif(trim(decision), '')) as decision,
        nullif(trim(project), '') as project,
        {{ unread({'submitted_on': 'date', 'assessed_on': 'date'}) }} as unread
    from parsed
)

select * from renamed
{{ newest_per_key() }}
