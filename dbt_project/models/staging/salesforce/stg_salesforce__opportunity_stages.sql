{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('salesforce', 'opportunity_stages') }}
),

parsed as (
    {{ parse('source', ['ApiName', 'MasterLabel', 'IsClosed', 'IsWon']) }}
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        apiname as stage,
        coalesce(nullif(masterlabel, ''), apiname) as label,
        coalesce(try_cast(isclosed as boolean), false) as is_closed,
        coalesce(try_cast(iswon as boolean), false) as is_won
    from parsed
)

select * from renamed
{{ newest_per_key() }}
