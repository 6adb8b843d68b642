with
receipts as (
    select * from {{ ref('fct_receipts') }}
),

-- the ninety days of supplier_late_rate
rates as (
    select
        supplier_id,
        count(*) as due_count,
        count(*) filter (where is_late) as late_count
    from receipts
    where is_due and promised_on > {{ as_of() }} - 90
    group by supplier_id
),

judged as (
    select
        *,
        late_count / due_count as late_rate,
        {{ wilson_bound('late_count', 'due_count', 'lower') }} as surely_late_rate
    from rates
),

-- who has delivered the same item in a year and keeps what he promises, the best first
delivered as (
    select
        receipts.item,
        receipts.supplier_id,
        any_value(receipts.supplier_number) as supplier_number,
        coalesce(any_value(receipts.supplier), any_value(receipts.supplier_number), receipts.supplier_id) as supplier,
        count(*) as line_count
    from receipts
    left join judged
        on receipts.supplier_id = judged.supplier_id
    where receipts.received_on > {{ as_of() }} - 365
        and coalesce(judged.late_rate, 0) <= {{ worklist_limit('late_rate') }}
    group by receipts.item, receipts.supplier_id
),

backups as (
    select
        item,
        arg_max(supplier_id, line_count) as backup_supplier_id,
        arg_max(supplier_number, line_count) as backup_supplier_number,
        arg_max(supplier, line_count) as backup_supplier
    from delivered
    group by item
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
        judged.due_count,
        judged.late_count,
        judged.late_rate,
        judged.surely_late_rate,
        backups.backup_supplier_id,
        backups.backup_supplier_number,
        backups.backup_supplier
    from receipts
    inner join judged
        on receipts.supplier_id = judged.supplier_id
    left join backups
        on receipts.item = backups.item
    where receipts.received_on is null
        and not receipts.is_cancelled
        and judged.late_rate > {{ worklist_limit('late_rate') }}
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
