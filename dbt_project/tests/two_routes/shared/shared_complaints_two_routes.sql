-- Major complaints, complaints on time, and disputes that ended with agreement. The second route: the source's complaints and orders, counted by month without the marts between.
with
complaints as (
    select
        *,
        {{ local_time('opened_at') }} as opened_local,
        {{ local_time('due_at') }} as due_local
    from {{ ref('int_complaints') }}
    where opened_at < {{ end_of_as_of() }}
),

orders as (
    select * from {{ ref('int_orders') }}
    where placed_at < {{ end_of_as_of() }}
),

expected as (
    select
        'major_complaint_rate' as kpi,
        (select count(*) from complaints where is_major) as numerator,
        (select count(*) from orders where exists (select 1 from complaints)) as denominator
    union all
    select
        'complaint_on_time_rate' as kpi,
        count(*) filter (where resolved_at <= due_at and resolved_at < {{ end_of_as_of() }}) as numerator,
        count(*) as denominator
    from complaints
    where due_local < cast({{ as_of() }} + 1 as timestamp)
    union all
    select
        'dispute_resolution_rate' as kpi,
        count(*) filter (where is_agreed) as numerator,
        count(is_agreed) as denominator
    from complaints
    where resolved_at < {{ end_of_as_of() }}
),

kpis as (
    select * from {{ ref('kpi_major_complaint_rate') }}
    union all
    select * from {{ ref('kpi_complaint_on_time_rate') }}
    union all
    select * from {{ ref('kpi_dispute_resolution_rate') }}
),

published as (
    select
        kpi,
        period_grain,
        segment_type,
        coalesce(sum(numerator), 0) as numerator,
        coalesce(sum(denominator), 0) as denominator
    from kpis
    group by kpi, period_grain, segment_type
)

select
    published.*,
    expected.numerator as expected_numerator,
    expected.denominator as expected_denominator
from published
inner join expected using (kpi)
where published.numerator <> expected.numerator or published.denominator <> expected.denominator
