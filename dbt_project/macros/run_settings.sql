{#
    What this run was told: as_of, time zone, currency, version. Read from a var when one is given (unit tests, a person at a
    terminal), else from the environment, and only at execution: an environment variable read while parsing would make dbt
    parse the model again every night.
#}
{% macro run_setting(name) %}
    {%- set given = var(name, none) -%}
    {%- if given is none and execute -%}
        {%- set given = env_var('MERIDIAN_' ~ name | upper, '') -%}
        {%- if given == '' -%}
            {{ exceptions.raise_compiler_error(
                "This run was not told '" ~ name ~ "'. Set MERIDIAN_" ~ name | upper ~ " or pass --vars '{" ~ name ~ ": ...}'."
            ) }}
        {%- endif -%}
    {%- endif -%}
    {{- return(given) -}}
{% endmacro %}

{# Names that the company declares for `setting`, as a list of lower-case texts; empty where it declares none. Given as a list, or in the environment one a line. #}
{% macro list_of_names(setting) -%}
    {%- set given = var(setting, none) -%}
    {%- if given is none -%}
        {%- set given = env_var('MERIDIAN_' ~ setting | upper, '').split('\n') if execute else [] -%}
    {%- endif -%}
    {%- set names = [] -%}
    {%- for name in given if name -%}{%- do names.append(literal(name | lower)) -%}{%- endfor -%}
    cast([{{ names | join(', ') }}] as varchar[])
{%- endmacro %}

{# The limits of worklists that the company states, by name. #}
{% macro worklist_limits_told() -%}
    {{- return(fromjson(env_var('MERIDIAN_WORKLIST_LIMITS', '{}')) if execute else {}) -}}
{%- endmacro %}

{# The last complete reporting day, inclusive, as a DATE literal. #}
{% macro as_of() %}date '{{ run_setting('as_of') }}'{% endmacro %}

{# Quoted text literals. #}
{% macro time_zone() %}'{{ run_setting('time_zone') }}'{% endmacro %}
{% macro reporting_currency() %}'{{ run_setting('currency') }}'{% endmacro %}
{% macro data_version() %}'{{ run_setting('data_version') }}'{% endmacro %}
{% macro code_revision() %}'{{ run_setting('code_revision') }}'{% endmacro %}

{# The instant of this build, as a TIMESTAMP in UTC. #}
{% macro built_at() %}{{ utc("'" ~ run_setting('built_at') ~ "'") }}{% endmacro %}

{# The last day of the last finished build, 'YYYY-MM-DD'; empty when there is none, or nobody says. #}
{% macro built_as_of() %}{{- return(env_var('MERIDIAN_BUILT_AS_OF', '') if execute else '') -}}{% endmacro %}

{# Whether this run is one that looks at everything, as it is where nobody says: of other nights' tables only what was written tonight can be wrong. #}
{% macro is_audit() %}{{- return(env_var('MERIDIAN_IS_AUDIT', 'yes') == 'yes' if execute else true) -}}{% endmacro %}

{# ',tryton,zendesk,': the kinds of sources whose models are on. The one setting that is read while parsing, because it decides what there is. #}
{% macro kinds_that_are_on(otherwise) %}{{- return(env_var('MERIDIAN_KINDS', otherwise)) -}}{% endmacro %}
