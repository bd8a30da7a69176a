-- Grain: the source. What the mart must hold: every event as staged, the derived deliveries among them.
{{ counted_rows('email_systems', ref('stg_mailchimp__events')) }}
