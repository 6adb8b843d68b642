{#
    How a model gets its place: worked out, held against its own rules, and put in place, all in one transaction. A build that is killed or fails
    here, be it by a rule, leaves the table before. dbt-duckdb builds under another name, then renames twice and drops once, each a macro with a
    context of its own: 70 tables cost 4 s of CPU in that alone. No model has indexes, foreign keys, grants or Python.
#}
{% materialization table, adapter='duckdb' %}
    {{- return(put_in_place('table')) -}}
{% endmaterialization %}

{% materialization view, adapter='duckdb' %}
    {{- return(put_in_place('view')) -}}
{% endmaterialization %}

{#
    Only tonight's rows are worked out, and looked at. `delete+insert`: they take the place of those with the same unique_key. `replace_changed`: they
    take the place of all rows of tonight's changed entities, see changed.sql.
#}
{% materialization incremental, adapter='duckdb' %}
    {%- set before = load_cached_relation(this) -%}
    {%- if before is none or not before.is_table or should_full_refresh() -%}
        {{- return(put_in_place('table')) -}}
    {%- endif -%}
    {%- set tonight = this.incorporate(path={'database': none, 'schema': none, 'identifier': this.identifier ~ '__tonight'}, type='table') -%}
    {%- set replaced = replaced_rows(tonight) -%}
    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}
    {%- call statement('main') -%}
        {{ create_table_as(True, tonight, sql) }};
        select case
            when {{ columns_of(tonight) }} is distinct from {{ columns_of(this) }}
                then error('its columns are not those of the table that it would add to: build it anew with --full-refresh')
        end;
        {{ rules_of_the_model(tonight) }}
        delete from {{ this }} where {{ replaced }};
        insert into {{ this }} by name select * from {{ tonight }};
        drop table {{ tonight }}
    {%- endcall -%}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {{ adapter.commit() }}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {{- return({'relations': [this.incorporate(type='table')]}) -}}
{% endmaterialization %}

{% macro put_in_place(type) -%}
    {%- set before = load_cached_relation(this) -%}
    {%- set relation = this.incorporate(type=type) -%}
    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}
    {%- call statement('main') -%}
        {%- if before is not none %}drop {{ before.type }} if exists {{ before }};
        {% endif -%}
        {{ create_table_as(False, relation, sql) if type == 'table' else get_create_view_as_sql(relation, sql) }};
        {{ rules_of_the_model(relation) }}
    {%- endcall -%}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {{ adapter.commit() }}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {{- return({'relations': [relation]}) -}}
{%- endmacro %}

{# Condition: the row of the table makes room for tonight's. #}
{% macro replaced_rows(tonight) -%}
    {%- set key, strategy, meta = config.require('unique_key'), config.get('incremental_strategy'), config.get('meta', {}) -%}
    {%- if strategy == 'replace_changed' -%}
        {{ key }} in (select {{ key }} from {{ ref(meta.changed) }}){{ ' or ' ~ meta.also if meta.also }}
    {%- elif strategy == 'delete+insert' -%}
        {%- set columns = key if key is string else key | join(', ') -%}
        ({{ columns }}) in (select ({{ columns }}) from {{ tonight }})
    {%- else -%}
        {{- exceptions.raise_compiler_error(model.name ~ ': incremental_strategy is ' ~ strategy ~ '; here are delete+insert and replace_changed') -}}
    {%- endif -%}
{%- endmacro %}

{% macro columns_of(relation) -%}
    (select list((column_name, column_type) order by column_name) from (describe {{ relation }}))
{%- endmacro %}

{#
    The model's own data tests of its rows (primary_key, columns_hold), asked of `relation` as it is written: a broken one is an error that names it.
    As a node of its own each costs dbt 40 ms of CPU a night whatever it looks at, half of a small company's build, and finds its fault when the
    table already stands. They run as nodes, on whole tables, once a week (flows/build.py).
#}
{% macro rules_of_the_model(relation) -%}
    {#- In brackets: a dot looks for an attribute of the dictionary first, 1,950 times a model. -#}
    {%- for test in graph.nodes.values() if test['resource_type'] == 'test' and test['attached_node'] == model.unique_id and test.config.severity == 'ERROR' -%}
        {%- if test.test_metadata.name == 'primary_key' %}
            {%- set columns = test.test_metadata.kwargs.columns %}
        select error({{ literal('primary key (' ~ columns | join(', ') ~ ')') }} || ' is null or of several rows ' || count(*) || ' times, such as ' || min(broken_key))
        from ({{ broken_keys(relation, columns) }})
        having count(*) > 0;
        {%- elif test.test_metadata.name == 'columns_hold' %}
        select error(string_agg(condition || ' is not true of ' || row_count || ' rows', '; '))
        from ({{ broken_conditions(relation, test.test_metadata.kwargs.conditions) }})
        having count(*) > 0;
        {%- endif -%}
    {%- endfor -%}
{%- endmacro %}
