{#
    The factors that KPIs say they are the product of (`meta.kpi.factors`), one row per KPI and factor: a chain of amounts, each a factor times the one
    before; the last is the KPI itself. Revenue = visits x orders per visit x revenue per order is [visits, orders, revenue].
#}
{% macro kpi_factor_rows() -%}
    select
        cast(kpi as varchar) as kpi,
        cast(position as integer) as position,
        cast(amount as varchar) as amount,
        cast(title_en as varchar) as title_en,
        cast(title_zh as varchar) as title_zh
    from (values
        {%- for node in kpi_nodes() %}
        {%- for factor in node.config.meta.kpi.get('factors') or [] %}
        ({{ literal(node.name[4:]) }}, {{ loop.index }}, {{ literal(factor.amount) }}, {{ literal(factor.title_en) }}, {{ literal(factor.title_zh) }}),
        {%- endfor %}
        {%- endfor %}
        (null, null, null, null, null)
    ) as stated (kpi, position, amount, title_en, title_zh)
    where kpi is not null
{%- endmacro %}

{# What a segment is of, in Chinese, for sentences; what is not listed is called by its id. #}
{% macro segment_type_zh(segment_type) -%}
    case {{ segment_type }}
        {%- for id, title in {
            'channel': '渠道', 'team': '团队', 'region': '地区', 'warehouse': '仓库', 'priority': '优先级', 'supplier': '供应商', 'carrier': '承运商',
            'owner': '负责人', 'campaign': '活动', 'category': '类别', 'item': '物料', 'policy': '服务政策', 'business_unit': '业务单元', 'cohort': '客户批次',
            'kind': '类型', 'unit': '部门', 'age_bucket': '账龄', 'time_zone': '时区', 'perspective': '维度',
        }.items() %}
        when '{{ id }}' then '{{ title }}'
        {%- endfor %}
        else {{ segment_type }}
    end
{%- endmacro %}
