{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('salesforce', 'campaigns') }}
),

parsed as (
    {{ parse('source', ['Id', 'Name']) }}
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        id as campaign_id,
        name
    from parsed
)

select * from renamed
{{ newest_per_key() }}
