{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('salesforce', 'lead_statuses') }}
),

parsed as (
    {{ parse('source', ['ApiName', 'MasterLabel', 'IsConverted']) }}
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        apiname as status,
        coalesce(nullif(masterlabel, ''), apiname) as label,
        coalesce(try_cast(isconverted as boolean), false) as is_converted
    from parsed
)

select * from renamed
{{ newest_per_key() }}
