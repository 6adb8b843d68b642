with
receipts as (
    select * from {{ ref('fct_receipts') }}
),

lateness as (
    select * from {{ ref('int_supplier_lateness') }}
),

backups as (
    select * from {{ ref('int_backup_suppliers') }}
),

open_lines as (
    select
        receipts.receipt_id,
        receipts.purchase_number,
        receipts.supplier_id,
        coalesce(receipts.supplier, receipts.supplier_number, receipts.supplier_id) as supplier,
        receipts.item,
        receipts.quantity,
        receipts.promised_on,
        lateness.due_count,
        lateness.late_count,
        lateness.late_rate,
        lateness.surely_late_rate,
        backups.backup_supplier_id,
        backups.backup_supplier_number,
        backups.backup_supplier
    from receipts
    inner join lateness
        on receipts.supplier_id = lateness.supplier_id
    left join backups
        on receipts.item = backups.item
    where receipts.received_on is null
        and not receipts.is_cancelled
        and lateness.late_rate > {{ worklist_limit('late_rate') }}
),

final as (
    {{ worklist(
        'late_suppliers', 'open_lines', key='receipt_id', subject="coalesce(purchase_number, receipt_id) || ' ' || coalesce(item, '')",
        evidence_en="supplier || ': ' || late_count || ' of ' || due_count || ' lines late in 90 days (' || round(100 * late_rate, 1) || ' %); '
            || coalesce(format('{:g}', cast(quantity as double)), '?') || ' promised for ' || coalesce(cast(promised_on as varchar), 'no day')
            || coalesce('; backup: ' || backup_supplier, '; nobody else has delivered it')",
        evidence_zh="supplier || ':90 天内 ' || due_count || ' 行中有 ' || late_count || ' 行延迟(' || round(100 * late_rate, 1) || ' %);'
            || coalesce(format('{:g}', cast(quantity as double)), '?') || ' 件,承诺 ' || coalesce(cast(promised_on as varchar), '无日期')
            || coalesce(';备选供应商:' || backup_supplier, ';无其他供应商供过此货')",
        owner='supply_lead', due_at='promised_on',
        severity="case when surely_late_rate > " ~ worklist_limit('late_rate') ~ " then 'act' else 'warn' end",
        value='late_rate', threshold=worklist_limit('late_rate'),
        more=['receipt_id', 'supplier_id', 'item', 'quantity', 'promised_on', 'backup_supplier_id', 'backup_supplier_number', 'backup_supplier']
    ) }}
)

select * from final
