-- The second route to every ratio, sum and sample: added up over all its days, weeks or months, over the whole or over the segments of any
-- type, a KPI must come to the same. Left out are the models that look back or take stock, whose periods overlap, and goal_attainment,
-- which judges days and months apart, workload_balance and efficiency_gain, whose weeks are no parts of months, coverage_rate, whose teams promise less than the
-- company, and process_compliance_rate, whose cases count at each of their nodes. A denominator that all segments share, days or the whole revenue, does not add up.
{% set overlapping = ['goal_attainment', 'coverage_rate', 'process_compliance_rate', 'workload_balance', 'efficiency_gain'] %}
{% set sharing = ['operating_cost_ratio'] %}
{% for node in kpi_nodes() if 'kpi_trailing_ratio(' in node.raw_code or 'at_period_end(' in node.raw_code %}
    {% do overlapping.append(node.name[4:]) %}
    {% do overlapping.extend((node.config.meta.kpi.get('also') or {}) | list) %}
{% endfor %}
{% for node in kpi_nodes() if 'kpi_per_day(' in node.raw_code %}
    {% do sharing.append(node.name[4:]) %}
    {% do sharing.extend((node.config.meta.kpi.get('also') or {}) | list) %}
{% endfor %}
with
totals as (
    select
        kpi,
        period_grain,
        segment_type,
        coalesce(sum(numerator), 0) as numerator,
        coalesce(sum(denominator) filter (where kpi not in ('{{ sharing | join("', '") }}')), 0) as denominator,
        sum(sample_size) as sample_size
    from {{ ref('kpis') }}
    where kpi not in ('{{ overlapping | join("', '") }}')
    group by kpi, period_grain, segment_type
)

select
    kpi,
    min(numerator) as least_numerator,
    max(numerator) as greatest_numerator,
    min(denominator) as least_denominator,
    max(denominator) as greatest_denominator,
    min(sample_size) as least_sample,
    max(sample_size) as greatest_sample
from totals
group by kpi
having
    {{ differs('min(numerator)', 'max(numerator)') }}
    or {{ differs('min(denominator)', 'max(denominator)') }}
    or min(sample_size) <> max(sample_size)
