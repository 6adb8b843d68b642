{{ config(enabled=has_kind('erpnext')) }}

with
changes as (
    select * from {{ ref('stg_erpnext__changes') }}
),

final as (
    select distinct
        source_name,
        doctype,
        document_name,
        source_name || ':' || doctype || ':' || document_name as document
    from changes
    where {{ landed_tonight() }} and document_name is not null
)

select * from final
