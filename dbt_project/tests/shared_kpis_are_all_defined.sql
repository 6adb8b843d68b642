-- A KPI id that a model emits but no YAML explains would be published without a name, an owner or a unit; and the other way round a
-- definition that no rows have ever carried is a typing error, once its model has rows at all.
select
    coalesce(emitted.kpi, defined.kpi) as kpi,
    defined.model
from (select distinct kpi from {{ ref('kpis') }}) as emitted
full outer join {{ ref('int_kpi_definitions') }} as defined on emitted.kpi = defined.kpi
where defined.kpi is null
    or (
        emitted.kpi is null
        and defined.model in (
            select definitions.model
            from {{ ref('int_kpi_definitions') }} as definitions
            inner join {{ ref('kpis') }} as kpis on definitions.kpi = kpis.kpi
        )
    )
