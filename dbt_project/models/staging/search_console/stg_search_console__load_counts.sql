-- Grain: the source. What the mart must hold: every row that names a query or a page; property rows become what is unattributed.
{{ counted_rows('organic_search', ref('stg_search_console__organic_search'), "level <> 'property'") }}
