{# What the KPI models' YAML says, as rows: written once, beside the model, and read from dbt's own graph when the run executes. #}

{# A value as an SQL literal: text quoted, mappings and lists as JSON text, none as null. #}
{% macro literal(value) -%}
    {%- if value is none -%}null
    {%- elif value is number -%}{{ value }}
    {%- elif value is string -%}'{{ value | trim | replace("'", "''") }}'
    {%- else -%}'{{ tojson(value) | replace("'", "''") }}'
    {%- endif -%}
{%- endmacro %}

{# The graph's nodes that carry `meta.kpi`, in the order of their names. #}
{% macro kpi_nodes() %}
    {%- set found = [] -%}
    {%- if execute -%}
        {%- for node in graph.nodes.values() | selectattr('resource_type', 'equalto', 'model') | sort(attribute='name') -%}
            {%- if node.config.get('meta', {}).get('kpi') -%}{%- do found.append(node) -%}{%- endif -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(found) }}
{% endmacro %}

{# Everything `node` is built from, itself included: {'models': [models and seeds], 'sources': [sources]}. #}
{% macro lineage(node) %}
    {%- set found = [node.unique_id] -%}
    {%- set seen = {node.unique_id: true} -%}
    {%- set models = [] -%}
    {%- set sources = [] -%}
    {# The list grows while it is walked: parents are appended behind their children, each once. #}
    {%- for name in found -%}
        {%- if name in graph.sources -%}
            {%- do sources.append(graph.sources[name]) -%}
        {%- elif name in graph.nodes -%}
            {%- do models.append(graph.nodes[name]) -%}
            {%- for parent in graph.nodes[name].depends_on.nodes if parent not in seen -%}
                {%- do seen.update({parent: true}) -%}
                {%- do found.append(parent) -%}
            {%- endfor -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return({'models': models, 'sources': sources}) }}
{% endmacro %}

{# Changes when the SQL of the model, or of any model under it, changes; `restatements` tells by it why a number moved. #}
{% macro definition_revision(node) %}
    {%- set checksums = [] -%}
    {%- for model in lineage(node).models | sort(attribute='name') -%}{%- do checksums.append(model.checksum.checksum) -%}{%- endfor -%}
    {{ return(local_md5(checksums | join(' '))[:12]) }}
{% endmacro %}

{#
    One row per KPI id. A model may emit several: those under `also` inherit what they do not state, but for targets, which are the main
    KPI's own.
#}
{% macro kpi_definition_rows() -%}
    {%- set columns = {
        'title_en': 'varchar', 'title_zh': 'varchar', 'question': 'varchar', 'owner': 'varchar', 'raci': 'varchar', 'unit': 'varchar',
        'direction': 'varchar', 'target': 'double', 'warn_at': 'double', 'act_at': 'double', 'target_change': 'double',
        'effective_from': 'date', 'grain': 'varchar', 'min_sample': 'bigint', 'settles_after_days': 'integer', 'perspective': 'varchar',
        'source_note': 'varchar', 'not_comparable_before': 'date', 'is_trailing': 'boolean',
    } -%}
    {%- set own_only = ['target', 'warn_at', 'act_at', 'target_change'] -%}
    {%- set defaults = {'grain': 'any', 'min_sample': 0, 'settles_after_days': 0, 'is_trailing': false} -%}
    select
        cast(kpi as varchar) as kpi,
        cast(model as varchar) as model,
        {%- for column, type in columns.items() %}
        cast({{ column }} as {{ type }}) as {{ column }},
        {%- endfor %}
        -- The grain is the model's, not the KPI's.
        regexp_replace(cast(definition as varchar), '\s*One row per [^.]+\.\s*$', '') as definition,
        cast(definition_revision as varchar) as definition_revision
    from (values
        {%- for node in kpi_nodes() %}
        {%- set main = node.config.meta.kpi %}
        {%- set family = {node.name[4:]: main} %}
        {%- do family.update(main.get('also') or {}) %}
        {%- for id, stated in family.items() %}
        ({{ literal(id) }}, {{ literal(node.name) }},
            {%- for column in columns %}
            {{- literal(stated.get(column, none if column in own_only else main.get(column, defaults.get(column)))) }},
            {%- endfor %}
            {{- literal(node.description | replace('\n', ' ')) }}, {{ literal(definition_revision(node)) }}),
        {%- endfor %}
        {%- endfor %}
        (null, null, {% for column in columns %}null, {% endfor %}null, null)
    ) as stated (kpi, model, {{ columns | join(', ') }}, definition, definition_revision)
    where kpi is not null
{%- endmacro %}

{# One row per KPI id and stream that its lineage reads. #}
{% macro kpi_source_rows() -%}
    select
        cast(kpi as varchar) as kpi,
        cast(kind as varchar) as kind,
        cast(stream as varchar) as stream
    from (values
        {%- for node in kpi_nodes() %}
        {%- set ids = [node.name[4:]] + ((node.config.meta.kpi.get('also') or {}) | list) %}
        {%- for source in lineage(node).sources if source.source_name != 'meridian' %}
        {%- for id in ids %}
        ({{ literal(id) }}, {{ literal(source.source_name) }}, {{ literal(source.name) }}),
        {%- endfor %}
        {%- endfor %}
        {%- endfor %}
        (null, null, null)
    ) as found (kpi, kind, stream)
    where kpi is not null
{%- endmacro %}
