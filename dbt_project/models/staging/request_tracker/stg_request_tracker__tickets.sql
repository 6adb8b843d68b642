{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('request_tracker', 'tickets') }}
),

parsed as (
    {{ parse('source', [
        'id',
        'EffectiveId',
        'Subject',
        'Status',
        'Queue',
        'Owner',
        'Requestor',
        'Creator',
        'Priority',
        'SLA',
        'Created',
        'LastUpdated',
        'CustomFields',
    ], nested=['Queue', 'Owner', 'Requestor', 'Creator', 'CustomFields']) }}
),

custom as (
    select
        *,
        json_transform(CustomFields, '[{"id": "VARCHAR", "name": "VARCHAR", "values": ["VARCHAR"]}]') as custom_fields
    from parsed
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        try_cast(id as bigint) as ticket_number,
        try_cast(EffectiveId as bigint) as effective_ticket_number,
        Subject as subject,
        Status as rt_status,
        coalesce(Queue ->> '$.Name', Queue ->> '$.id') as queue,
        coalesce(Owner ->> '$.Name', Owner ->> '$.id') as owner,
        list_transform(coalesce(json_transform(Requestor, '[{"id": "VARCHAR"}]'), []), lambda person: person.id) as requestors,
        coalesce(Creator ->> '$.Name', Creator ->> '$.id') as creator,
        try_cast(Priority as bigint) as rt_priority,
        nullif(SLA, '') as service_level,
        {{ custom_field('channel') }} as channel,
        {{ custom_field('sla policy') }} as policy,
        {{ custom_field('order number') }} as order_number,
        {{ utc('Created') }} as created_at,
        {{ utc('LastUpdated') }} as updated_at
    from custom
)

select * from renamed
{{ newest_per_key() }}
