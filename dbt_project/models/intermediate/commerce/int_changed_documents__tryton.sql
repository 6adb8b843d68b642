{{ config(enabled=has_kind('tryton')) }}

with
logs as (
    select * from {{ ref('stg_tryton__logs') }}
),

final as (
    select distinct
        source_name,
        resource_model as model,
        resource_id as document_id,
        source_name || ':' || resource_model || ':' || resource_id as document
    from logs
    where {{ landed_tonight() }} and resource_id is not null
)

select * from final
