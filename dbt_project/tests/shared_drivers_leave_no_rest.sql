-- Every way of splitting a change adds up to it, to a millionth of the larger value.
select
    kpi,
    period_grain,
    period_start,
    compared_with,
    split_by,
    any_value(change) as change,
    sum(contribution) as explained
from {{ ref('kpi_drivers') }}
group by kpi, period_grain, period_start, compared_with, split_by
having abs(sum(contribution) - any_value(change)) > 1e-6 * greatest(1, abs(any_value(value)), abs(any_value(earlier_value)))
