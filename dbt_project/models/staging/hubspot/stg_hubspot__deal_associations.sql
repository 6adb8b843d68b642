{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('hubspot', 'deal_associations') }}
),

parsed as (
    {{ parse('source', ['id', 'toObjectType', 'to'], nested=['to']) }}
),

opened as (
    select
        *,
        json_transform("to", '[{"toObjectId": "BIGINT", "associationTypes": [{"label": "VARCHAR"}]}]') as partners
    from parsed
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        try_cast(id as bigint) as deal_number,
        toobjecttype as partner_type,
        partners[1].toobjectid as first_partner_number,
        [partner.toobjectid for partner in partners if list_contains([kind.label for kind in partner.associationtypes], 'Primary')][1] as primary_partner_number
    from opened
)

select * from renamed
{{ newest_per_key() }}
