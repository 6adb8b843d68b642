{{ config(severity='warn') }}

-- A definition whose model has rows but which no row carries is a typing error, or a company that does not have such data (no ad spend,
-- say): a remark, not a reason to withhold the night.
select
    definitions.kpi,
    definitions.model
from {{ ref('int_kpi_definitions') }} as definitions
left join {{ ref('kpis') }} as kpis on definitions.kpi = kpis.kpi
where kpis.kpi is null
    and definitions.model in (
        select others.model
        from {{ ref('int_kpi_definitions') }} as others
        inner join {{ ref('kpis') }} as rows_of_others on others.kpi = rows_of_others.kpi
    )
