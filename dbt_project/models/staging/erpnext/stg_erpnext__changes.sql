-- A version says what a saved document says otherwise than before; it is taken apart into its fields here, once. One that tells of rows alone keeps one row.
{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('erpnext', 'versions') }}
),

parsed as (
    {{ parse('source', ['name', 'ref_doctype', 'docname', 'data', 'creation', '_time_zone']) }}
),

newest as (
    select * from parsed
    {{ newest_per_key() }}
),

-- `data` is JSON in a text: {"changed": [["docstatus", 0, 1], ...], ...}
opened as (
    select
        *,
        coalesce(nullif(json_transform(data, '{"changed": [["VARCHAR"]]}').changed, []), [null]) as changes
    from newest
),

entered as (
    select
        *,
        unnest(changes) as change,
        generate_subscripts(changes, 1) as change_position
    from opened
),

renamed as (
    select
        source_name,
        record_key,
        cast(change_position as bigint) as change_position,
        batch_id,
        ordinal,
        is_deleted,
        ref_doctype as doctype,
        docname as document_name,
        change[1] as field,
        change[2] as old_value,
        change[3] as new_value,
        {{ site_instant('creation') }} as changed_at
    from entered
)

select * from renamed
