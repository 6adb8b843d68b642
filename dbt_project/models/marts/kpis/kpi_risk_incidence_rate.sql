with
risks as (
    select * from {{ ref('stg_files__risks') }}
),

-- A risk is in the register from its day on; what had happened before it was written down counts from then, too.
counted as (
    select
        registered_on as counts_from,
        cast(null as date) as counts_until,
        0 as is_materialised,
        1 as is_registered,
        category
    from risks
    where not is_deleted
    union all
    select
        greatest(registered_on, materialised_on) as counts_from,
        cast(null as date) as counts_until,
        1 as is_materialised,
        0 as is_registered,
        category
    from risks
    where not is_deleted and registered_on is not null and materialised_on is not null
),

final as (
    {{ kpi_ratio_at_period_end(
        'risk_incidence_rate',
        'counted',
        opened_on='counts_from',
        closed_on='counts_until',
        numerator='is_materialised',
        denominator='is_registered',
        segments=['category']
    ) }}
)

select * from final
