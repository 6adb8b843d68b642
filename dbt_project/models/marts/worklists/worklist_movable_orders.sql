with
draft_lines as (
    select * from {{ ref('int_draft_purchase_lines') }}
),

lateness as (
    select * from {{ ref('int_supplier_lateness') }}
),

backups as (
    select * from {{ ref('int_backup_suppliers') }}
),

movable as (
    select
        draft_lines.draft_line_id,
        draft_lines.purchase_number,
        draft_lines.supplier_id,
        lateness.supplier,
        draft_lines.item,
        draft_lines.quantity,
        draft_lines.wanted_on,
        lateness.due_count,
        lateness.late_count,
        lateness.late_rate,
        lateness.surely_late_rate,
        backups.backup_supplier_id,
        backups.backup_supplier_number,
        backups.backup_supplier
    from draft_lines
    inner join lateness
        on draft_lines.supplier_id = lateness.supplier_id
    inner join backups
        on draft_lines.item = backups.item
    where lateness.late_rate > {{ worklist_limit('late_rate') }}
        and {{ reporting_day('draft_lines.drafted_at') }} <= {{ as_of() }}
),

final as (
    {{ worklist(
        'movable_orders', 'movable', key='draft_line_id', subject="purchase_number || ' ' || item",
        evidence_en="supplier || ': ' || late_count || ' of ' || due_count || ' lines late in 90 days (' || round(100 * late_rate, 1) || ' %); '
            || format('{:g}', cast(quantity as double)) || ' not ordered yet; ' || backup_supplier || ' delivers it and keeps his dates'",
        evidence_zh="supplier || ':90 天内 ' || due_count || ' 行中有 ' || late_count || ' 行延迟(' || round(100 * late_rate, 1) || ' %);'
            || format('{:g}', cast(quantity as double)) || ' 件尚未下单;' || backup_supplier || ' 供此货且按期'",
        owner='supply_lead', due_at='coalesce(wanted_on, ' ~ as_of() ~ ' + 1)',
        severity="case when surely_late_rate > " ~ worklist_limit('late_rate') ~ " then 'act' else 'warn' end",
        value='late_rate', threshold=worklist_limit('late_rate'),
        more=['draft_line_id', 'purchase_number', 'supplier_id', 'item', 'quantity', 'wanted_on', 'backup_supplier_id', 'backup_supplier_number',
              'backup_supplier']
    ) }}
)

select * from final
