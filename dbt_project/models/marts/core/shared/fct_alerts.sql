with
alerts as (
    select * from {{ ref('stg_meridian__alerts') }}
),

-- What was acknowledged or ended after as_of was not yet then.
known as (
    select
        *,
        coalesce(acknowledged_at < {{ end_of_as_of() }}, false) as is_acknowledged,
        coalesce(resolved_at < {{ end_of_as_of() }}, false) as has_ended
    from alerts
    where fired_at < {{ end_of_as_of() }}
),

final as (
    select
        alert_id,
        rule,
        title_en,
        title_zh,
        kpi,
        tier,
        owner,
        severity,
        segment_type,
        segment,
        beyond_since,
        fired_on,
        fired_at,
        times_told,
        is_acknowledged,
        case when is_acknowledged then acknowledged_at end as acknowledged_at,
        case when is_acknowledged then {{ hours_between('fired_at', 'acknowledged_at') }} end as hours_to_acknowledge,
        not has_ended as is_open,
        case when has_ended then resolved_at end as ended_at,
        case when has_ended then {{ hours_between('fired_at', 'resolved_at') }} end as hours_open,
        case when has_ended then resolution end as resolution
    from known
)

select * from final
