{{ config(enabled=has_kind('hubspot'), materialized='view') }}

with
tickets as (
    select * from {{ ref('stg_hubspot__tickets') }}
),

changes as (
    select * from {{ ref('stg_hubspot__ticket_changes') }}
),

partners as (
    select * from {{ ref('stg_hubspot__ticket_associations') }}
),

stages as (
    select * from {{ ref('stg_hubspot__pipeline_stages') }}
),

owners as (
    select * from {{ ref('stg_hubspot__owners') }}
),

concerned as (
    {{ happened_since(ref('stg_hubspot__tickets'), 'source_name, ticket_number', 'greatest(created_at, closed_at, first_replied_at)') }}
    union
    {{ happened_since(ref('stg_hubspot__ticket_changes'), 'source_name, ticket_number', 'entered_at') }}
    union
    select source_name, try_cast(split_part(record_key, '|', 1) as bigint) as ticket_number from partners where {{ landed_tonight() }}
    union
    select source_name, ticket_number from tickets
    where {{ has_landed_tonight('stages') }} or {{ has_landed_tonight('owners') }}
),

final as (
    select source_name || ':' || ticket_number as ticket_id
    from concerned
    where ticket_number is not null
    union
    {%- for relation in ['tickets', 'changes'] %}
    select source_name || ':' || record_key as ticket_id
    from {{ relation }}
    where is_deleted and {{ landed_tonight() }}
    {%- if not loop.last %}
    union
    {%- endif %}
    {%- endfor %}
)

select * from final
