{{ config(
    enabled=has_kind('erpnext'),
    materialized='incremental',
    incremental_strategy='replace_changed',
    unique_key='document',
    meta={'changed': 'int_changed_documents__erpnext'},
) }}

with
changes as (
    select * from {{ ref('stg_erpnext__changes') }}
    where {{ only_changed('int_changed_documents__erpnext', "source_name || ':' || doctype || ':' || document_name", 'document') }}
),

-- a document is submitted when it first is; a parcel that was put back is picked, packed, sent and delivered when it last is
final as (
    select
        source_name || ':' || doctype || ':' || document_name as document,
        source_name,
        doctype,
        document_name,
        min(changed_at) filter (where field = 'docstatus' and new_value = '1') as submitted_at,
        -- a draft cannot be cancelled: a workflow says that it was turned down
        max(changed_at) filter (
            where (field = 'docstatus' and new_value = '2') or (field = 'workflow_state' and regexp_matches(lower(new_value), 'cancel|reject'))
        ) as cancelled_at,
        {%- for state in ['picked', 'packed', 'shipped', 'delivered'] %}
        max(changed_at) filter (where field = 'workflow_state' and lower(new_value) = '{{ state }}') as {{ state }}_at,
        {%- endfor %}
        min(changed_at) filter (where field = 'delivery_date') as promise_moved_at,
        arg_min(old_value, changed_at) filter (where field = 'delivery_date') as first_promise
    from changes
    where not is_deleted and field in ('docstatus', 'workflow_state', 'delivery_date')
    group by source_name, doctype, document_name
)

select * from final
