-- Grain: system x day x pair of currencies x dataset. What one unit of the base costs in the quote currency, as each source
-- gives it, over all sources. Nothing to add up.
{{ union_of('exchange_rates', 'exchange_rates', [
    'source_system', 'dataset', 'row_id', 'version_at', 'date_day', 'base_currency', 'quote_currency', 'rate',
]) }}
