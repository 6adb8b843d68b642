-- A pipeline is taken apart into its stages here, once.
{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('hubspot', 'pipelines') }}
),

parsed as (
    {{ parse('source', ['id', 'objectType', 'stages'], nested=['stages']) }}
),

newest as (
    select * from parsed
    {{ newest_per_key() }}
),

-- a pipeline without stages keeps one row, or a later reading of it could not replace an earlier one
opened as (
    select
        *,
        unnest(coalesce(
            nullif(json_transform(stages, '[{
                "id": "VARCHAR", "label": "VARCHAR", "displayOrder": "INTEGER", "metadata": {"isClosed": "BOOLEAN", "probability": "DOUBLE", "ticketState": "VARCHAR"}
            }]'), []),
            [null]
        )) as stage
    from newest
),

renamed as (
    select
        source_name,
        record_key,
        coalesce(stage.id, '') as stage,
        batch_id,
        ordinal,
        is_deleted,
        objecttype as object_type,
        id as pipeline,
        stage.label as label,
        stage.displayorder as display_order,
        coalesce(stage.metadata.isclosed, stage.metadata.ticketstate = 'CLOSED', false) as is_closed,
        coalesce(stage.metadata.probability, 0) as probability
    from opened
)

select * from renamed
