{{ config(
    enabled=has_kind('tryton'),
    materialized='incremental',
    incremental_strategy='replace_changed',
    unique_key='document',
    meta={'changed': 'int_changed_documents__tryton'},
) }}

with
logs as (
    select * from {{ ref('stg_tryton__logs') }}
    where {{ only_changed('int_changed_documents__tryton', "source_name || ':' || resource_model || ':' || resource_id", 'document') }}
),

-- a document is quoted and confirmed when it first is; a parcel that was put back is picked, packed, sent and delivered when it last is
final as (
    select
        source_name || ':' || resource_model || ':' || resource_id as document,
        source_name,
        resource_model as model,
        resource_id as document_id,
        {%- for state in ['quotation', 'confirmed', 'opportunity', 'converted', 'waiting'] %}
        min(logged_at) filter (where event = 'transition' and target = 'state:{{ state }}') as {{ state }}_at,
        arg_min(user_id, (logged_at, log_id)) filter (where event = 'transition' and target = 'state:{{ state }}') as {{ state }}_by,
        {%- endfor %}
        {%- for state in ['picked', 'packed', 'shipped', 'done', 'rejected', 'cancelled'] %}
        max(logged_at) filter (where event = 'transition' and target = 'state:{{ state }}') as {{ state }}_at,
        arg_max(user_id, (logged_at, log_id)) filter (where event = 'transition' and target = 'state:{{ state }}') as {{ state }}_by,
        {%- endfor %}
        max(logged_at) filter (where event = 'button' and target = 'lost') as lost_at,
        -- of a write the log names the fields, separated by commas, and not their values
        min(logged_at) filter (
            where event = 'write' and list_contains(string_split(replace(target, ' ', ''), ','), 'planned_date')
        ) as planned_date_written_at
    from logs
    -- the log of a deleted document has lost its resource
    where not is_deleted and resource_id is not null and (event in ('transition', 'write') or target = 'lost')
    group by source_name, resource_model, resource_id
)

select * from final
