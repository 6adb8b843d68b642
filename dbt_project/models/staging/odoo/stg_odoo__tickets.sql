{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('odoo', 'helpdesk_ticket') }}
),

parsed as (
    {{ parse('source', ['id', 'name', 'ticket_ref', 'team_id', 'stage_id', 'user_id', 'partner_id', 'priority', 'create_date', 'close_date']) }}
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        try_cast(id as bigint) as ticket_id,
        ticket_ref as ticket_reference,
        name as subject,
        try_cast(team_id as bigint) as team_id,
        try_cast(stage_id as bigint) as stage_id,
        try_cast(user_id as bigint) as user_id,
        try_cast(partner_id as bigint) as partner_id,
        priority as priority_number,
        {{ utc('create_date') }} as created_at,
        {{ utc('close_date') }} as closed_at
    from parsed
)

select * from renamed
{{ newest_per_key() }}
