-- Grain: the source. What the mart must hold: every event as staged, the derived sends among them.
{{ counted_rows('email_systems', ref('stg_klaviyo__events')) }}
