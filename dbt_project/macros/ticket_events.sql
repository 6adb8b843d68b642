{#
    The tickets of events whose records are gone, as `ticket_id`: what is gone does not say any more whose it was, the history of the last build does
    (`history_as_built`). relations: of what events are made, whose ids are <source>:<record>:<kind>.
#}
{% macro tickets_of_events_gone_tonight(relations) -%}
    select history_as_built.ticket_id
    from history_as_built
    semi join (
        {%- for relation in relations %}
        select source_name || ':' || record_key as event_key
        from {{ relation }}
        where is_deleted and {{ landed_tonight() }}
        {%- if not loop.last %}
        union all
        {%- endif %}
        {%- endfor %}
    ) as gone
        on regexp_replace(history_as_built.event_id, ':[a-z_]+$', '') = gone.event_key
{%- endmacro %}
