{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('salesforce', 'case_statuses') }}
),

parsed as (
    {{ parse('source', ['ApiName', 'MasterLabel', 'IsClosed', 'IsDefault']) }}
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
        coalesce(try_cast(isclosed as boolean), false) as is_closed,
        coalesce(try_cast(isdefault as boolean), false) as is_default
    from parsed
)

select * from renamed
{{ newest_per_key() }}
