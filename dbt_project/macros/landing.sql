{#
    parse('source', ['id', 'created_at', ...]): the landing's columns plus every named top-level field as VARCHAR; nested fields
    as JSON text. One json_transform per record: six times cheaper than one `->>` per field. A field the record lacks is null,
    so is every field of a delete.
#}
{% macro parse(relation, fields) -%}
    {%- set shape = {} -%}
    {%- for field in fields -%}{%- do shape.update({field: 'VARCHAR'}) -%}{%- endfor -%}
    select
        landed.source_name,
        landed.record_key,
        landed.batch_id,
        landed.ordinal,
        landed.is_deleted,
        fields.*
    from (
        select
            _source as source_name,
            _key as record_key,
            _batch as batch_id,
            _ordinal as ordinal,
            coalesce(_deleted, false) as is_deleted,
            json_transform(record, '{{ tojson(shape) | replace("'", "''") }}') as fields
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
