with
source as (
    select * from {{ source('meridian', 'alerts') }}
),

renamed as (
    select
        alert as alert_id,
        rule,
        title_en,
        title_zh,
        kpi,
        tier,
        owner,
        severity,
        segment_type,
        segment,
        since as beyond_since,
        fired_on,
        fired_at,
        times_told,
        acknowledged_at,
        resolved_at,
        resolution
    from source
)

select * from renamed
