{# How far back the process map and the variants look: what was usual before a process was changed is no longer the process. #}
{% macro process_days() %}365{% endmacro %}
