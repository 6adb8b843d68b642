-- supplier_late_rate, by counting the lines of each window anew instead of sliding it, for every supplier and month
with
measured as (
    select
        period_start,
        least(last_day(period_start), {{ as_of() }}) as ends_on,
        segment,
        numerator,
        denominator
    from {{ ref('kpi_supplier_late_rate') }}
    where period_grain = 'month' and segment_type = 'supplier'
),

expected as (
    select
        measured.period_start,
        measured.segment,
        count(*) filter (where receipts.received_on is null or receipts.received_on > receipts.promised_on) as numerator,
        count(*) as denominator
    from measured
    inner join {{ ref('int_receipts') }} as receipts
        on measured.segment = receipts.supplier
        and receipts.promised_on > measured.ends_on - 90
        and receipts.promised_on <= measured.ends_on
    where not receipts.is_cancelled
        and coalesce(receipts.ordered_on, receipts.promised_on) <= {{ as_of() }}
    group by measured.period_start, measured.segment
)

select *
from measured
left join expected using (period_start, segment)
where coalesce(measured.numerator, 0) <> coalesce(expected.numerator, 0)
    or coalesce(measured.denominator, 0) <> coalesce(expected.denominator, 0)
