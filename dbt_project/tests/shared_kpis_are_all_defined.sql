-- A KPI id that a model emits but no YAML explains would be published without a name, an owner or a unit.
select distinct kpis.kpi
from {{ ref('kpis') }} as kpis
left join {{ ref('int_kpi_definitions') }} as definitions on kpis.kpi = definitions.kpi
where definitions.kpi is null
