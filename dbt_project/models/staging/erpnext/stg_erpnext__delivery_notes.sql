{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('erpnext', 'delivery_notes') }}
),

parsed as (
    {{ parse('source', [
        'name',
        'currency',
        'docstatus',
        'workflow_state',
        'is_return',
        'amended_from',
        'return_against',
        'transporter',
        'transporter_name',
        'net_total',
        'custom_reason',
        'custom_fault',
        'creation',
        'modified',
        '_time_zone',
    ]) }}
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        name as note_name,
        currency,
        try_cast(docstatus as bigint) as docstatus,
        workflow_state,
        lower(is_return) in ('true', '1') as is_return,
        amended_from,
        return_against,
        coalesce(transporter_name, transporter) as carrier,
        try_cast(net_total as decimal(18, 4)) as net_total,
        custom_reason as reason,
        custom_fault as fault,
        {{ site_instant('creation') }} as created_at,
        {{ site_instant('modified') }} as changed_at
    from parsed
)

select * from renamed
{{ newest_per_key() }}
