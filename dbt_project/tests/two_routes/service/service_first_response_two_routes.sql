-- First response time, added up again from the opening hours.
{{ opening_hours_added_up('first_response_minutes', until_at='first_human_reply_at', seconds=60) }}
