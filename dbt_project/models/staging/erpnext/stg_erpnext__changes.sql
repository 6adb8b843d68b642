-- A version says what a saved document, or a row in it, says otherwise than before; what tells how far it came is taken out here, once. One that tells of
-- nothing of the kind keeps one row, or a later reading could not replace an earlier one.
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

-- `data` is JSON in a text, {"changed": [["docstatus", 0, 1], ...], ...}; of personal values in it only what is looked for here is left (connectors/erpnext_streams.py).
opened as (
    select
        *,
        coalesce(
            nullif(regexp_extract_all(
                data,
                '\[\s*"(?:docstatus|workflow_state|status|sales_stage|delivery_date|priority|custom_team)",\s*(?:"[^"]*"|\d|null),\s*(?:"[^"]*"|\d|null)\s*\]'
            ), []),
            [null]
        ) as changes
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
        change ->> '$[0]' as field,
        change ->> '$[1]' as old_value,
        change ->> '$[2]' as new_value,
        {{ site_instant('creation') }} as changed_at
    from entered
)

select * from renamed
