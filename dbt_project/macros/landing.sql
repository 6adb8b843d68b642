{#
    parse('source', ['id', 'created_at', ...]): the landing's columns plus every named top-level field as VARCHAR; what is not a text
    as its JSON. nested: fields of which the model reads parts; they are JSON whatever they say, so that a source which one day puts a text or
    a number there leaves the parts unknown, and the build whole. One json_transform per record: six times cheaper than one `->>` per
    field. A field the record lacks is null, so is every field of a delete. present: fields of which `has_<field>` tells whether the record has them at all, be it as null.
#}
{% macro parse(relation, fields, present=[], nested=[]) -%}
    {%- set shape = {} -%}
    {%- for field in fields -%}{%- do shape.update({field: 'JSON' if field in nested else 'VARCHAR'}) -%}{%- endfor -%}
    select
        landed.source_name,
        landed.record_key,
        landed.batch_id,
        landed.ordinal,
        landed.is_deleted,
        fields.*
        {%- for field in present %},
        coalesce(landed.has_{{ field }}, false) as has_{{ field }}
        {%- endfor %}
    from (
        select
            _source as source_name,
            _key as record_key,
            _batch as batch_id,
            _ordinal as ordinal,
            coalesce(_deleted, false) as is_deleted,
            json_transform(record, '{{ tojson(shape) | replace("'", "''") }}') as fields
            {%- for field in present %},
            json_exists(record, '$.{{ field }}') as has_{{ field }}
            {%- endfor %}
        from {{ relation }}
    ) as landed
{%- endmacro %}

{# The last line of a staging model: of several readings of one record in this run, the one landed last; with `also`, of one record in one state of those columns. #}
{% macro newest_per_key(also=[]) -%}
    qualify row_number() over (
        partition by {{ (['source_name', 'record_key'] + also) | join(', ') }}
        order by batch_id desc, ordinal desc
    ) = 1
{%- endmacro %}

{#
    Which of the register's values are not what they should be, as 'column: what it says'; null where all are. columns: name → type. Staging asks it
    of the text that landed: afterwards there is nothing to see of it.
#}
{% macro unread(columns) -%}
    nullif(concat_ws(', '
        {%- for column, type in columns.items() %},
        case when trim({{ column }}) <> '' and try_cast({{ column }} as {{ type }}) is null then {{ literal(column.replace('"', '')) }} || ': ' || {{ column }} end
        {%- endfor %}
    ), '')
{%- endmacro %}
